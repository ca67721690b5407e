import { z } from 'zod'
import type { Json } from '../../domain/json.ts'
import type { StoredRecord } from '../../ports/store.ts'
import { encodeLine, readLines } from './lines.ts'

export const JOURNAL_VERSION = 1

/** First line of a segment. Its form never changes, so that every version can read every version's number. */
const header = z.object({ version: z.int().positive(), after: z.int().nonnegative() })
export type SegmentHeader = z.infer<typeof header>

const json = z.custom<Json>(value => value !== undefined)
const record: z.ZodType<StoredRecord> = z.object({
  seq: z.int().positive(),
  atMs: z.number(),
  changes: z.array(z.object({ key: z.string(), event: json })),
})

export interface Segment {
  /** Null when it is damaged, or was never written. */
  readonly header: SegmentHeader | null
  readonly records: readonly { readonly at: number; readonly bytes: Uint8Array; readonly record: StoredRecord }[]
  /** Where the damaged lines start. */
  readonly damagedAt: readonly number[]
  /** Where the last, incomplete line starts; the file's size when there is none. */
  readonly restAt: number
}

export const segmentName = (number: number): string => `${String(number).padStart(8, '0')}.log`

export function segmentNumber(name: string): number | null {
  const digits = /^(\d{8,15})\.log$/.exec(name)
  return digits ? Number(digits[1]) : null
}

/**
 * `after` is the last durable record when the segment was begun. Whatever an older segment has beyond it was never durable:
 * it is left from a write that failed, and is void.
 */
export const encodeHeader = (after: number): Buffer => encodeLine({ version: JOURNAL_VERSION, after } satisfies SegmentHeader)

export const encodeRecord = (value: StoredRecord): Buffer => encodeLine(value)

export function readSegment(data: Uint8Array): Segment {
  const { lines, restAt } = readLines(data)
  const [first, ...others] = lines
  const parsed = header.safeParse(first?.value)
  const damagedAt = first && !parsed.success ? [first.at] : []
  const records: Segment['records'][number][] = []
  for (const line of others) {
    const found = record.safeParse(line.value)
    if (found.success) records.push({ at: line.at, bytes: line.bytes, record: found.data })
    else damagedAt.push(line.at)
  }
  return { header: parsed.success ? parsed.data : null, records, damagedAt, restAt }
}
