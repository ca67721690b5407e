import type { Attachment } from '../domain/attachments.ts'
import type { AccountId, ChatId, MessageId, UserName } from '../domain/ids.ts'
import type { ToolPolicy } from '../domain/tools.ts'

/** What somebody said in a group, without speaking to the bot. */
export interface Said {
  readonly sender: UserName
  /** The sender's clock, ms since 1970. */
  readonly timeMs: number
  readonly text: string
}

/** One accepted message on its way to the assistant. */
export interface DispatchRequest {
  readonly account: AccountId
  readonly chat: ChatId
  /** Stable over every retry and restart: use it as idempotency key. */
  readonly messageId: MessageId
  readonly sender: UserName
  /** The sender's clock, ms since 1970. */
  readonly timeMs: number
  /** What the assistant is to see: the mention taken out, everything else letter for letter. */
  readonly text: string
  /** As it was written. */
  readonly rawText: string
  /** What came with the text; `url` is where the agent gives it away, to whoever reaches that agent. */
  readonly files: readonly (Attachment & { readonly url: string })[]
  /** `name`: what people see it called, in the words of its creator; printable and short, null when that is not known. Nothing goes by it. */
  readonly group: { readonly creator: UserName; readonly group: string; readonly name: string | null } | null
  readonly mentioned: boolean
  /**
   * What was said in the group before this message and since the bot was last spoken to, oldest first: only what the policy would have let
   * in, had it mentioned the bot. For context; nobody has asked anything with it. NOT promised: it is kept in memory alone, and bounded.
   */
  readonly history: readonly Said[]
  /** How often in a row this sender has written within seconds after our answer, as another bot would. */
  readonly alternations: number
  /** Tools this sender may use in this group; null outside groups. */
  readonly tools: ToolPolicy | null
  /** Counted from 1; 0 for the one attempt beside the turn that runs. */
  readonly attempt: number
  /** How often the responder has adopted this message and then lost it: whatever it knows under that id is of no use. */
  readonly losses: number
}

export interface Turn {
  /**
   * The responder has made the message durable on its side and answers by itself from now on, also after a crash; its answers
   * arrive through `send`. Resolves when that is recorded; rejects when the attempt was given up or the account stops first: then the message is
   * dispatched again, under the same id. Without this call the resolved text of `respond` is the answer. With `reclaim` the message stays
   * in custody until `respond` settles, which is then the end of the turn.
   */
  adopted(): Promise<void>
  /** This turn has to wait for something of its own conversation: others need not wait with it, and get its place. */
  waits(): void
}

export interface Responder {
  /** Whether a message with this text must not wait behind the turn that runs in its chat: it is about that turn. Without it none is. */
  isUrgent?(text: string): boolean
  /**
   * The answer's text; null or '' = deliberately none. A rejection is a failed attempt, and is tried again under the same id;
   * not after ResponderRefused.
   * `signal` fires at the time-out and at a stop; a result after that is dropped.
   */
  respond(request: DispatchRequest, turn: Turn, signal: AbortSignal): Promise<string | null>
  /**
   * Asked after a start about the messages of a chat that were adopted and whose turns had not been over: which of them will never be
   * answered? Resolves when that is known, in any order; nothing else of the chat is dispatched meanwhile, and those that are lost then
   * are, again. A rejection is asked again later. Without it an adopted message is the responder's alone.
   */
  reclaim?(kept: Custody, signal: AbortSignal): Promise<readonly MessageId[]>
}

export interface Custody {
  readonly account: AccountId
  readonly chat: ChatId
  /** In the order in which they were adopted. */
  readonly messageIds: readonly MessageId[]
}
