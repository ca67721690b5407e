import type { Json } from '../../domain/json.ts'
import { HandlerFailed } from './http.ts'
import type { Quirks } from './quirks.ts'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A request body as the agent reads it. Throws what the agent answers with 500. */
export function decodeJson(bytes: Uint8Array, quirks: Quirks): Json {
  let text: string
  try {
    text = strict.decode(bytes)
  } catch {
    throw new HandlerFailed('In JSON at position 1: lexical error: invalid bytes in UTF8 string.\n')
  }
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    throw new HandlerFailed(complaint(text))
  }
  const overflow = text.length > 3 && /[eE]/.test(text) ? overflowAt(text) : -1
  if (overflow >= 0) throw new HandlerFailed(`In JSON at position ${overflow}: parse error: numeric (floating point) overflow\n`)
  return quirks.loneSurrogatesSwallow && /\\u[dD][89a-fA-F]/.test(text) ? swallowSurrogates(value) : value
}

/** A message file as the agent reads it; undefined when it is unreadable. */
export function decodeFile(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(strict.decode(bytes)) as Json
  } catch {
    return undefined
  }
}

/** The agent's JSON writer: control characters that have no short escape come out in a form which its own reader refuses. */
export function encodeJson(value: unknown, quirks: Quirks): Uint8Array {
  const text = JSON.stringify(value)
  return Buffer.from(quirks.controlCharactersPoison && text.includes('\\u00') ? text.replace(/\\(?:u00([01][0-9a-f])|.)/g, poison) : text)
}

function poison(whole: string, hex: string | undefined): string {
  if (hex === undefined) return whole
  if (hex === '07') return '\\a'
  if (hex === '0b') return '\\v'
  return String.fromCharCode(Number.parseInt(hex, 16))
}

const LONE = /(?:[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff])[\s\S]?/g

function swallowSurrogates(value: Json): Json {
  if (typeof value === 'string') return value.replace(LONE, '?')
  if (Array.isArray(value)) return value.map(swallowSurrogates)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, item === undefined ? item : swallowSurrogates(item)]))
}

const STRING = /"(?:[^"\\]|\\.)*"/y
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y

function overflowAt(text: string): number {
  for (let at = 0; at < text.length; ) {
    STRING.lastIndex = at
    if (text[at] === '"' && STRING.test(text)) {
      at = STRING.lastIndex
      continue
    }
    NUMBER.lastIndex = at
    const number = NUMBER.exec(text)
    if (number && !Number.isFinite(Number(number[0]))) return at
    at = number ? NUMBER.lastIndex : at + 1
  }
  return -1
}

/** Words and position of the agent's parser for the usual faults; the status is what clients go by. */
function complaint(text: string): string {
  const space = /\s*/y
  const skip = (at: number) => {
    space.lastIndex = at
    space.test(text)
    return space.lastIndex
  }
  const premature = () => `In JSON at position ${Buffer.byteLength(text) + 1}: parse error: premature EOF\n`
  const fault = (at: number, what: string) => `In JSON at position ${Buffer.byteLength(text.slice(0, at)) + 1}: ${what}\n`
  let depth = 0
  let at = skip(0)
  while (at < text.length) {
    const char = text[at]!
    if (char === '{' || char === '[') {
      depth++
      at++
    } else if (char === '}' || char === ']') {
      depth--
      at++
    } else if (char === ',' || char === ':') {
      at++
    } else if (char === '"') {
      STRING.lastIndex = at
      if (!STRING.test(text)) return premature()
      at = STRING.lastIndex
    } else {
      const word = /true|false|null/y
      word.lastIndex = at
      NUMBER.lastIndex = at
      if (word.test(text)) at = word.lastIndex
      else if (NUMBER.test(text)) at = NUMBER.lastIndex
      else return fault(at, `lexical error: invalid ${/[tfn]/.test(char) ? 'string' : 'char'} in json text.`)
    }
    at = skip(at)
    if (depth <= 0 && at < text.length) return fault(at, 'parse error: trailing garbage')
  }
  return depth > 0 || text.trim() === '' ? premature() : fault(0, 'parse error: unallowed token at this point in JSON text')
}
