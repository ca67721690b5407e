/**
 * Segments that every shard contains, kept for a while for those who ask what happened. No start reads them, and nothing depends on
 * them: where room is needed they go first.
 */
import type { Disk } from '../../ports/disk.ts'
import type { HistoryBounds } from '../../ports/store.ts'
import { codeOf } from './failures.ts'
import type { KeptSegment } from './journal.ts'

export const ARCHIVE_FOLDER = 'archive'

/** The name says all that keeping it within bounds needs: first and last record, when the last was decided, bytes. */
const NAME = /^(\d{15})-(\d+)-(\d+)-(\d+)\.log$/

export type Archived = {
  readonly path: string
  readonly firstSeq: number
  readonly lastSeq: number
  readonly lastAtMs: number
  readonly bytes: number
}

export interface Archive {
  /** Takes over a segment's file; false when it has no records, so that nobody can want it. Durable after `prune`. */
  take(segment: KeptSegment): Promise<boolean>
  /** Drops what is out of bounds, counted back from the newest, and makes durable what was taken. */
  prune(bounds: HistoryBounds): Promise<void>
  /** Oldest first. */
  list(): Promise<readonly Archived[]>
  clear(): Promise<void>
}

export function createArchive(disk: Disk): Archive {
  const list = async (): Promise<readonly Archived[]> =>
    (await disk.list(ARCHIVE_FOLDER)).flatMap((name): Archived[] => {
      const [, firstSeq, lastSeq, lastAtMs, bytes] = NAME.exec(name)?.map(Number) ?? []
      return firstSeq === undefined || lastSeq === undefined || lastAtMs === undefined || bytes === undefined
        ? []
        : [{ path: `${ARCHIVE_FOLDER}/${name}`, firstSeq, lastSeq, lastAtMs, bytes }]
    })
  const remove = async (all: readonly Archived[]): Promise<void> => {
    for (const { path } of all) await disk.remove(path)
    if (all.length > 0) await disk.syncFolder(ARCHIVE_FOLDER)
  }
  return {
    async take({ path, firstSeq, lastSeq, lastAtMs, bytes }) {
      if (firstSeq === null) return false
      await disk.makeFolder(ARCHIVE_FOLDER)
      const name = [String(firstSeq).padStart(15, '0'), lastSeq, Math.max(0, Math.floor(lastAtMs)), bytes].join('-')
      try {
        await disk.rename(path, `${ARCHIVE_FOLDER}/${name}.log`)
      } catch (cause) {
        if (codeOf(cause) !== 'ENOENT') throw cause
      }
      return true
    },
    async prune({ ms, bytes: bytesMax }) {
      const all = await list()
      if (all.length === 0) return
      const oldestMs = Math.max(...all.map(({ lastAtMs }) => lastAtMs)) - ms
      let bytes = 0
      await remove(
        all.toReversed().filter(segment => {
          bytes += segment.bytes
          return bytes > bytesMax || segment.lastAtMs < oldestMs
        }),
      )
      await disk.syncFolder(ARCHIVE_FOLDER)
    },
    list,
    async clear() {
      await remove(await list())
    },
  }
}
