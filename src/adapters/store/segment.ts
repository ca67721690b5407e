import { z } from 'zod'
import { isObject } from '../../domain/json.ts'
import type { StoredRecord } from '../../ports/store.ts'
import { encodeLine, readLines } from './lines.ts'

export const JOURNAL_VERSION = 1

/** First line of a segment. Its form never changes, so that every version can read every version's number. */
const header = z.object({ version: z.int().positive(), after: z.int().nonnegative() })
export type SegmentHeader = z.infer<typeof header>

// By hand, since a start may read a million of them, and a schema would make each anew.
const isChange = (value: unknown): boolean => isObject(value) && typeof value['key'] === 'string' && value['event'] !== undefined
export const isRecord = (value: unknown): value is StoredRecord =>
  isObject(value) &&
  Number.isSafeInteger(value['seq']) &&
  (value['seq'] as number) > 0 &&
  Number.isFinite(value['atMs']) &&
  Array.isArray(value['changes']) &&
  value['changes'].every(isChange)

export interface Segment {
  /** Null when it is damaged, or was never written. */
  readonly header: SegmentHeader | null
  readonly records: readonly { readonly at: number; readonly endsAt: number; readonly record: StoredRecord }[]
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
  for (const { at, endsAt, value } of others) {
    if (isRecord(value)) records.push({ at, endsAt, record: value })
    else damagedAt.push(at)
  }
  return { header: parsed.success ? parsed.data : null, records, damagedAt, restAt }
}
