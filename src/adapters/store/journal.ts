import { StoreUnusable } from '../../domain/errors.ts'
import type { Disk, DiskFile } from '../../ports/disk.ts'
import type { HistoryBounds, StoredRecord } from '../../ports/store.ts'
import type { Archive } from './archive.ts'
import { codeOf, storeFailure } from './failures.ts'
import type { Numbers } from './numbers.ts'
import { encodeHeader, encodeRecord, segmentName } from './segment.ts'

export const JOURNAL_FOLDER = 'journal'
export const segmentPath = (number: number): string => `${JOURNAL_FOLDER}/${segmentName(number)}`

/** Past this a segment is ended. */
export const SEGMENT_BYTES = 4 * 1_048_576
/** Batches that wait go out together up to this; what is beyond goes in the next write. */
const WRITE_BYTES_MAX = 4 * 1_048_576
/** What a segment costs a start however short it is: so that many starts with little to do are folded, too. */
const SEGMENT_COST_BYTES = 16 * 1_024

export interface KeptSegment {
  readonly path: string
  /** Durable bytes. */
  bytes: number
  /** Last durable record in it, or before it. */
  lastSeq: number
  /** First durable record in it; null = it has none. */
  firstSeq: number | null
  /** When its last durable record was decided, wall clock ms. */
  lastAtMs: number
}

export interface Journal {
  /** Resolves when all of them are durable. */
  append(records: readonly StoredRecord[]): Promise<void>
  /** Resolves when every record up to `seq` is durable; rejects when one of them fails, or was never appended. */
  untilDurable(seq: number): Promise<void>
  /** What is appended from now on goes to a new segment, so that the one before can be dropped. */
  seal(): void
  /** Removes the segments that have nothing beyond `seq`: to the archive when they are to be kept. */
  dropUpTo(seq: number, keep?: HistoryBounds): Promise<void>
  /** Oldest first. */
  segments(): readonly Readonly<KeptSegment>[]
  /** Last durable record. */
  durable(): number
  bytes(): number
  /** Resolves when what was appended is written, and the file is closed. */
  close(): Promise<void>
}

export interface JournalOptions {
  readonly disk: Disk
  readonly numbers: Numbers
  readonly archive: Archive
  /** For messages: the state directory. */
  readonly where: string
  readonly segmentBytes: number
  /** What the start has found, oldest first. */
  readonly segments: readonly KeptSegment[]
  readonly lastNumber: number
  readonly lastSeq: number
}

type Waiting = {
  readonly data: Buffer
  readonly lastSeq: number
  readonly atMs: number
  readonly done: () => void
  readonly failed: (cause: Error) => void
}
type Live = {
  readonly file: DiskFile
  readonly segment: KeptSegment
  isSealed: boolean
  /** Of the folder's syncs that had failed when it was made. */
  readonly failedBefore: number
}

/**
 * J1. One write and one sync at a time; what is appended meanwhile goes out together in the next.
 * J2. A batch that fails takes with it what was appended behind it: a record is never durable without those before it.
 * J3. A segment that failed is not used again, not even to try the same once more: after a failed sync the system may
 *     take the lost pages for written, and the second sync succeeds for nothing.
 */
