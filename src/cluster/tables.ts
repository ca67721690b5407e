/** What the engine keeps, read by the SQL of its admin interface: how things are at the moment; nobody is held up by it. */
import { Pool } from 'undici'
import { reasonOf } from '../adapters/ztm/undici-transport.ts'
import { ZtmChatError } from '../domain/errors.ts'
import type { AccountId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import { headersWith, isLocked, LOCKED } from './engine.ts'
import { NAME, type Values } from './kept.ts'

export type KeptIn = 'chat' | 'pairing' | 'account' | 'fleet'
/** One value of one object. It is as this program writes it; of an entry the version tells whether that is so. */
export type Row<Name extends keyof Values = keyof Values> = {
  [Each in Name]: { readonly key: string; readonly name: Each; readonly value: Values[Each] }
}[Name]

/** `keys`: these objects only; `name`: values of this name only; `word`: those that have it in them, and it has no wildcard of SQL in it. */
export type Which<Name extends keyof Values = keyof Values> = {
  readonly keys?: readonly string[]
  readonly name?: Name
  readonly word?: string
}

export interface Tables {
  /** Of all objects of a kind, or those of one account, by their keys in order. @throws {TablesAway} */
  rows<Name extends keyof Values>(kind: KeptIn, account?: AccountId, which?: Which<Name>): AsyncGenerator<Row<Name>>
  /** Keys of an account's chats, or of those among them, in order. @throws {TablesAway} */
  chats(account: AccountId, keys?: readonly string[]): AsyncGenerator<string>
  /** Any rows of the engine's own. @throws {TablesAway} */
  query(sql: string): Promise<readonly Readonly<Record<string, Json>>[]>
  close(): Promise<void>
}

/** Nobody answers there, or not as the engine does. */
export class TablesAway extends ZtmChatError {
  readonly retryable = true
  readonly mayHaveActed = false
}

/** In one answer: a chat with much to say has some 100 KB. */
const PAGE_ROWS = 500
const ANSWER_MS = 60_000

export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

export function openTables(admin: string, token: string | null = null): Tables {
  const { origin, pathname } = new URL(admin)
  const path = `${pathname.replace(/\/+$/, '')}/query`
  const pool = new Pool(origin, { connections: 2, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS })

  const query = async (sql: string) => {
    const { status, text } = await ask(sql).catch((error: unknown) => {
      const reason = error instanceof Error ? reasonOf(error) : String(error)
      throw new TablesAway(`${admin} does not answer (${reason}); is Restate running, and is that its admin interface?`, { cause: error })
    })
    if (isLocked(status)) throw new TablesAway(`${admin} lets nobody in (${status})${LOCKED}`)
    const rows = status === 200 ? rowsIn(text) : null
    if (rows === null)
      throw new TablesAway(
        `What answers at ${admin} does not tell what it keeps (${status}: ${text.trim().slice(0, 300)}); that must be Restate's admin interface.`,
      )
    return rows
  }

  async function ask(sql: string) {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path,
      headers: { ...headersWith(token), 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query: sql }),
    })
    return { status: statusCode, text: await body.text() }
  }

  /** From one page to the next, by key and name. */
  async function* pages(columns: string, kind: KeptIn, account: AccountId | undefined, { keys, name, word }: Which) {
    const among = [
      `service_name = ${quoted(kind)}`,
      ...(account === undefined ? [] : [ofAccount(kind, account)]),
      ...(keys === undefined ? [] : [`service_key IN (${keys.map(quoted).join(', ')})`]),
      ...(name === undefined ? [] : [`key = ${quoted(name)}`]),
      ...(word === undefined ? [] : [`value_utf8 LIKE ${quoted(`%${word}%`)}`]),
    ]
    if (keys?.length === 0) return
    for (let after: readonly [key: string, name: string] | null = null; ; ) {
      const where: readonly string[] = after === null ? among : [...among, isAfter(...after)]
      const found = await query(`SELECT ${columns} FROM state WHERE ${where.join(' AND ')} ORDER BY service_key, key LIMIT ${PAGE_ROWS}`)
      yield* found
      const last = found.at(-1)
      if (last === undefined || found.length < PAGE_ROWS) return
      after = [String(last['service_key']), String(last['key'])]
    }
  }

  return {
    query,
    async *rows<Name extends keyof Values>(kind: KeptIn, account?: AccountId, which: Which<Name> = {}) {
      for await (const { service_key, key, value_utf8 } of pages('service_key, key, value_utf8', kind, account, which))
        yield { key: String(service_key), name: key, value: JSON.parse(String(value_utf8)) } as Row<Name>
    },
    async *chats(account, keys) {
      for await (const { service_key } of pages('service_key, key', 'chat', account, { name: NAME, ...(keys && { keys }) }))
        yield String(service_key)
    },
    close: () => pool.destroy(),
  }
}

/** Its own object goes by its id; of the others the id begins the key, with a slash behind it, on which "0" follows. */
function ofAccount(kind: KeptIn, account: AccountId): string {
  if (kind === 'account') return `service_key = ${quoted(account)}`
  const prefix = encodeURIComponent(account)
  return `service_key > ${quoted(`${prefix}/`)} AND service_key < ${quoted(`${prefix}0`)}`
}

const isAfter = (key: string, name: string): string =>
  `(service_key > ${quoted(key)} OR (service_key = ${quoted(key)} AND key > ${quoted(name)}))`

function rowsIn(text: string): readonly Readonly<Record<string, Json>>[] | null {
  try {
    const { rows } = JSON.parse(text) as { readonly rows?: readonly Readonly<Record<string, Json>>[] }
    return Array.isArray(rows) ? rows : null
  } catch {
    return null
  }
}
