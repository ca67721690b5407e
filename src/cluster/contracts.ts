/** What there is on Restate, and what each of them takes. */
import { iface } from '@restatedev/restate-sdk'
import { z } from 'zod'
import type { AccountRecord, Change, Inbound, ReplyBody } from '../../machines/records.ts'
import { ATTACHMENTS_MAX, attachmentSchema } from '../domain/attachments.ts'
import type { AccountId, ChatId, MessageId, ReplyKey, UserName } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { PostLimits } from '../domain/lost-post.ts'
import { SENDING_KEY } from '../domain/sending.ts'
import type { Input } from '../runtime/cell.ts'
import { isAccountRecord } from '../runtime/parse-record.ts'
import type { Wake } from './timers.ts'

export { keyIn, parseKey } from './keys.ts'

/** Ours have 24. */
const ID_CHARACTERS_MAX = 200

/** Where a feeder listens, `HOST:PORT`. */
const address = z.string().min(1).max(300)
/** Of a feeder's membership in the fleet; it has no second one. */
const session = z.string().min(1).max(100)
/** Who reads the mesh for an account, and posts for it. */
const feeder = z.strictObject({
  address,
  session,
  /** Files of messages, ours included, are pushed to it. */
  isPushed: z.boolean(),
})
export type FeederAddress = z.infer<typeof feeder>

/** A message as it was found. What it says, and what the settings and the state say of it, is found out here. */
const message = z.strictObject({
  id: z.string().min(1).max(ID_CHARACTERS_MAX),
  sender: z.string(),
  /** The sender's clock, ms since 1970. */
  timeMs: z.number().nonnegative(),
  /** When the hub learnt of it, by its clock; null when that is not known. */
  arrivedMs: z.number().nullable(),
  /** Anybody can post any JSON. */
  message: z.custom<Json>(value => value !== undefined),
  /** Of the sender in the group. */
  membership: z.enum(['member', 'outsider', 'unknown']),
  /** A reply of the bot, with its key, is on the mesh. */
  isAnswered: z.boolean(),
})
export type FoundMessage = z.infer<typeof message>

/** What somebody who reads the mesh found in a chat, in order of time; nothing, of a group that is empty. */
const found = z.strictObject({
  /** Null: nobody in particular. */
  feeder: feeder.nullable(),
  source: z.enum(['app', 'files']),
  /** When this was told, wall clock ms. */
  nowMs: z.number(),
  /** The last moment at which everything of the chat had been seen, wall clock ms. */
  liveAtMs: z.number(),
  /** When the account began; null: just now. */
  openedAtMs: z.number().nullable(),
  /** The very first start of the account, and a while after it. */
  isFirstLoad: z.boolean(),
  /** Hub time from which, and up to which, the file index has been read; null when it has not. */
  indexBeginMs: z.number().nullable(),
  indexedMs: z.number().nullable(),
  messages: z.array(message).readonly(),
  /** Replies of the bot that the chat shows. */
  seen: z.array(z.string()).readonly(),
})
export type Found = z.infer<typeof found>

export type Turn = {
  readonly account: AccountId
  readonly chat: ChatId
  readonly id: MessageId
  readonly attempt: number
  readonly urgent: boolean
  /** Null: it is not kept any more, which is a failed attempt. */
  readonly message: Inbound | null
  readonly alternations: number
}

type InChat = { readonly account: AccountId; readonly chat: ChatId; readonly feeder: FeederAddress | null }
/** One try to post a reply. `isAgain`: a process that began it has died; `begunAtMs`: when it did, wall clock. */
export type PostTry = { readonly id: string; readonly begunAtMs: number; readonly isAgain: boolean }
/** `isAwaited`: the next part of the reply waits until this one is seen. */
export type PostJob = InChat & {
  readonly key: ReplyKey
  readonly body: ReplyBody
  readonly isAwaited: boolean
  readonly tried: PostTry
}
export type LookJob = InChat & { readonly sinceMs: number }
/** Of replies that an earlier host had queued; `nowMs`: when it was asked, by the clock of its chat. */
export type QueuedJob = LookJob & { readonly keys: readonly ReplyKey[]; readonly nowMs: number }
/** `nowMs`: when it was asked; `answeredAtMs`: when the newest attempt to post it was answered, null = it was not. By the clock of its chat. */
export type CheckJob = LookJob & { readonly key: ReplyKey; readonly nowMs: number; readonly answeredAtMs: number | null }

