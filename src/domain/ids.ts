/** Words for who and where: one account's chats, messages and replies. */

/** Key of an account in the config; `default` when the config has no `accounts`. */
export type AccountId = string

/** A user's name on the mesh, exactly as the mesh writes it (case-sensitive). */
export type UserName = string

/** `peer:alice` or `group:alice/team` (creator and group id; neither contains `/`). */
export type ChatId = `peer:${string}` | `group:${string}/${string}`

/** 24 hex digits; see message-id.ts. */
export type MessageId = string

/** What makes two posts the same reply: `MESSAGE#PART`, or the caller's own id for a send that nobody asked for. */
export type ReplyKey = string

export type Peer = { kind: 'peer'; peer: UserName }
export type Group = { kind: 'group'; creator: UserName; group: string }
export type Conversation = Peer | Group

export const peerChat = (peer: UserName): ChatId => `peer:${peer}`
export const groupChat = (creator: UserName, group: string): ChatId => `group:${creator}/${group}`

export function parseChat(chat: ChatId): Conversation {
  if (chat.startsWith('peer:')) return { kind: 'peer', peer: chat.slice('peer:'.length) }
  const path = chat.slice('group:'.length)
  const slash = path.indexOf('/')
  return { kind: 'group', creator: path.slice(0, slash), group: path.slice(slash + 1) }
}

/** Same message, same part, same key: on every retry and after every restart. Parts count from 0. */
export const replyKey = (inbound: MessageId, part: number): ReplyKey => `${inbound}#${part}`

/** The message that a reply answers, or the id of whoever sent it unasked. */
export const answeredBy = (key: ReplyKey): MessageId => key.slice(0, key.indexOf('#'))
