/** A message's name: the same wherever and whenever it is read, and another one for every other message. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { ChatId, MessageId } from './ids.ts'
import type { Json } from './json.ts'

/** A message as the mesh gives it (RawMessage of the ZTM agent's port has this shape). */
export type Posted = { readonly time: Json | undefined; readonly sender: string; readonly message: Json | undefined }

export type Identity = {
  readonly chat: ChatId
  readonly sender: string
  readonly time: Json | undefined
  readonly content: Json | undefined
  /** Counts from 0 among messages of one sender that are alike in time and content. */
  readonly ordinal: number
}

/** 96 bits: two of a billion messages are alike with a chance of one in 10^11. */
const ID_DIGITS = 24

export const messageId = ({ chat, sender, time, content, ordinal }: Identity): MessageId =>
  idOf(canonical([chat, sender, orMissing(time), orMissing(content)]), ordinal)

/** Each message of a batch with its id. Which of several alike gets which ordinal does not matter: nothing tells them apart. */
export function identify<Raw extends Posted>(
  chat: ChatId,
  batch: readonly Raw[],
): readonly { readonly id: MessageId; readonly raw: Raw }[] {
  const alike = new Map<string, number>()
  return batch.map(raw => {
    const text = canonical([chat, raw.sender, orMissing(raw.time), orMissing(raw.message)])
    const ordinal = alike.get(text) ?? 0
    alike.set(text, ordinal + 1)
    return { id: idOf(text, ordinal), raw }
  })
}

const idOf = (text: string, ordinal: number): MessageId => bytesToHex(sha256(bytesOf(`${ordinal};${text}`))).slice(0, ID_DIGITS)

/** UTF-8 has no lone surrogates, and would make them all alike: a text with one goes in as UTF-16. The first byte tells which. */
function bytesOf(text: string): Uint8Array {
  if (text.isWellFormed()) return utf8ToBytes(`8${text}`)
  const bytes = new Uint8Array(1 + 2 * text.length)
  bytes[0] = '6'.charCodeAt(0)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    bytes[1 + 2 * i] = unit >> 8
    bytes[2 + 2 * i] = unit & 0xff
  }
  return bytes
}

/** A value that JSON does not have, for what is not there. */
const MISSING = Symbol('missing')
const orMissing = (value: Json | undefined): Json | typeof MISSING => (value === undefined ? MISSING : value)

type Piece = { readonly verbatim: string } | { readonly value: Json | typeof MISSING }

/**
 * One text for equal values, and only for them: keys are sorted, everything says how long it is. `-0` is `0`: writing JSON
 * loses the sign. With a stack of its own, because a stranger may post JSON that is nested a million deep.
 */
function canonical(values: readonly (Json | typeof MISSING)[]): string {
  let text = ''
  const todo: Piece[] = values.toReversed().map(value => ({ value }))
  for (let piece = todo.pop(); piece; piece = todo.pop()) {
    if ('verbatim' in piece) {
      text += piece.verbatim
      continue
    }
    const { value } = piece
    if (value === MISSING) text += 'm'
    else if (value === null) text += 'n'
    else if (typeof value === 'boolean') text += value ? 't' : 'f'
    else if (typeof value === 'number') text += `d${value};`
    else if (typeof value === 'string') text += stringText(value)
    else if (isList(value)) {
      text += `a${value.length};`
      for (const item of value.toReversed()) todo.push({ value: item })
    } else {
      const entries = Object.keys(value).flatMap(key => (value[key] === undefined ? [] : [[key, value[key]] as const]))
      text += `o${entries.length};`
      entries.sort(([a], [b]) => (a < b ? 1 : -1))
      for (const [key, item] of entries) todo.push({ value: item }, { verbatim: stringText(key) })
    }
  }
  return text
}

const stringText = (value: string): string => `s${value.length};${value}`

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)
