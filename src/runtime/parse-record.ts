/** The journal's door: what is replayed is checked here, never cast. */
import type { AccountRecord, Change, ChatRecord, OutboxRecord, PairingRecord } from '../../machines/records.ts'
import type { ChatId, UserName } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'

// A kind that is not listed is a type error: `Record` asks for all of them.
const CHAT: Record<(ChatRecord | OutboxRecord)['type'], true> = {
  'chat.opened': true,
  'chat.unread': true,
  'chat.read': true,
  'message.accepted': true,
  'message.held': true,
  'message.ignored': true,
  'message.released': true,
  'message.dropped': true,
  'turn.adopted': true,
  'turn.answered': true,
  'turn.lost': true,
  'turn.failed': true,
  'turn.abandoned': true,
  'message.revived': true,
  'message.discarded': true,
  'reply.queued': true,
  'reply.posting': true,
  'reply.sent': true,
  'reply.requeued': true,
  'reply.failed': true,
  'reply.revived': true,
  'reply.discarded': true,
}
const PAIRING: Record<PairingRecord['type'], true> = {
  'pairing.opened': true,
  'pairing.reminded': true,
  'pairing.approved': true,
  'pairing.rejected': true,
  'pairing.expired': true,
  'pairing.refused': true,
}
const ACCOUNT: Record<AccountRecord['type'], true> = {
  'account.opened': true,
  'account.loaded': true,
  'account.lived': true,
  'account.indexed': true,
  'account.healed': true,
  'user.approved': true,
  'user.revoked': true,
}

// The fields of a known kind were written by this code and are covered by the line's checksum.
const isKind = <Kind extends { type: string }>(kinds: Record<string, true>, event: unknown): event is Kind =>
  typeof event === 'object' && event !== null && 'type' in event && typeof event.type === 'string' && Object.hasOwn(kinds, event.type)

export const isAccountRecord = (event: unknown): event is AccountRecord => isKind<AccountRecord>(ACCOUNT, event)

export const isChatId = (text: string): text is ChatId => /^(?:peer:.+|group:[^/]+\/.+)$/s.test(text)

/** What has an entry of its own in a snapshot. */
export type Subject =
  | { readonly at: 'account' }
  | { readonly at: 'chat'; readonly chat: ChatId }
  | { readonly at: 'pairing'; readonly user: UserName }

/** Key of the snapshot entry that is about it: of the one that a change belongs to, too. */
export const keyOf = (subject: Subject): string => {
  switch (subject.at) {
    case 'chat':
      return `chat:${subject.chat}`
    case 'pairing':
      return `pairing:${subject.user}`
    case 'account':
      return 'account'
    default:
      return subject satisfies never
  }
}

/** Null when it is of no kind that this version knows. */
export function parseChange({ key, event }: { readonly key: string; readonly event: Json }): Change | null {
  if (key === 'account') return isAccountRecord(event) ? { at: 'account', event } : null
  if (key.startsWith('pairing:'))
    return isKind<PairingRecord>(PAIRING, event) ? { at: 'pairing', user: key.slice('pairing:'.length), event } : null
  const chat = key.slice('chat:'.length)
  return key.startsWith('chat:') && isChatId(chat) && isKind<ChatRecord | OutboxRecord>(CHAT, event) ? { at: 'chat', chat, event } : null
}
