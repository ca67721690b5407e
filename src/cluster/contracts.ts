/** What there is on Restate, and what each of them takes. A key begins with the account, so that bots share no chat. */
import { iface } from '@restatedev/restate-sdk'
import { z } from 'zod'
import type { Change, Inbound, ReplyBody } from '../../machines/records.ts'
import type { AccountId, ChatId, MessageId, ReplyKey, UserName } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { PostLimits } from '../domain/lost-post.ts'
import type { Input } from '../runtime/cell.ts'
import type { Timer } from './timers.ts'

const SEPARATOR = '/'
/** Ours have 24. */
const ID_CHARACTERS_MAX = 200

export const keyIn = (account: AccountId, name: ChatId | UserName): string => encodeURIComponent(account) + SEPARATOR + name

/** Null: it is not as `keyIn` writes it. Under a second key a chat would be a second object, and answer everything once more. */
export function parseKey(key: string): { readonly account: AccountId; readonly name: string } | null {
  const end = key.indexOf(SEPARATOR)
  try {
    const parsed = { account: decodeURIComponent(key.slice(0, end)), name: key.slice(end + SEPARATOR.length) }
    return keyIn(parsed.account, parsed.name) === key ? parsed : null
  } catch {
    return null
  }
}

/** A message as whoever reads the mesh found it. What it says, and what the settings and the state say of it, is found out here. */
const received = z.strictObject({
  id: z.string().min(1).max(ID_CHARACTERS_MAX),
  sender: z.string(),
  /** The sender's clock, ms since 1970. */
  timeMs: z.number().nonnegative(),
  /** Anybody can post any JSON. */
  message: z.custom<Json>(value => value !== undefined),
  /** Of the sender in the group. */
  membership: z.enum(['member', 'outsider', 'unknown']),
  /** It was on the mesh when the account was read for the very first time; of a group's messages: when the group was. */
  wasThere: z.boolean(),
  /** A reply of the bot, with its key, is on the mesh. */
  isAnswered: z.boolean(),
  /** The last moment at which everything of the account had been seen, wall clock ms. */
  liveAtMs: z.number(),
})
export type Received = z.infer<typeof received>

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

type InChat = { readonly account: AccountId; readonly chat: ChatId }
export type PostJob = InChat & { readonly key: ReplyKey; readonly body: ReplyBody }
export type LookJob = InChat & { readonly sinceMs: number }
/** `nowMs`: when it was asked, by the clock that dates the post. */
export type CheckJob = LookJob & { readonly key: ReplyKey; readonly nowMs: number }

/** What an event of an outbox carries of the limits. */
export const postLimits = ({ lostPostMs, lostUnansweredPostMs, uncertainRepostMs }: PostLimits): PostLimits => ({
  lostPostMs,
  lostUnansweredPostMs,
  uncertainRepostMs,
})

export const CHAT = iface.object('chat', {
  receive: iface.schemas({ input: received }),
  give: iface.json<readonly Input[]>(),
  /** A timer, and what it is for. */
  fire: iface.json<Timer & { readonly input: Input }>(),
  held: iface.shared.json<void, readonly MessageId[]>(),
})

export const PAIRING = iface.object('pairing', {
  /** A chat holds a message of the user. */
  open: iface.json<{ readonly wrote: boolean }>(),
  /** Of a request with this code; one with another is left alone. */
  approve: iface.json<{ readonly code: string }>(),
  reject: iface.json<{ readonly code: string }>(),
  fire: iface.json<Timer>(),
})

export const ACCOUNT = iface.object('account', {
  approve: iface.json<{ readonly code: string }, { readonly user: UserName | null }>(),
  reject: iface.json<{ readonly code: string }, { readonly user: UserName | null }>(),
  record: iface.json<readonly Change[]>(),
  /** A code for a new request; null when too many are open. */
  ticket: iface.json<UserName, string | null>(),
  /** The request with this code. */
  ended: iface.json<string>(),
  isApproved: iface.shared.json<UserName, boolean>(),
})

export const RESPONDER = iface.service('responder', { respond: iface.json<Turn>() })

export const POSTER = iface.service('poster', {
  post: iface.json<PostJob>(),
  look: iface.json<LookJob>(),
  check: iface.json<CheckJob>(),
})

/** Of handlers that only the others call. */
export const INSIDE = { ingressPrivate: true } as const

/** By itself Restate pauses what has failed 70 times, and with it everything of that key, until somebody resumes it by hand. */
export const TRIED_AGAIN = { retryPolicy: { maxAttempts: Number.MAX_SAFE_INTEGER, maxInterval: 60_000 } } as const
