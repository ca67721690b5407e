/**
 * How a fleet is at a moment: what its objects keep, and what its feeders tell. A fleet may have more chats than anybody can look at:
 * those with something to do come first, then those with the newest records; and what has not changed is not read again.
 */
import type { Transport } from '../../adapters/ztm/transport.ts'
import { type AccountId, type ChatId, peerChat } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Registry } from '../../runtime/registry.ts'
import type { AccountStatus } from '../../runtime/runtime.ts'
import { accountsAt } from '../feeder-accounts.ts'
import { isGone, MOVE, NAME } from '../kept.ts'
import { keyIn, parseKey } from '../keys.ts'
import { feedersOf, keep, openRegistry } from '../look.ts'
import { PAST, type Past } from '../past.ts'
import { quoted, type Row, type Tables } from '../tables.ts'

export type AccountPicture = {
  /** What its feeder tells; null: it has none, or that one does not tell. */
  readonly told: AccountStatus | null
  /** Where its feeder is; null: it has none. */
  readonly feeder: string | null
  /** All of them. */
  readonly chats: number
  /** Those that are shown, and the pairing requests. */
  readonly registry: Registry
  /** Records of those that are shown. */
  readonly pasts: ReadonlyMap<ChatId, Past | null>
}

export type Picture = {
  readonly accounts: ReadonlyMap<AccountId, AccountPicture>
  /** Of feeders that do not tell. */
  readonly troubles: readonly string[]
  close(): void
}

export type PictureOptions = {
  readonly accounts: readonly AccountSettings[]
  readonly tables: Pick<Tables, 'rows' | 'query'>
  readonly transport: Pick<Transport, 'request'>
  /** Shared by services and feeders. */
  readonly secret: string
}

/** Looks again. `wanted`: keys of chats that somebody has asked for. @throws {TablesAway | KeptOtherwise} */
export type Looking = (wanted: ReadonlySet<string>) => Promise<Picture>

/** Of the whole fleet: some 2 MB. */
export const BUSY_MAX = 200
export const NEWEST_MAX = 500
/** Of the text of what is kept: it begins with the version and the time of the newest record. */
const STAMP_CHARACTERS = 60

/** A chart that runs, or a dead letter. In a text of a message each quotation mark has a backslash before it. */
const HAS_SOMETHING = ['%"chat":{"%', '%"outbox":{"%', '%"deadLetters":[{%'].map(form => `value_utf8 LIKE ${quoted(form)}`).join(' OR ')
const HAS_LEFT = `value_utf8 LIKE ${quoted('%"moved":{"way":"out"}%')}`
/** Of what is kept of a request that is open: every stranger who ever asked has an object. */
const OPEN = '"stored":{'
const BUSY = `SELECT service_key FROM state WHERE service_name = 'chat' AND key = ${quoted(NAME)} AND (${HAS_SOMETHING}) AND NOT (${HAS_LEFT}) ORDER BY service_key LIMIT ${BUSY_MAX}`
const NEWEST = `SELECT service_key, substr(value_utf8, 1, ${STAMP_CHARACTERS}) AS stamp FROM state WHERE service_name = 'chat' AND key = ${quoted(PAST)} ORDER BY value_utf8 DESC LIMIT ${NEWEST_MAX}`
const COUNTS = `SELECT split_part(service_key, '/', 1) AS account, count(*) AS chats FROM state WHERE service_name = 'chat' AND key = ${quoted(NAME)} GROUP BY 1`

/** `stamp`: of its records, when it was last read. */
type Known = { stamp: string; entry: Row<typeof NAME> | null; past: Past | null }

export function createLooking({ accounts, tables, transport, secret }: PictureOptions): Looking {
  let known = new Map<string, Known>()
  let isBusy: ReadonlySet<string> = new Set()

  const openRequests = async (): Promise<readonly Row<typeof NAME>[]> => {
    const found: Row<typeof NAME>[] = []
    for await (const row of tables.rows('pairing', undefined, { name: NAME, word: OPEN })) if (!isGone(row.value)) found.push(row)
    return found
  }
  const accountsElsewhere = async (): Promise<ReadonlySet<AccountId>> => {
    const found = new Set<AccountId>()
    for await (const { key, value } of tables.rows('account', undefined, { name: MOVE })) if (value.way === 'out') found.add(key)
    return found
  }

  return async wanted => {
    const { members, holders } = await feedersOf(tables)
    const [told, busy, newest, counts, pairings, elsewhere] = await Promise.all([
      accountsAt([...new Set(members.map(({ address }) => address))], secret, transport),
      tables.query(BUSY),
      tables.query(NEWEST),
      tables.query(COUNTS),
      openRequests(),
      accountsElsewhere(),
    ])
    const busyKeys = busy.map(row => String(row['service_key']))
    const stamps = new Map(newest.map(row => [String(row['service_key']), String(row['stamp'])]))
    const shown = new Set([...busyKeys, ...stamps.keys(), ...wanted, ...pairings.map(({ key }) => chatOfRequest(key))])
    const always = new Set([...busyKeys, ...wanted])
    const now = new Map<string, Known>()
    const stale: string[] = []
    for (const key of shown) {
      const before = known.get(key)
      const stamp = stamps.get(key) ?? ''
      // One that had something to do may have done it without a record.
      const isStale = always.has(key) || before === undefined || before.stamp !== stamp || isBusy.has(key)
      now.set(key, isStale ? { stamp, entry: null, past: null } : before)
      if (isStale) stale.push(key)
    }
    for await (const row of tables.rows('chat', undefined, { keys: stale })) {
      const one = now.get(row.key)
      if (one && row.name === NAME) one.entry = row
      if (one && row.name === PAST) one.past = row.value
    }
    known = now
    isBusy = new Set(busyKeys)

    const chats = new Map(counts.map(row => [decodeURIComponent(String(row['account'])), Number(row['chats'])]))
    const opened: (() => void)[] = []
    const pictures = new Map<AccountId, AccountPicture>()
    for (const settings of accounts) {
      const { id } = settings
      const prefix = keyIn(id, '')
      const entries = new Map<string, Json>()
      const pasts = new Map<ChatId, Past | null>()
      for (const row of pairings) if (row.key.startsWith(prefix)) keep(entries, `pairing:${row.key.slice(prefix.length)}`, row)
      for (const [key, { entry, past }] of now) {
        if (entry === null || !key.startsWith(prefix)) continue
        const chat = key.slice(prefix.length) as ChatId
        if (keep(entries, `chat:${chat}`, entry)) pasts.set(chat, past)
      }
      const { registry, close } = openRegistry(settings, entries)
      opened.push(close)
      pictures.set(id, {
        told: told.accounts.get(id) ?? null,
        feeder: holders.get(id)?.address ?? null,
        chats: elsewhere.has(id) ? 0 : (chats.get(id) ?? 0),
        registry,
        pasts,
      })
    }
    return {
      accounts: pictures,
      troubles: told.troubles,
      close() {
        for (const close of opened) close()
      },
    }
  }
}

/** Where the messages of a stranger are held. */
function chatOfRequest(key: string): string {
  const request = parseKey(key)
  return request === null ? key : keyIn(request.account, peerChat(request.name))
}
