import { crc32 } from 'node:zlib'

const NEWLINE = 0x0a
const PREFIX = /^(\d{1,10}) ([0-9a-f]{8}) /
const PREFIX_BYTES_MAX = 20

/** `LENGTH CRC32 JSON\n`. JSON has no raw line break, so a reader finds the next line after any damage. */
export function encodeLine(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value))
  return Buffer.concat([Buffer.from(`${json.byteLength} ${checksum(json)} `), json, Buffer.from('\n')])
}

export const checksum = (data: Uint8Array): string => crc32(data).toString(16).padStart(8, '0')

export interface Line {
  /** Where it starts and where the next one does, in bytes. */
  readonly at: number
  readonly endsAt: number
  /** What it says, or undefined when it is damaged. */
  readonly value: unknown
}

/** All complete lines, one after the other. */
export function* linesOf(data: Uint8Array): Generator<Line> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  let at = 0
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, at)) {
    yield { at, endsAt: end + 1, value: decodeLine(bytes, at, end) }
    at = end + 1
  }
}

/** All complete lines, and where the incomplete rest starts: what was being written when the power went. */
export function readLines(data: Uint8Array): { readonly lines: readonly Line[]; readonly restAt: number } {
  const lines = [...linesOf(data)]
  return { lines, restAt: lines.at(-1)?.endsAt ?? 0 }
}

// Most of a start's work: it makes as few objects as it can.
function decodeLine(bytes: Buffer, at: number, end: number): unknown {
  const prefix = PREFIX.exec(bytes.toString('latin1', at, Math.min(at + PREFIX_BYTES_MAX, end)))
  if (!prefix) return undefined
  const start = at + prefix[0].length
  if (end - start !== Number(prefix[1]) || crc32(bytes.subarray(start, end)) !== Number.parseInt(prefix[2]!, 16)) return undefined
  try {
    return JSON.parse(bytes.toString('utf8', start, end))
  } catch {
    return undefined
  }
}
