import { closeSync, openSync } from 'node:fs'
import { lstat, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { StoreUnusable } from '../../domain/errors.ts'
import { codeOf, storeFailure } from './failures.ts'

/** The right to write in one folder, until it is released or the process ends. Keep it referenced: a lock that is collected is lost. */
export interface Lease {
  release(): Promise<void>
}

/** SQLite's number for "somebody else holds it". */
const SQLITE_BUSY = 5

const holder = z.object({ pid: z.int(), startedAt: z.string(), host: z.string() })

/**
 * Locks the folder, or refuses and names the holder. The lock is SQLite's own lock on `lock.db`: the system drops it with the process,
 * however that ends, it holds between containers that share the folder, and SQLite also excludes a second holder in the same process.
 * `lock.json` is for the message only. `where` is the state directory as the user knows it. For so long somebody else may hold it, during
 * which this process does nothing else.
 */
export async function acquireLock(folder: string, where = folder, waitMs = 0): Promise<Lease> {
  const path = join(folder, 'lock.db')
  const note = join(folder, 'lock.json')
  const database = await openDatabase(path, where, waitMs)
  try {
    // Nothing is ever written: no rollback journal beside it.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (sqliteCode(cause) === SQLITE_BUSY) throw new StoreUnusable(await inUse(note, where), true, { cause })
    throw new StoreUnusable(`${path} cannot be locked (${messageOf(cause)}); remove that file while nothing runs on it.`, false, { cause })
  }
  const mine = { pid: process.pid, startedAt: new Date().toISOString(), host: hostname() }
  // Without it (no room, say) the lock holds as well; only the other's message is poorer.
  await rm(note, { force: true }).catch(() => {})
  await writeFile(note, `${JSON.stringify(mine)}\n`, { mode: 0o600, flag: 'wx' }).catch(() => {})
  let isHeld = true
  return {
    async release() {
      if (!isHeld) return
      isHeld = false
      await rm(note, { force: true }).catch(() => {})
      database.close()
    },
  }
}

/**
 * Who holds the lock of the folder, in words; null when nobody does. Asks without taking it, and changes nothing.
 * Not for a folder whose lock this process may hold: its answer would loosen it.
 */
export async function lockHolder(folder: string): Promise<string | null> {
  const path = join(folder, 'lock.db')
  const isThere = await lstat(path).then(
    found => found.isFile(),
    () => false,
  )
  if (!isThere) return null
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    database.prepare('PRAGMA schema_version').get()
    return null
  } catch (cause) {
    if (sqliteCode(cause) !== SQLITE_BUSY) throw cause
    return processIn(join(folder, 'lock.json'))
  } finally {
    database.close()
  }
}

async function openDatabase(path: string, where: string, waitMs: number): Promise<DatabaseSync> {
  try {
    // Made here for its mode, and opened only when it is new: closing any file of an inode drops this process's locks on it.
    closeSync(openSync(path, 'wx', 0o600))
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw storeFailure(cause, `Making ${path}`, where)
  }
  if (!(await lstat(path)).isFile()) throw storeFailure(Object.assign(new Error(path), { code: 'ELOOP' }), `Locking ${path}`, where)
  try {
    return new DatabaseSync(path, { timeout: waitMs })
  } catch (cause) {
    throw new StoreUnusable(`${path} cannot be opened (${messageOf(cause)}); make it belong to this user.`, false, { cause })
  }
}

const inUse = async (note: string, where: string): Promise<string> =>
  `The state directory ${where} is in use by ${await processIn(note)}; stop it or use another --state-dir.`

async function processIn(note: string): Promise<string> {
  try {
    const { pid, startedAt, host } = holder.parse(JSON.parse(await readFile(note, 'utf8')))
    return `process ${pid}${host === hostname() ? '' : ` on ${host}`} (since ${startedAt})`
  } catch {
    return 'another process'
  }
}

const sqliteCode = (cause: unknown): unknown => (cause instanceof Error && 'errcode' in cause ? cause.errcode : undefined)
const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
