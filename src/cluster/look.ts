/** What the objects of an account keep, seen with the eyes of the embedded host. Nobody is held up by it, and nothing is changed. */
import { SHARD_VERSION } from '../adapters/store/shard-file.ts'
import { ZtmChatError } from '../domain/errors.ts'
import { type AccountId, type ChatId, peerChat, type UserName } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { AccountSettings } from '../domain/settings.ts'
import { createChatBook } from '../runtime/chat-book.ts'
import { noEffects } from '../runtime/effects.ts'
import { explainFrom } from '../runtime/explain.ts'
import type { Life, Wanted } from '../runtime/life.ts'
import { createNursery } from '../runtime/nursery.ts'
import { createRegistry, type Registry } from '../runtime/registry.ts'
import type { FeederAddress, Member, Move } from './contracts.ts'
import { HOLDER, isGone, MEMBERS, MOVE, NAME } from './kept.ts'
import { keyIn, parseKey } from './keys.ts'
import { historyOf, PAST } from './past.ts'
import type { Row, Tables, Which } from './tables.ts'

/** It is of another version than this program. */
export class KeptOtherwise extends ZtmChatError {
  readonly retryable = false
  readonly mayHaveActed = false
}

/** One after the other, so that the texts of a hundred thousand chats are never held at once. */
const CHATS_AT_ONCE = 500

/** Of a chat, or of all chats whose state has this word in it. */
export type Some = { readonly chat: ChatId } | { readonly word: string }
const whichOf = (account: AccountId, some: Some): Which => ('chat' in some ? { keys: [keyIn(account, some.chat)] } : some)

/** Some of an account's chats after the other; each registry is good until the next one is asked for. */
export async function* chatsOf(tables: Tables, settings: AccountSettings, some?: Some): AsyncGenerator<Registry> {
  const { id: account } = settings
  let page = new Map<string, Json>()
  for await (const row of tables.rows('chat', account, { ...(some && whichOf(account, some)), name: NAME })) {
    keep(page, `chat:${chatIn(account, row.key)}`, row)
    if (page.size < CHATS_AT_ONCE) continue
    yield* registryOf(settings, page)
    page = new Map()
  }
  yield* registryOf(settings, page)
}

/** Why messages of an account were answered or not, from the newest records of its chats, and where these do not reach, from what each still knows. */
export async function livesIn(tables: Tables, settings: AccountSettings, wanted: Wanted): Promise<readonly Life[]> {
  const { id: account } = settings
  const some = 'chat' in wanted ? wanted : { word: wanted.id }
  const records = {
    async *history() {
      for await (const { key, value } of tables.rows('chat', account, { ...whichOf(account, some), name: PAST }))
        yield* historyOf(value, chatIn(account, key)).history()
    },
  }
  const lives = await explainFrom(records, NO_CHATS, wanted)
  const known = new Set(lives.map(({ id }) => id))
  const others: Life[] = []
  for await (const registry of chatsOf(tables, settings, some))
    others.push(...(await explainFrom(NO_RECORDS, registry, wanted)).filter(({ id }) => !known.has(id)))
  return 'last' in wanted ? [...others, ...lives].slice(-wanted.last) : [...others, ...lives]
}
const NO_CHATS = { chats: createChatBook() }
const NO_RECORDS = { async *history() {} }

/** Who was let in, and who asks to be, with the chats of the latter. */
export async function* peopleOf(tables: Tables, settings: AccountSettings): AsyncGenerator<Registry> {
  const { id: account } = settings
  const entries = new Map<string, Json>()
  if ((await moveOf(tables, account))?.way === 'out') return yield* registryOf(settings, entries)
  for await (const row of tables.rows('account', account, { name: NAME })) keep(entries, 'account', row)
  const users: UserName[] = []
  for await (const row of tables.rows('pairing', account, { name: NAME })) {
    const user = row.key.slice(keyIn(account, '').length)
    if (keep(entries, `pairing:${user}`, row)) users.push(user)
  }
  for await (const row of tables.rows('chat', account, { name: NAME, keys: users.map(user => keyIn(account, peerChat(user))) }))
    keep(entries, `chat:${chatIn(account, row.key)}`, row)
  yield* registryOf(settings, entries)
}

