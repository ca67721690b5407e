import type { Observable } from 'rxjs'
import type { Attachment } from '../domain/attachments.ts'
import type { Decision } from '../domain/decision.ts'
import type { AccountId, ChatId, MessageId, ReplyKey, UserName } from '../domain/ids.ts'
import type { Content, ZtmAgent } from '../ports/ztm-agent.ts'
import type { Inspection } from './inspection.ts'
import type { Life, Wanted } from './life.ts'

/** `degraded` mends itself; `blocked` waits for somebody to mend something. */
export type AccountState = 'idle' | 'connecting' | 'joining' | 'live' | 'degraded' | 'blocked' | 'stopping' | 'stopped'

export interface AccountStatus {
  readonly account: AccountId
  readonly state: AccountState
  /** Wall clock, ms. */
  readonly sinceMs: number
  /** Why it is not live: one sentence with a remedy. */
  readonly reason: string | null
  readonly feed: 'poll' | 'push' | null
  /** From the hub's knowing of the newest message file to our reading it, by its clock and ours; null while polling. */
  readonly feedLagMs: number | null
  readonly lastFeedAtMs: number | null
  readonly lastInboundAtMs: number | null
  readonly lastOutboundAtMs: number | null
  /** Times that a stuck ZTM agent was made to join its mesh again, and the last one; null = never. */
  readonly selfHeal: { readonly times: number; readonly lastAtMs: number; readonly lastReason: string } | null
  /** Damaged state files that were set aside, soon-expiring certificates, and the like. */
  readonly warnings: readonly string[]
  readonly counters: {
    readonly seen: number
    readonly processed: number
    /** By reason. */
    readonly ignored: Readonly<Record<string, number>>
    readonly sent: number
    readonly repeatedPosts: number
    /** Kept at present. */
    readonly deadLetters: number
  }
  readonly chats: number
  readonly waitingDispatches: number
  readonly runningDispatches: number
  readonly outbox: number
  readonly uncertain: number
  readonly pendingPairings: number
}

export interface PairingRequest {
  readonly user: UserName
  readonly code: string
  readonly openedAtMs: number
  readonly expiresAtMs: number
  readonly held: number
}

/** How a conversation is; times are wall clock, ms. */
export interface ChatLine {
  readonly chat: ChatId
  /** When its newest message was decided, or it was met; null when that is not known. */
  readonly lastAtMs: number | null
  /** Its newest decision; null when there was none, or none that is still kept. */
  readonly last: { readonly sender: UserName; readonly action: Decision['action']; readonly reason: Decision['reason'] } | null
  /** Messages that were let through and have no answer yet, those at the responder included. */
  readonly waiting: number
  /** Messages that are kept until their writer is let in. */
  readonly held: number
  /** Replies that are not confirmed. */
  readonly toSend: number
  readonly deadLetters: number
}

/** What happened, for whoever watches. Times are wall clock, ms. */
export type RuntimeEvent =
  | { readonly event: 'live'; readonly account: AccountId; readonly atMs: number }
  | {
      readonly event: 'state'
      readonly account: AccountId
      readonly atMs: number
      readonly state: AccountState
      readonly reason: string | null
    }
  | {
      readonly event: 'decision'
      readonly account: AccountId
      readonly atMs: number
      readonly chat: ChatId
      readonly id: MessageId
      readonly sender: UserName
      readonly action: Decision['action']
      readonly reason: Decision['reason']
      readonly detail: string
    }
  | {
      readonly event: 'dispatch'
      readonly account: AccountId
      readonly atMs: number
      readonly chat: ChatId
      readonly id: MessageId
      readonly attempt: number
    }
  | {
      readonly event: 'dead-letter'
      readonly account: AccountId
      readonly atMs: number
      readonly chat: ChatId
      readonly id: string
      readonly reason: string
    }
  | { readonly event: 'posted'; readonly account: AccountId; readonly atMs: number; readonly chat: ChatId; readonly key: ReplyKey }
  /** It was posted, and for minutes nobody can tell whether it is on the mesh: the next ones do not wait for it any more. */
  | { readonly event: 'uncertain'; readonly account: AccountId; readonly atMs: number; readonly chat: ChatId; readonly key: ReplyKey }
  | { readonly event: 'sent'; readonly account: AccountId; readonly atMs: number; readonly chat: ChatId; readonly key: ReplyKey }
  | {
      readonly event: 'pairing'
      readonly account: AccountId
      readonly atMs: number
      readonly user: UserName
      /** `let in`: by another config, and nobody has approved it. */
      readonly state: 'pending' | 'approved' | 'let in' | 'rejected' | 'expired'
      readonly code: string
    }

