/**
 * What a failed sync was to make durable may never become so: the system can take lost pages and names for written, and the next sync
 * succeeds for nothing, in the next process as well. So a failure leaves a mark, and a start that finds it writes everything anew
 * before it believes any of it. Whatever survives a loss of power needs no mark.
 */
import type { Disk } from '../../ports/disk.ts'
import { JOURNAL_FOLDER } from './journal.ts'
import { SHARD_FOLDER } from './shards.ts'

const MARK = 'unsynced'

/** The same disk, with the mark. */
export function marking(disk: Disk): Disk {
  const orMark = async (work: Promise<void>): Promise<void> => {
    try {
      await work
    } catch (cause) {
      // A disk that does not take even this has not lost its power: only a start that meets nothing but good syncs would miss it.
      await mark().catch(() => {})
      throw cause
    }
  }
  const mark = async () => (await disk.append(MARK)).close()
  return {
    ...disk,
    async append(path) {
      const file = await disk.append(path)
      return { ...file, sync: () => orMark(file.sync()) }
    },
    write: (path, data) => orMark(disk.write(path, data)),
    syncFolder: folder => orMark(disk.syncFolder(folder)),
  }
}

/** After the mark: every file of the state under its name, anew. */
export async function renewDoubtful(disk: Disk): Promise<void> {
  if (!(await disk.list('.')).includes(MARK)) return
  for (const folder of [JOURNAL_FOLDER, SHARD_FOLDER]) {
    for (const name of await disk.list(folder)) {
      const path = `${folder}/${name}`
      const data = await disk.read(path)
      if (!data) continue
      await disk.write(`${path}.tmp`, data)
      await disk.rename(`${path}.tmp`, path)
    }
    await disk.syncFolder(folder)
  }
  await disk.remove(MARK)
}
