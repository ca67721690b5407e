/** Sends on the word of a person or program: one key is one message, and is sent once. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Attachment } from './attachments.ts'
import { KeyTaken } from './errors.ts'
import type { ChatId, ReplyKey } from './ids.ts'

export type Sending = { readonly chat: ChatId; readonly text: string; readonly key: string; readonly files: readonly Attachment[] }

/** It goes over the mesh as it is, with every part of the message. */
export const SENDING_KEY = /^[\x21-\x7e]{1,200}$/

const DIGITS = 16
/** A reply's key: nobody's answer to a message has such a one. What was written is part of it, and so comes back with every key that is known. */
const MADE = new RegExp(`^cli/(?<digest>[0-9a-f]{${DIGITS}})/(?<key>.*)#\\d+$`)

/**
 * The key under which it is recorded, and whether it was before; `known`: keys of replies in this chat.
 * @throws {KeyTaken} when the key is that of another message to this chat
 */
export function keyOfSending(
  { chat, text, key, files }: Sending,
  known: readonly ReplyKey[],
): { readonly key: string; readonly repeated: boolean } {
  const content = JSON.stringify([text, ...files.map(({ hash, name }) => [hash, name])])
  const digest = bytesToHex(sha256(utf8ToBytes(content))).slice(0, DIGITS)
  const used = known.flatMap(one => {
    const made = MADE.exec(one)?.groups
    return made?.['key'] === key ? [made['digest']] : []
  })
  if (used.some(other => other !== digest)) {
    throw new KeyTaken(
      `The key ${JSON.stringify(key)} is that of another message to ${chat}, so this one was not sent; give it a key of its own, or none.`,
    )
  }
  return { key: `cli/${digest}/${key}`, repeated: used.length > 0 }
}
