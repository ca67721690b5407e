/** What a posted message says to us. Anybody can post any JSON: what is not a message is a value, never an exception. */
import type { ReplyKey } from './ids.ts'
import type { Json } from './json.ts'

/** RawMessage of the ZTM agent's port has this shape. */
export type Readable = { readonly time: Json | undefined; readonly message: Json | undefined }

export type ReadMessage =
  | {
      readonly kind: 'text'
      /** Letter for letter, cut and marked when it is too long; '' when there are files alone. */
      readonly text: string
      readonly cut: boolean
      readonly files: readonly Json[]
    }
  | { readonly kind: 'unsupported'; readonly why: string }

/** The field of a post that names its reply: `{text, ztmChat: {key}}`. */
export const KEY_FIELD = 'ztmChat'

/** Ours are shorter; more is not ours. */
const KEY_CHARACTERS_MAX = 200
/** Files of one message; the rest is dropped. */
export const FILES_MAX = 100
/** Of one file's description: values in it, and characters. Deep or large JSON would trouble whoever keeps it. */
const FILE_VALUES_MAX = 200
const FILE_CHARACTERS_MAX = 16_384

export function readMessage({ time, message }: Readable, maxCharacters: number): ReadMessage {
  if (!isObject(message)) return unsupported(`message is ${kindOf(message)}, not an object`)
  if (typeof time !== 'number') return unsupported(`time is ${kindOf(time)}, not a number`)
  if (!Number.isFinite(time) || time < 0) return unsupported('time is not a number of milliseconds since 1970')

  const text = own(message, 'text')
  const files = filesOf(own(message, 'files'))
  if (typeof text === 'string' && (files.length > 0 || text.trim() !== '')) {
    return { kind: 'text', ...shorten(text, maxCharacters), files }
  }
  if (files.length > 0) return { kind: 'text', text: '', cut: false, files }
  return unsupported(typeof text === 'string' ? 'text is empty, and there is no file' : `text is ${kindOf(text)}, not a string`)
}

const unsupported = (why: string): ReadMessage => ({ kind: 'unsupported', why })

/** Which reply a message is; null: none. Only in a message of our own does it mean anything: anybody can write one. */
export function replyKeyOf(message: Json | undefined): ReplyKey | null {
  const metadata = isObject(message) ? own(message, KEY_FIELD) : undefined
  const key = isObject(metadata) ? own(metadata, 'key') : undefined
  return typeof key === 'string' && key !== '' && key.length <= KEY_CHARACTERS_MAX ? key : null
}

function filesOf(files: Json | undefined): readonly Json[] {
  return Array.isArray(files) ? files.slice(0, FILES_MAX).filter(file => isObject(file) && isModest(file)) : []
}

/** With a stack of its own: what is nested a million deep must not end ours. */
function isModest(file: Json): boolean {
  const todo: (Json | undefined)[] = [file]
  let values = 0
  let characters = 0
  for (let value = todo.pop(); value !== undefined; value = todo.pop()) {
    if (typeof value === 'string') characters += value.length
    if (value !== null && typeof value === 'object') {
      const entries = Object.entries(value)
      values += entries.length
      if (values > FILE_VALUES_MAX) return false
      for (const [key, item] of entries) {
        characters += key.length
        if (item !== undefined) todo.push(item)
      }
    }
  }
  return characters <= FILE_CHARACTERS_MAX
}

/** Cut before a character, not inside. Counted as JavaScript counts, in UTF-16 units. */
export function shorten(text: string, maxCharacters: number): { text: string; cut: boolean } {
  if (text.length <= maxCharacters) return { text, cut: false }
  const splitsPair = (text.codePointAt(maxCharacters - 1) ?? 0) > 0xffff
  const head = text.slice(0, splitsPair ? maxCharacters - 1 : maxCharacters)
  return { text: `${head}… [cut: ${text.length - head.length} more characters]`, cut: true }
}

type JsonObject = { readonly [key: string]: Json | undefined }

const isObject = (value: Json | undefined): value is JsonObject => value !== null && typeof value === 'object' && !Array.isArray(value)

/** Own fields only: nobody's `__proto__` gives a message a text. */
const own = (object: JsonObject, key: string): Json | undefined => (Object.hasOwn(object, key) ? object[key] : undefined)

function kindOf(value: Json | undefined): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
