/** Sends on the word of a person or program: one key is one message, and is sent once. */
import { createHash } from 'node:crypto'
import type { ChatId } from '../../domain/ids.ts'
import type { AccountHandle } from '../../runtime/runtime.ts'
import { ControlRefused, type Taken } from './protocol.ts'

export type Sender = Pick<AccountHandle, 'id' | 'known' | 'send'>
export type Sending = { readonly chat: ChatId; readonly text: string; readonly key: string }

const DIGITS = 16
/** A reply's key: nobody's answer to a message has such a one. What was written is part of it, and so comes back with every key that is known. */
const MADE = new RegExp(`^cli/(?<digest>[0-9a-f]{${DIGITS}})/(?<key>.*)#\\d+$`)

/** @throws {ControlRefused} when the key is that of another message to this chat. */
export async function sendOnce(account: Sender, { chat, text, key }: Sending): Promise<Taken> {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, DIGITS)
  const used = account.known(chat).flatMap(known => {
    const made = MADE.exec(known)?.groups
    return made?.['key'] === key ? [made['digest']] : []
  })
  if (used.some(other => other !== digest)) {
    throw new ControlRefused(
      `The key ${JSON.stringify(key)} is that of another message to ${chat}, so this one was not sent; give it a key of its own, or none.`,
    )
  }
  const { keys } = await account.send({ chat, text, key: `cli/${digest}/${key}` })
  return { account: account.id, keys, repeated: used.length > 0 }
}