const chatIn = (account: AccountId, key: string): ChatId => key.slice(keyIn(account, '').length) as ChatId

export function keep(entries: Map<string, Json>, name: string, { key, value }: Row<typeof NAME>): boolean {
  const { version, stored } = value
  if (version !== SHARD_VERSION)
    throw new KeptOtherwise(
      `What is kept of "${key}" has version ${version}, and this program knows version ${SHARD_VERSION} only; use the ztm-chat of its fleet.`,
    )
  if (stored === null || isGone(value)) return false
  entries.set(name, stored)
  return true
}

function* registryOf(settings: AccountSettings, stored: ReadonlyMap<string, Json>): Generator<Registry> {
  const { registry, close } = openRegistry(settings, stored)
  try {
    yield registry
  } finally {
    close()
  }
}

/** `stored`: entries by their key in a snapshot. */
export function openRegistry(
  { limits }: Pick<AccountSettings, 'limits'>,
  stored: ReadonlyMap<string, Json>,
): { readonly registry: Registry; close(): void } {
  const failures: unknown[] = []
  const nursery = createNursery('look', (_, error) => failures.push(error))
  const registry = createRegistry({ nursery, limits, effects: noEffects })
  const close = () => {
    registry.stop()
    nursery.stop()
  }
  try {
    const entries = new Map([...stored].map(([key, value]) => [key, { seq: 0, json: JSON.stringify(value) }]))
    registry.replay({ entries, tail: [], lastSeq: 0, problems: [] })
    registry.show()
    if (failures.length > 0) throw failures[0]
    return { registry, close }
  } catch (error) {
    close()
    throw error
  }
}

/** Feeders that live, and who has which account. */
export async function feedersOf(tables: Pick<Tables, 'rows'>): Promise<{
  readonly members: readonly Member[]
  readonly holders: ReadonlyMap<AccountId, FeederAddress>
}> {
  const members: Member[] = []
  for await (const { value } of tables.rows('fleet', undefined, { name: MEMBERS })) members.push(...value)
  const holders = new Map<AccountId, FeederAddress>()
  for await (const { key, value } of tables.rows('account', undefined, { name: HOLDER }))
    if (members.some(({ session }) => session === value.session)) holders.set(key, value)
  return { members, holders }
}

/** One at which it is likely that it will not end by itself. */
export type Stuck = { readonly target: string; readonly account: AccountId | null; readonly tries: number; readonly reason: string }

const TRIES_MIN = 5
const STUCK_MAX = 20

/** Null: the account was never moved. */
export async function moveOf(tables: Pick<Tables, 'rows'>, account: AccountId): Promise<Move | null> {
  for await (const { value } of tables.rows('account', account, { name: MOVE })) return value
  return null
}

/** Whether the engine was told of a fleet's services; they may be away all the same. */
export async function areServicesKnown(tables: Tables): Promise<boolean> {
  return (await tables.query(`SELECT name FROM sys_service WHERE name = 'fleet'`)).length > 0
}

/** Invocations that fail again and again, the worst first. */
export async function stuckOf(tables: Tables): Promise<readonly Stuck[]> {
  const rows = await tables.query(
    `SELECT target, target_service_name, target_service_key, retry_count, last_failure FROM sys_invocation
     WHERE status <> 'completed' AND retry_count >= ${TRIES_MIN} ORDER BY retry_count DESC LIMIT ${STUCK_MAX}`,
  )
  return rows.map(row => ({
    target: String(row['target']),
    account: accountIn(String(row['target_service_name']), String(row['target_service_key'] ?? '')),
    tries: Number(row['retry_count']),
    reason: String(row['last_failure'] ?? ''),
  }))
}

function accountIn(kind: string, key: string): AccountId | null {
  if (kind === 'account') return key
  return parseKey(key)?.account ?? null
}
