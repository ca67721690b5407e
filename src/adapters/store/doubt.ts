/**
 * What a failed sync was to make durable may never become so: the system can take lost pages and names for written, and the next sync
 * succeeds for nothing, in the next process as well. So a failure leaves a mark, and a start that finds it writes everything anew
 * before it believes any of it. Whatever survives a loss of power needs no mark.
 */
import type { Disk } from '../../ports/disk.ts'
import { codeOf } from './failures.ts'
import { JOURNAL_FOLDER } from './journal.ts'
import { SHARD_FOLDER } from './shards.ts'

/** A line for each failure, and after the last one the files that have been written anew since: each start goes on where the one before failed. */
const MARK = 'unsynced'
const FAILED = '?'

/** The same disk, with the mark. */
export function marking(disk: Disk): Disk {
  const orMark = async (work: Promise<void>): Promise<void> => {
    try {
      await work
    } catch (cause) {
      // Without the mark the next start believes what it reads, as it does on a disk that has never failed: the failure itself is told.
      await note(disk, FAILED).catch(() => {})
      throw cause
    }
  }
  // One after the other: the failure of one is told only when it is marked, and another beside it, which succeeds for nothing, would be
  // believed until then.
  const folderSyncs = new Map<string, Promise<void>>()
  return {
    ...disk,
    async append(path) {
      const file = await disk.append(path)
      return { ...file, sync: () => orMark(file.sync()) }
    },
    syncFolder(folder) {
      const before = folderSyncs.get(folder) ?? Promise.resolve()
      const sync = before.then(() => orMark(disk.syncFolder(folder)))
      folderSyncs.set(
        folder,
        sync.catch(() => {}),
      )
      return sync
    },
  }
}

async function note(disk: Disk, line: string): Promise<void> {
  const file = await disk.append(MARK)
  try {
    // The line before may have been cut.
    await file.write(new TextEncoder().encode(`\n${line}\n`))
  } finally {
    await file.close()
  }
}

/**
 * After the mark: every file of the state under its name, anew. A file that cannot be read is for the loader to judge; on a full disk the
 * mark stays for a later start, and this one believes what it reads: it would rather run degraded than not at all.
 */
export async function renewDoubtful(disk: Disk): Promise<void> {
  if (!(await disk.list('.')).includes(MARK)) return
  const lines = new TextDecoder().decode((await readable(disk, MARK)) ?? new Uint8Array()).split('\n')
  const done = new Set(lines.slice(lines.lastIndexOf(FAILED) + 1))
  for (const folder of [JOURNAL_FOLDER, SHARD_FOLDER]) {
    for (const name of await disk.list(folder)) {
      const path = `${folder}/${name}`
      const data = done.has(path) ? null : await readable(disk, path)
      if (data && !(await renew(disk, path, data))) return
    }
    await disk.syncFolder(folder)
  }
  await disk.remove(MARK)
}

/** False: there is no room. */
async function renew(disk: Disk, path: string, data: Uint8Array): Promise<boolean> {
  try {
    await disk.write(`${path}.tmp`, data)
    await disk.rename(`${path}.tmp`, path)
    await note(disk, path)
    return true
  } catch (cause) {
    const code = codeOf(cause)
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause
    // If even this fails, the next start removes it.
    await disk.remove(`${path}.tmp`).catch(() => {})
    return false
  }
}

/** Null also when the device cannot read it. */
export async function readable(disk: Disk, path: string): Promise<Uint8Array | null> {
  try {
    return await disk.read(path)
  } catch (cause) {
    if (codeOf(cause) === 'EIO') return null
    throw cause
  }
}
