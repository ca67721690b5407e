/** What the engine keeps, read by the SQL of its admin interface: how things are at the moment; nobody is held up by it. */
import { Pool } from 'undici'
import { reasonOf } from '../adapters/ztm/undici-transport.ts'
import { ZtmChatError } from '../domain/errors.ts'
import type { AccountId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'

export type KeptIn = 'chat' | 'pairing' | 'account' | 'fleet'
/** One value of one object. */
export type Row = { readonly key: string; readonly name: string; readonly value: Json }

export interface Tables {
  /** Of all objects of a kind, or those of one account, by their keys in order. @throws {TablesAway} */
  rows(kind: KeptIn, account?: AccountId): AsyncGenerator<Row>
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

export function openTables(admin: string): Tables {
  const { origin, pathname } = new URL(admin)
  const path = `${pathname.replace(/\/+$/, '')}/query`
  const pool = new Pool(origin, { connections: 2, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS })

  const query = async (sql: string) => {
    const { status, text } = await ask(sql).catch((error: unknown) => {
      const reason = error instanceof Error ? reasonOf(error) : String(error)
      throw new TablesAway(`${admin} does not answer (${reason}); is Restate running, and is that its admin interface?`, { cause: error })
    })
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
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query: sql }),
    })
    return { status: statusCode, text: await body.text() }
  }

  return {
    query,
    async *rows(kind, account) {
      // After an account's name comes a slash, or nothing: "0" is what follows on it.
      const prefix = account === undefined ? null : encodeURIComponent(account)
      const among =
        prefix === null
          ? ''
          : `AND (service_key = ${quoted(prefix)} OR (service_key > ${quoted(`${prefix}/`)} AND service_key < ${quoted(`${prefix}0`)}))`
      for (let after: Row | null = null; ; ) {
        const from: string =
          after === null
            ? ''
            : `AND (service_key > ${quoted(after.key)} OR (service_key = ${quoted(after.key)} AND key > ${quoted(after.name)}))`
        const found = await query(
          `SELECT service_key, key, value_utf8 FROM state WHERE service_name = ${quoted(kind)} ${among} ${from} ORDER BY service_key, key LIMIT ${PAGE_ROWS}`,
        )
        for (const { service_key, key, value_utf8 } of found) {
          after = { key: String(service_key), name: String(key), value: JSON.parse(String(value_utf8)) as Json }
          yield after
        }
        if (found.length < PAGE_ROWS) return
      }
    },
    close: () => pool.destroy(),
  }
}

function rowsIn(text: string): readonly Readonly<Record<string, Json>>[] | null {
  try {
    const { rows } = JSON.parse(text) as { readonly rows?: readonly Readonly<Record<string, Json>>[] }
    return Array.isArray(rows) ? rows : null
  } catch {
    return null
  }
}
