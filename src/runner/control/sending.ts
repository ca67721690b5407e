/** Sends on the word of a person or program: one key is one message, and is sent once. */
import { createHash } from 'node:crypto'
import type { Attachment } from '../../domain/attachments.ts'
import type { ChatId } from '../../domain/ids.ts'
import type { AccountHandle } from '../../runtime/runtime.ts'
import { ControlRefused, type Taken } from './protocol.ts'

export type Sender = Pick<AccountHandle, 'id' | 'known' | 'send'>
export type Sending = { readonly chat: ChatId; readonly text: string; readonly key: string; readonly files: readonly Attachment[] }

const DIGITS = 16
/** A reply's key: nobody's answer to a message has such a one. What was written is part of it, and so comes back with every key that is known. */
const MADE = new RegExp(`^cli/(?<digest>[0-9a-f]{${DIGITS}})/(?<key>.*)#\\d+$`)

/** Whether anybody is there to read it has been asked. @throws {ControlRefused} when the key is that of another message to this chat. */
export async function sendOnce(account: Sender, { chat, text, key, files }: Sending): Promise<Taken> {
  const content = JSON.stringify([text, ...files.map(({ hash, name }) => [hash, name])])
  const digest = createHash('sha256').update(content).digest('hex').slice(0, DIGITS)
  const used = account.known(chat).flatMap(known => {
    const made = MADE.exec(known)?.groups
    return made?.['key'] === key ? [made['digest']] : []
  })
  if (used.some(other => other !== digest)) {
    throw new ControlRefused(
      `The key ${JSON.stringify(key)} is that of another message to ${chat}, so this one was not sent; give it a key of its own, or none.`,
    )
  }
  const { keys } = await account.send({ chat, text, files, key: `cli/${digest}/${key}` })
  return { account: account.id, keys, repeated: used.length > 0 }
}