/** What was given up after its last attempt: a message (by its id) or a reply (by its key). */
export interface DeadLetter {
  readonly id: string
  readonly kind: 'message' | 'reply'
  readonly chat: ChatId
  readonly atMs: number
  readonly reason: string
}

/** What the log calls the change of an account's state, which the `state` event tells, too. */
export const STATE_PHRASE = 'account state'

export interface AccountHandle {
  readonly id: AccountId
  /** For directory and probe calls; the runtime's own traffic is not disturbed by it. */
  readonly agent: ZtmAgent
  status(): AccountStatus
  /**
   * For whoever is about to write to a chat that somebody has named: the mesh itself takes posts to names that it does not have.
   * @throws {NobodyThere} when neither the mesh nor the state knows the chat; one that is away now, but known, is found
   */
  findRecipient(chat: ChatId): Promise<void>
  /**
   * Takes a message into the outbox; resolves when it is durable, from then on delivery is ours (never report a failure for it again).
   * The same `key` again is acknowledged and not sent twice; so is one that repeats a reply of this chat, by the keys that are known
   * (of open replies, and the newest that were confirmed). Text is made safe and split here.
   */
  send(message: {
    readonly chat: ChatId
    readonly text: string
    /** Uploaded before: what is recorded names them only. */
    readonly files?: readonly Attachment[]
    readonly key: string
    readonly repeats?: (known: ReplyKey) => boolean
  }): Promise<{ readonly keys: readonly ReplyKey[] }>
  /** Keys of replies in this chat that are open, and the newest that were confirmed. */
  known(chat: ChatId): readonly ReplyKey[]
  /** Messages that a responder has adopted and whose turns are not over, oldest first; only of one that has `reclaim`. */
  inCustody(chat: ChatId): readonly MessageId[]
  /** Largest file, both ways. */
  readonly fileBytesMax: number
  /** Puts a file on the mesh, where the bot owns it. @throws FileTooLarge, FileChanged, or what the agent throws */
  upload(file: Content & { readonly name: string; readonly contentType: string }): Promise<Attachment>
  /** Null: not to be had now. Nothing of it is to be used before its end. @throws FileTooLarge, or what the agent throws */
  download(file: Attachment, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>
  pairings(): readonly PairingRequest[]
  /** The user approved by this code, or null when no pending request has it. */
  approve(code: string): Promise<UserName | null>
  reject(code: string): Promise<UserName | null>
  /** Whom pairing has let in. Empty where somebody else keeps the truth about it. */
  approved(): readonly UserName[]
  /** Takes an approval back: the user is a stranger again; what was let through before is answered. Null when there is no such approval. */
  revoke(user: UserName): Promise<UserName | null>
  /** Every chat that is known. Made as it is read. */
  chats(): Iterable<ChatLine>
  deadLetters(): readonly DeadLetter[]
  /** Tries a dead letter again, by the same rules as at first; false when there is none of this id. */
  retryDeadLetter(id: string): Promise<boolean>
  dropDeadLetter(id: string): Promise<boolean>
  /** Why messages were answered or not, and what became of them; as far back as the history goes, oldest first. */
  explain(wanted: Wanted): Promise<readonly Life[]>
  readonly inspection: Inspection
}

/** As much of an account as whoever looks at it needs. */
export type Inspected = Pick<AccountHandle, 'id' | 'status' | 'pairings' | 'deadLetters' | 'inspection'>

export interface Runtime {
  readonly events: Observable<RuntimeEvent>
  /**
   * Starts every account; resolves when each has loaded its state. An account that cannot connect goes on trying by itself, and so does
   * one whose state cannot be opened, as long as another one runs. Rejects when none can be opened.
   */
  start(): Promise<void>
  /** No new dispatch; running ones get `graceMs` (default: the limit), then all is written and closed. */
  stop(graceMs?: number): Promise<void>
  /** Those whose state is open. */
  accounts(): readonly AccountHandle[]
  account(id: AccountId): AccountHandle | undefined
  /** Of those whose state cannot be opened: blocked, with the reason. */
  unopened(): readonly AccountStatus[]
}