export function createJournal({ disk, numbers, archive, where, segmentBytes, ...found }: JournalOptions): Journal {
  let segments: KeptSegment[] = [...found.segments]
  let number = found.lastNumber
  let durable = found.lastSeq
  /** Last record that was written or waits to be. */
  let taken = found.lastSeq
  let waiting: Waiting[] = []
  let live: Live | null = null
  let writing: Promise<void> | null = null
  let closing: Promise<void> = Promise.resolve()
  let folderFailures = 0
  let isClosed = false

  const enqueue = (data: Buffer, lastSeq: number, atMs: number): Promise<void> =>
    new Promise((done, failed) => {
      waiting.push({ data, lastSeq, atMs, done, failed })
      writing ??= writeAll()
    })

  const writeAll = async (): Promise<void> => {
    // What is appended in the same turn goes out in the same write.
    await Promise.resolve()
    while (waiting.length > 0) {
      const batch = take(waiting)
      try {
        await write(batch)
        for (const { done } of batch) done()
      } catch (cause) {
        await abandon()
        const failure = storeFailure(cause, 'Writing the journal', where)
        const behind = waiting
        waiting = []
        taken = durable
        for (const { failed } of [...batch, ...behind]) failed(failure)
      }
    }
    writing = null
  }

  const write = async (batch: readonly Waiting[]): Promise<void> => {
    const data = Buffer.concat(batch.map(one => one.data))
    if (data.byteLength === 0) return
    if (live && (live.isSealed || live.segment.bytes >= segmentBytes)) endLive(live)
    const isNew = live === null
    live ??= await begin()
    await live.file.write(isNew ? Buffer.concat([encodeHeader(durable), data]) : data)
    await live.file.sync()
    if (isNew) await syncFolder()
    if (isNew && live.failedBefore < folderFailures) throw new LostName()
    live.segment.firstSeq ??= durable + 1
    durable = Math.max(...batch.map(one => one.lastSeq))
    live.segment.lastAtMs = Math.max(...batch.map(one => one.atMs))
    live.segment.bytes = live.file.size()
    live.segment.lastSeq = durable
  }

  const syncFolder = async (): Promise<void> => {
    try {
      await disk.syncFolder(JOURNAL_FOLDER)
    } catch (cause) {
      folderFailures += 1
      throw cause
    }
  }

  const begin = async (): Promise<Live> => {
    const path = segmentPath(++number)
    await numbers.note(number)
    // Until its first write is durable no fold covers it: one that ends meanwhile would remove the file under the write.
    const segment: KeptSegment = { path, bytes: 0, lastSeq: Number.POSITIVE_INFINITY, firstSeq: null, lastAtMs: 0 }
    segments.push(segment)
    // Before it is made: a sync that fails meanwhile may take its name with it.
    const failedBefore = folderFailures
    try {
      return { file: await disk.append(path), segment, isSealed: false, failedBefore }
    } catch (cause) {
      segments = segments.filter(one => one !== segment)
      throw cause
    }
  }

  const endLive = ({ file }: Live): void => {
    live = null
    // Everything in it is durable: nothing depends on how closing ends.
    const closed = file.close().catch(() => {})
    closing = closing.then(() => closed)
  }

  /** Takes what is not durable out of sight, as well as it can be done: a start after this must not find records that failed. */
  const abandon = async (): Promise<void> => {
    if (!live) return
    const { file, segment } = live
    segment.lastSeq = durable
    if (segment.bytes > 0) await file.truncate(segment.bytes).catch(() => {})
    endLive(live)
    if (segment.bytes > 0) return
    await closing
    await remove(segment).catch(() => {})
  }

  const remove = async (segment: KeptSegment): Promise<void> => {
    try {
      await disk.remove(segment.path)
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT') throw cause
    }
    segments = segments.filter(one => one !== segment)
  }

  const closedError = () => new StoreUnusable(`The store of ${where} is closed; open it again.`, false)

  return {
    async append(records) {
      if (isClosed) throw closedError()
      for (const [at, { seq }] of records.entries()) {
        if (seq === taken + 1 + at) continue
        throw new StoreUnusable(
          `The journal of ${where} goes on with record ${taken + 1 + at} and was given ${seq}; nothing of it was written. Append again from there.`,
          true,
        )
      }
      const last = records.at(-1)
      if (!last) return
      const data = Buffer.concat(records.map(encodeRecord))
      taken = last.seq
      await enqueue(data, last.seq, last.atMs)
    },
    async untilDurable(seq) {
      if (durable >= seq) return
      if (taken < seq) {
        throw new StoreUnusable(`Record ${seq} of ${where} is not durable, so no snapshot may contain it; try again later.`, true)
      }
      await enqueue(Buffer.alloc(0), durable, 0)
    },
    seal() {
      if (live) live.isSealed = true
    },
    async dropUpTo(seq, keep) {
      if (live?.isSealed && !writing) endLive(live)
      await closing
      const covered = segments.filter(segment => segment !== live?.segment && segment.lastSeq <= seq)
      // The newest one last: what makes void the rest of a segment that failed is the one that follows it.
      for (const gone of [covered.slice(0, -1), covered.slice(-1)]) {
        for (const segment of gone) {
          if (keep && (await archive.take(segment))) segments = segments.filter(one => one !== segment)
          else await remove(segment)
        }
        // Kept before it is gone: a crash in between leaves it in both, and nothing is read twice.
        if (keep && gone.length > 0) await archive.prune(keep)
        if (gone.length > 0) await syncFolder()
      }
    },
    segments: () => segments,
    durable: () => durable,
    bytes: () => segments.reduce((sum, { bytes }) => sum + Math.max(bytes, SEGMENT_COST_BYTES), 0),
    async close() {
      isClosed = true
      await writing
      if (live) endLive(live)
      await closing
    },
  }
}

/** A sync of the folder that somebody else had asked for failed, and may have taken the new segment's name with it. */
class LostName extends Error {
  readonly code = 'EIO'
}

/** Takes from the front what fits in one write, at least one. */
function take(waiting: Waiting[]): Waiting[] {
  let bytes = 0
  const tooMuch = waiting.findIndex(({ data }, at) => {
    bytes += data.byteLength
    return at > 0 && bytes > WRITE_BYTES_MAX
  })
  return waiting.splice(0, tooMuch === -1 ? waiting.length : tooMuch)
}
