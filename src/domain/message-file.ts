/** A message file: a JSON array of `{time, message}`. Anybody can put any bytes into a file of theirs. */
import type { Json } from './json.ts'

export type FileMessage = { readonly time: Json | undefined; readonly message: Json | undefined }

/** In the order of the file; null when it is none. What is no message keeps its place, as one without time and content. */
export function readMessageFile(bytes: Uint8Array): readonly FileMessage[] | null {
  let entries: unknown
  try {
    entries = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return null
  }
  if (!Array.isArray(entries)) return null
  return entries.map((entry: Json): FileMessage => ({ time: own(entry, 'time'), message: own(entry, 'message') }))
}

const own = (entry: Json, key: string): Json | undefined =>
  entry !== null && typeof entry === 'object' && !Array.isArray(entry) && Object.hasOwn(entry, key)
    ? (entry as { readonly [key: string]: Json })[key]
    : undefined
