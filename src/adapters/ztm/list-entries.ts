/**
 * The entries of a JSON array, one after the other. A list may have 100,000 of them: as a whole it would take a multiple of its text as
 * objects, all at once. The streaming parser that reads the file index takes six times as long as this, and each look at the chats is one.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const SPACE = 0x20
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** False: this is no JSON array, or not a whole one; what `take` has had of it is worth nothing. */
export function eachEntry(body: Uint8Array, take: (entry: unknown) => void): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  let at = afterSpace(bytes, 0)
  if (bytes[at] !== OPEN_LIST) return false
  at += 1
  if (bytes[afterSpace(bytes, at)] === CLOSE_LIST) return isOver(bytes, afterSpace(bytes, at) + 1)
  for (;;) {
    const end = endOfEntry(bytes, at)
    const entry = parsed(bytes.toString('utf8', at, end))
    if (entry === undefined) return false
    take(entry)
    if (bytes[end] === CLOSE_LIST) return isOver(bytes, end + 1)
    if (bytes[end] !== COMMA) return false
    at = end + 1
  }
}

/** Undefined, which JSON cannot say, when it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Where what ends it stands; the end of the text when nothing does. Whether it is one value is for the parser to say. */
function endOfEntry(bytes: Uint8Array, from: number): number {
  let depth = 0
  for (let at = from; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at)
        break
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth += 1
        break
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        if (depth === 0) return at
        depth -= 1
        break
      case COMMA:
        if (depth === 0) return at
        break
    }
  }
  return bytes.length
}

function endOfString(bytes: Uint8Array, from: number): number {
  let at = from + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at
}

function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && isSpace(bytes[at]!)) at += 1
  return at
}

/** As JSON has it. */
const isSpace = (byte: number): boolean => byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09

const isOver = (bytes: Uint8Array, from: number): boolean => afterSpace(bytes, from) === bytes.length
