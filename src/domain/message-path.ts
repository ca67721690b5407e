/**
 * Whose message file this is. The path alone tells: a user can write only below `/apps/ztm/chat/shared/NAME`, which the hub
 * enforces, so nothing else in a path may speak for the sender. Everything is compared exactly, and what is only nearly a
 * path of the chat app is nobody's.
 */
import { type ChatId, groupChat, peerChat, type UserName } from './ids.ts'
import { isSafeName } from './reply.ts'

export type MessagePath = {
  readonly chat: ChatId
  readonly sender: UserName
  /** The name of the file: roughly the sender's clock when it was begun, ms. Later files have larger ones. */
  readonly stamp: number
}

/** Below it each user has a folder of their own. */
export const SHARED = '/apps/ztm/chat/shared/'
const STAMP = /^(\d{1,15})\.json$/

/** `elsewhere`: no message file at all. `unusable`: among the message files, and not one that the chat app would write for this user. */
export function parseMessagePath(path: string, user: UserName): MessagePath | 'elsewhere' | 'unusable' {
  if (!path.startsWith(SHARED)) return 'elsewhere'
  const [sender = '', publish, kind, ...rest] = path.slice(SHARED.length).split('/')
  const file = rest.at(-1) ?? ''
  if (publish !== 'publish' || (kind !== 'peers' && kind !== 'groups')) return 'elsewhere'
  if (kind === 'groups' && rest.length === 3 && file === 'info.json') return 'elsewhere'

  const names = rest.slice(0, -2)
  const stamp = STAMP.exec(file)?.[1]
  const fits = rest.at(-2) === 'messages' && stamp !== undefined && [sender, ...names].every(isSafeName)
  const chat = fits ? chatOf(kind, sender, names, user) : null
  return chat === null ? 'unusable' : { chat, sender, stamp: Number(stamp) }
}

/** Null when this user is no part of the conversation, or the names are too few or too many. */
function chatOf(kind: 'peers' | 'groups', sender: UserName, names: readonly string[], user: UserName): ChatId | null {
  const [first, second] = names
  if (kind === 'groups') return names.length === 2 && first !== undefined && second !== undefined ? groupChat(first, second) : null
  if (names.length !== 1 || first === undefined) return null
  if (first === user) return peerChat(sender)
  return sender === user ? peerChat(first) : null
}
