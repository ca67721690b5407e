/**
 * What the journal remembers: events that have happened once their record is durable. The charts change what they
 * keep on these events only, so that replaying them gives the same state. They carry every outside fact that was used.
 */
import type { Attachment } from '../src/domain/attachments.ts'
import type { Decision, Facts, Reason } from '../src/domain/decision.ts'
import type { ChatId, MessageId, ReplyKey, UserName } from '../src/domain/ids.ts'
import type { Json } from '../src/domain/json.ts'

/** A message as it is kept until it is settled. */
export type Inbound = {
  readonly id: MessageId
  readonly sender: UserName
  /** The sender's clock, ms since 1970. */
  readonly timeMs: number
  readonly text: string
  readonly files: readonly Json[]
  /** It is about the turn that runs, so it must not wait behind it. */
  readonly urgent?: true
  /** How often it was adopted and then lost. */
  readonly losses?: number
}

/** The part of a message that the cursor needs. */
export type Seen = Pick<Inbound, 'id' | 'sender' | 'timeMs'>

/** `liveAtMs`: the last moment at which the account had seen everything; the age fence hangs on it. */
type Decided = { readonly facts: Facts; readonly decision: Decision; readonly liveAtMs: number }

export type ChatRecord =
  | { readonly type: 'chat.opened'; readonly floorMs: number; readonly history: readonly Seen[]; readonly shown: boolean }
  /** Something of it has been left unread on the mesh for long, since this moment of the account; and it was read to its end. */
  | { readonly type: 'chat.unread'; readonly sinceMs: number }
  | { readonly type: 'chat.read' }
  | ({ readonly type: 'message.accepted'; readonly message: Inbound } & Decided)
  | ({ readonly type: 'message.held'; readonly message: Inbound; readonly heldMax: number } & Decided)
  | ({ readonly type: 'message.ignored'; readonly message: Seen } & Decided)
  /** Everything held. Without a decision: its sender was approved by pairing. */
  | { readonly type: 'message.released'; readonly decision?: Decision }
  | { readonly type: 'message.dropped'; readonly ids: readonly MessageId[]; readonly reason: Reason }
  /** `custody`: it is kept until its turn is over, which is then told as answered. */
  | { readonly type: 'turn.adopted'; readonly id: MessageId; readonly custody?: true }
  | { readonly type: 'turn.answered'; readonly id: MessageId }
  /** Whoever had adopted them knows nothing of them any more. */
  | { readonly type: 'turn.lost'; readonly ids: readonly MessageId[] }
  | { readonly type: 'turn.failed'; readonly id: MessageId; readonly attempt: number; readonly reason: string }
  | { readonly type: 'turn.abandoned'; readonly id: MessageId; readonly reason: string }
  /** A dead letter tried again, or given up, by hand. */
  | { readonly type: 'message.revived'; readonly id: MessageId }
  | { readonly type: 'message.discarded'; readonly id: MessageId }

export type Reply = { readonly key: ReplyKey } & ReplyBody
/** What is posted: a text, files, or both. */
export type ReplyBody = { readonly text: string; readonly files?: readonly Attachment[] }

export type OutboxRecord =
  | { readonly type: 'reply.queued'; readonly replies: readonly Reply[] }
  | { readonly type: 'reply.posting'; readonly key: ReplyKey; readonly atMs: number }
  /** `postedAtMs`: the newest of their posts; whatever was posted before it and is not there is lost. */
  | { readonly type: 'reply.sent'; readonly keys: readonly ReplyKey[]; readonly postedAtMs: number }
  /** `posted`: the one before may still come to light. */
  | { readonly type: 'reply.requeued'; readonly key: ReplyKey; readonly reason: string; readonly posted: boolean }
  | { readonly type: 'reply.failed'; readonly key: ReplyKey; readonly reason: string }
  /** A dead letter tried again, or given up, by hand. */
  | { readonly type: 'reply.revived'; readonly key: ReplyKey }
  | { readonly type: 'reply.discarded'; readonly key: ReplyKey }

export type PairingRecord =
  | { readonly type: 'pairing.opened'; readonly code: string; readonly openedAtMs: number; readonly expiresAtMs: number }
  | { readonly type: 'pairing.reminded'; readonly atMs: number }
  /** `letIn`: by the config, and nobody has approved it. */
  | { readonly type: 'pairing.approved'; readonly letIn?: true }
  | { readonly type: 'pairing.rejected' }
  | { readonly type: 'pairing.expired' }
  | { readonly type: 'pairing.refused' }

/**
 * One version of a message file: by its writer's clock, and by the hub's when it learnt of it, ms. `bytes`: as the index has it; records
 * of earlier versions have none.
 */
export type FileOfMessages = { readonly path: string; readonly timeMs: number; readonly sinceMs: number; readonly bytes?: number }

export type AccountRecord =
  | { readonly type: 'account.opened'; readonly atMs: number }
  /** What the chat app shows from now on was not there at the very first start. */
  | { readonly type: 'account.loaded' }
  | { readonly type: 'account.lived'; readonly atMs: number }
  /** Of the file index everything up to this hub time has been read, but for these. With the first one, all before it is history. */
  | { readonly type: 'account.indexed'; readonly sinceMs: number; readonly unread: readonly FileOfMessages[] }
  /** The agent is made to join the mesh again; it forgets what it had queued. */
  | { readonly type: 'account.healed'; readonly atMs: number; readonly reason: string }
  | { readonly type: 'user.approved'; readonly user: UserName }
  /** A stranger again, from the next message on. */
  | { readonly type: 'user.revoked'; readonly user: UserName }

/** Where a record's event goes. */
export type Change =
  | { readonly at: 'chat'; readonly chat: ChatId; readonly event: ChatRecord | OutboxRecord }
  | { readonly at: 'pairing'; readonly user: UserName; readonly event: PairingRecord }
  | { readonly at: 'account'; readonly event: AccountRecord }

/** The `commit` effect: all of it becomes durable, or nothing; then each event reaches its chart. */
export type Commit = { readonly changes: readonly Change[] }

export const toChat = (chat: ChatId, event: ChatRecord | OutboxRecord): Change => ({ at: 'chat', chat, event })
export const toPairing = (user: UserName, event: PairingRecord): Change => ({ at: 'pairing', user, event })
export const toAccount = (event: AccountRecord): Change => ({ at: 'account', event })

export const isOutboxRecord = (event: ChatRecord | OutboxRecord): event is OutboxRecord => event.type.startsWith('reply.')
