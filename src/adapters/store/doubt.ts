/**
 * What a failed sync was to make durable may never become so: the system can take lost pages and names for written, and the next sync
 * succeeds for nothing, in the next process as well. So a failure leaves a mark, and a start that finds it writes everything anew
 * before it believes any of it. Whatever survives a loss of power needs no mark.
 */
import type { Disk } from '../../ports/disk.ts'
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
      // A disk that does not take even this has not lost its power: only a start that meets nothing but good syncs would miss it.
      await note(disk, FAILED).catch(() => {})
      throw cause
    }
  }
  return {
    ...disk,
    async append(path) {
      const file = await disk.append(path)
      return { ...file, sync: () => orMark(file.sync()) }
    },
    syncFolder: folder => orMark(disk.syncFolder(folder)),
  }
}

async function note(disk: Disk, line: string): Promise<void> {
  const file = await disk.append(MARK)
  try {
    await file.write(new TextEncoder().encode(`${line}\n`))
  } finally {
    await file.close()
  }
}

/** After the mark: every file of the state under its name, anew. */
export async function renewDoubtful(disk: Disk): Promise<void> {
  const mark = await disk.read(MARK)
  if (!mark) return
  const lines = new TextDecoder().decode(mark).split('\n')
  const done = new Set(lines.slice(lines.lastIndexOf(FAILED) + 1))
  for (const folder of [JOURNAL_FOLDER, SHARD_FOLDER]) {
    for (const name of await disk.list(folder)) {
      const path = `${folder}/${name}`
      const data = done.has(path) ? null : await disk.read(path)
      if (!data) continue
      await disk.write(`${path}.tmp`, data)
      await disk.rename(`${path}.tmp`, path)
      await note(disk, path)
    }
    await disk.syncFolder(folder)
  }
  await disk.remove(MARK)
}