/** What an event of an outbox carries of the limits. */
export const postLimits = ({ lostPostMs, lostUnansweredPostMs, uncertainRepostMs }: PostLimits): PostLimits => ({
  lostPostMs,
  lostUnansweredPostMs,
  uncertainRepostMs,
})

const letter = z.strictObject({
  id: z.string(),
  kind: z.enum(['message', 'reply']),
  chat: z.custom<ChatId>(value => typeof value === 'string'),
  atMs: z.number(),
  reason: z.string(),
})

/** As much as a runner takes at its control socket. All parts are kept with their chat until they are seen. */
const SENT_CHARACTERS_MAX = 1_048_576

/** On the word of a person or program: one key is one message, and is sent once. */
const sending = z.strictObject({
  text: z.string().max(SENT_CHARACTERS_MAX),
  key: z.string().regex(SENDING_KEY),
  files: z.array(attachmentSchema).max(ATTACHMENTS_MAX),
})
/** It is durable, under these keys; or why it was not taken, in one sentence. */
const sent = z.union([
  z.strictObject({ keys: z.array(z.string()).readonly(), repeated: z.boolean() }),
  z.strictObject({ refused: z.string() }),
])

/** `atMs`: when it came to be, wall clock; null: now. */
export type Given = { readonly inputs: readonly Input[]; readonly atMs: number | null }

const move = z.string().min(1).max(100)

/** `move`: one import, however often it is begun anew. */
export type Moved = { readonly way: 'in'; readonly move: string } | { readonly way: 'out' }

/** Of an account, with all that belongs to it. */
export type Move = {
  readonly way: 'in' | 'out'
  readonly move: string
  readonly isOver: boolean
  /** Imports whose state was moved out again; absent: none. */
  readonly spent?: readonly string[]
}

/** An entry of a snapshot; null: it has gone. */
const adopted = z.strictObject({ move, version: z.number(), stored: z.custom<Json>(value => value !== undefined) })
export type Adopted = z.infer<typeof adopted>
export type Left = { readonly version: number; readonly stored: Json }
const inMove = z.strictObject({ move })
const NOTHING = z.void()

export const CHAT = iface.object('chat', {
  /** So many of the messages were taken, in their order: for the others there was no room. */
  receive: iface.schemas({ input: found, output: z.strictObject({ taken: z.number() }) }),
  send: iface.schemas({ input: sending, output: sent }),
  /** A dead letter tried again, or given up. Null: there is none of this id any more. */
  settle: iface.schemas({ input: z.strictObject({ id: z.string(), how: z.enum(['retry', 'drop']) }), output: letter.nullable() }),
  give: iface.json<Given>(),
  /** The time of a timer has come, if nothing has changed since this was sent. */
  wake: iface.json<Wake>(),
  held: iface.shared.json<void, readonly MessageId[]>(),
  /** From a state directory, and on from there. @throws 409 when it has a state of its own. */
  adopt: iface.schemas({ input: adopted, output: NOTHING }),
  /** To a state directory: from now on it does nothing here. */
  leave: iface.json<void, Left>(),
})

export const PAIRING = iface.object('pairing', {
  /** A chat holds a message of the user. */
  open: iface.json<{ readonly wrote: boolean }>(),
  /** Of a request with this code; one with another is left alone. */
  approve: iface.json<{ readonly code: string }>(),
  reject: iface.json<{ readonly code: string }>(),
  wake: iface.json<Wake>(),
  /** As of a chat; it goes on when it is told to, for it asks the chat what is held. */
  adopt: iface.schemas({ input: adopted, output: NOTHING }),
  resume: iface.schemas({ input: inMove, output: NOTHING }),
  leave: iface.json<void, Left>(),
})

