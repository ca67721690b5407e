/** In place of a Restate server's admin interface: rows of its tables, in a database that reads the same SQL. */
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import { keyIn } from '../../src/cluster/keys.ts'
import type { ChatId } from '../../src/domain/ids.ts'
import type { Json } from '../../src/domain/json.ts'
import { json, startServer } from '../adapters/ztm/local-server.ts'

export interface EngineTables {
  readonly url: string
  /** What was asked so far. */
  readonly queries: readonly string[]
  put(kind: string, key: string, name: string, value: unknown): void
  /** What an object keeps of its charts. */
  keep(kind: 'chat' | 'pairing' | 'account', account: string, name: string, stored: Json, version?: number): void
  /** As an engine that no service was told to. */
  forgetServices(): void
  fails(target: string, service: string, key: string | null, tries: number, reason: string, status?: string): void
}

export async function startTables(path = ''): Promise<EngineTables> {
  const database = new DatabaseSync(':memory:')
  database.exec('CREATE TABLE state (service_name TEXT, service_key TEXT, key TEXT, value_utf8 TEXT)')
  database.exec(
    'CREATE TABLE sys_invocation (target TEXT, target_service_name TEXT, target_service_key TEXT, status TEXT, retry_count INT, last_failure TEXT)',
  )
  database.exec("CREATE TABLE sys_service AS SELECT 'fleet' AS name")
  database.function('split_part', (text, by, part) => String(text).split(String(by))[Number(part) - 1] ?? '')
  const queries: string[] = []
  const server = await startServer(({ url, body }, response) => {
    if (url !== `${path}/query`) return void response.writeHead(404).end('no such page')
    const { query } = JSON.parse(String(body)) as { readonly query: string }
    queries.push(query)
    json(response, { rows: database.prepare(query).all() })
  })
  onTestFinished(async () => {
    await server.close()
    database.close()
  })
  const put: EngineTables['put'] = (kind, key, name, value) => {
    database.prepare('DELETE FROM state WHERE service_name = ? AND service_key = ? AND key = ?').run(kind, key, name)
    database.prepare('INSERT INTO state VALUES (?, ?, ?, ?)').run(kind, key, name, JSON.stringify(value))
  }
  return {
    url: server.url + path,
    queries,
    put,
    keep: (kind, account, name, stored, version = 1) =>
      put(kind, kind === 'account' ? account : keyIn(account, name as ChatId), 'entry', { version, stored }),
    forgetServices: () => database.exec('DELETE FROM sys_service'),
    fails: (target, service, key, tries, reason, status = 'backing-off') =>
      void database.prepare('INSERT INTO sys_invocation VALUES (?, ?, ?, ?, ?, ?)').run(target, service, key, status, tries, reason),
  }
}
