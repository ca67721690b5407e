import { crc32 } from 'node:zlib'

const NEWLINE = 0x0a
const PREFIX = /^(\d{1,10}) ([0-9a-f]{8}) /

/** `LENGTH CRC32 JSON\n`. JSON has no raw line break, so a reader finds the next line after any damage. */
export function encodeLine(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value))
  return Buffer.concat([Buffer.from(`${json.byteLength} ${checksum(json)} `), json, Buffer.from('\n')])
}

export const checksum = (data: Uint8Array): string => crc32(data).toString(16).padStart(8, '0')

export interface Line {
  /** Where it starts, in bytes. */
  readonly at: number
  readonly bytes: Uint8Array
  /** What it says, or undefined when it is damaged. */
  readonly value: unknown
}

/** All complete lines, and where the incomplete rest starts: what was being written when the power went. */
export function readLines(data: Uint8Array): { readonly lines: readonly Line[]; readonly restAt: number } {
  const lines: Line[] = []
  let at = 0
  for (let end = data.indexOf(NEWLINE); end !== -1; end = data.indexOf(NEWLINE, at)) {
    const bytes = data.subarray(at, end + 1)
    lines.push({ at, bytes, value: decodeLine(bytes) })
    at = end + 1
  }
  return { lines, restAt: at }
}

function decodeLine(line: Uint8Array): unknown {
  // Made into text once, as this is most of a start's work. What stands before the JSON is as long in bytes as in characters.
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength - 1).toString()
  const prefix = PREFIX.exec(text)
  if (!prefix) return undefined
  const start = prefix[0].length
  const json = line.subarray(start, -1)
  if (json.byteLength !== Number(prefix[1]) || crc32(json) !== Number.parseInt(prefix[2]!, 16)) return undefined
  try {
    return JSON.parse(text.slice(start))
  } catch {
    return undefined
  }
}