/** `entry`: what is kept of the account, null at the very first time. */
export type Claimed = { readonly entry: Json } | null

/** A feeder is called from where anybody can call: what is not as it has to be would fail, and hold up its object, for ever. */
const inSession = z.strictObject({ session })

/** One for all feeders, by the key `ALL`. Whoever does not renew for long enough is a member no more, for ever. */
export const FLEET = iface.object('fleet', {
  join: iface.schemas({ input: z.strictObject({ address }), output: z.strictObject({ session, ttlMs: z.number() }) }),
  /** The members; null: you are none. */
  renew: iface.schemas({ input: inSession, output: z.array(z.strictObject({ session, address })).readonly().nullable() }),
  leave: iface.schemas({ input: inSession, output: NOTHING }),
  /** Unless it was renewed since. */
  end: iface.json<{ readonly session: string; readonly renewed: number }>(),
  isMember: iface.shared.json<string, boolean>(),
})
export const ALL = 'all'
export type Member = Pick<FeederAddress, 'session' | 'address'>

const noted = z.strictObject({
  session,
  changes: z.array(z.strictObject({ at: z.literal('account'), event: z.custom<AccountRecord>(isAccountRecord) })),
})

/** From outside, where anybody can post any JSON. */
const code = z.strictObject({ code: z.string() })
const whom = z.strictObject({ user: z.string().nullable() })

export const ACCOUNT = iface.object('account', {
  /** A feeder wants to have it. Null: somebody else has it, and lives. */
  claim: iface.schemas({ input: feeder, output: z.custom<Claimed>() }),
  release: iface.schemas({ input: inSession, output: NOTHING }),
  /** Of whoever has it. @throws 409 for anybody else. */
  note: iface.schemas({ input: noted, output: NOTHING }),
  holder: iface.shared.json<void, FeederAddress | null>(),
  approve: iface.schemas({ input: code, output: whom }),
  reject: iface.schemas({ input: code, output: whom }),
  /** The approval that was taken back; null: there was none. */
  revoke: iface.schemas({ input: z.strictObject({ user: z.string() }), output: whom }),
  record: iface.json<readonly Change[]>(),
  /** A code for a new request; null when too many are open. */
  ticket: iface.json<UserName, string | null>(),
  /** The request with this code. */
  ended: iface.json<string>(),
  isApproved: iface.shared.json<UserName, boolean>(),
  /** For whoever does not know whether the account is here: null, it has never moved. */
  newestMove: iface.shared.json<void, Move | null>(),
  /** A request that came from a state directory. */
  enlist: iface.json<{ readonly user: UserName; readonly code: string }>(),
  /** From a state directory: no feeder has it until all that belongs to it has arrived. @throws 409 when it cannot come now. */
  adopt: iface.schemas({ input: adopted, output: NOTHING }),
  arrived: iface.schemas({ input: inMove, output: NOTHING }),
  /** To a state directory: no feeder gets it any more. @throws 409 when one has it, or another export has taken it. */
  leave: iface.schemas({ input: inMove, output: z.custom<Left>() }),
  left: iface.schemas({ input: inMove, output: NOTHING }),
})

export const RESPONDER = iface.service('responder', { respond: iface.json<Turn>() })

export const LOOKER = iface.service('looker', {
  look: iface.json<LookJob>(),
  check: iface.json<CheckJob>(),
  queued: iface.json<QueuedJob>(),
})

/** Of handlers that only the others call. */
export const INSIDE = { ingressPrivate: true } as const

/**
 * By itself Restate pauses what has failed 70 times, and with it everything of that key, until somebody resumes it by hand; and keeps for
 * a day what everybody wrote.
 */
export const TRIED_AGAIN = {
  retryPolicy: { initialInterval: 100, maxAttempts: Number.MAX_SAFE_INTEGER, maxInterval: 60_000 },
  journalRetention: 0,
} as const
