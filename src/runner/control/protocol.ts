/**
 * What goes over the control socket: one JSON object a line, a request and then its answer, any number of times.
 * Requests carry the version; an answer is `{v, ok: true, result}` or `{v, ok: false, error}` with one sentence.
 */
import { z } from 'zod'
import { ATTACHMENTS_MAX, attachmentSchema } from '../../domain/attachments.ts'
import type { ChatId, ReplyKey } from '../../domain/ids.ts'
import type { Life } from '../../runtime/life.ts'
import type { AccountStatus, ChatLine, DeadLetter, PairingRequest } from '../../runtime/runtime.ts'

export const CONTROL_VERSION = 1
/** Longest request: the longest text to send fits well. */
export const REQUEST_BYTES_MAX = 1_048_576
/** Longest answer: a hundred thousand dead letters fit. */
export const ANSWER_BYTES_MAX = 64 * 1_048_576
/** Dead letters in one request: each is a record, and all of them are one flush. */
export const IDS_MAX = 100

/** Messages in one answer. */
export const EXPLAINED_MAX = 1_000

/** Chats in one answer. */
export const CHATS_MAX = 100_000

const account = z.string().nullable()
const ids = z.array(z.string()).max(IDS_MAX)
const chat = z.custom<ChatId>(value => typeof value === 'string' && /^(?:peer:[^/]+|group:[^/]+\/[^/]+)$/.test(value))

/** All messages whose id begins like this, or the newest of one chat. */
const wanted = z.union([z.object({ id: z.string().min(4) }), z.object({ chat, last: z.int().min(1).max(EXPLAINED_MAX) })])
export type WantedLives = z.infer<typeof wanted>

export const requestSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('hello') }),
  z.object({ do: z.literal('status'), account }),
  z.object({ do: z.literal('pairing.list'), account }),
  z.object({ do: z.literal('pairing.approve'), account, code: z.string() }),
  z.object({ do: z.literal('pairing.reject'), account, code: z.string() }),
  z.object({ do: z.literal('pairing.approved'), account }),
  z.object({ do: z.literal('pairing.revoke'), account, user: z.string() }),
  /** The newest. */
  z.object({ do: z.literal('chats'), account, last: z.int().min(1).max(CHATS_MAX) }),
  z.object({ do: z.literal('deadletter.list'), account }),
  z.object({ do: z.literal('deadletter.retry'), account, ids }),
  z.object({ do: z.literal('deadletter.drop'), account, ids }),
  z.object({ do: z.literal('explain'), account, wanted }),
  /** No account: the config's default one. */
  z.object({
    do: z.literal('send'),
    account,
    chat,
    text: z.string(),
    key: z.string(),
    files: z.array(attachmentSchema).max(ATTACHMENTS_MAX).default([]),
  }),
])
export type ControlRequest = z.infer<typeof requestSchema>

export type PendingPairing = PairingRequest & { readonly account: string }
export type PairingEnd = { readonly account: string; readonly user: string }
/** Somebody whom pairing has let in, or had. */
export type Paired = { readonly account: string; readonly user: string }
export type KeptChat = ChatLine & { readonly account: string }
/** `total`: of all that are known. */
export type KeptChats = { readonly total: number; readonly chats: readonly KeptChat[] }
export type KeptLetter = DeadLetter & { readonly account: string }
/** `deadLetters`: those that are kept; the counter has those since the start. */
export type RunningStatus = AccountStatus & { readonly deadLetters: number }
/** Of an account that does not run, or runs in a fleet. */
export type KeptStatus = Pick<AccountStatus, 'account' | 'chats' | 'outbox' | 'uncertain' | 'pendingPairings' | 'warnings'> & {
  readonly deadLetters: number
}
/** `feeder`: the address of the one that reads its mesh; null when nobody does. What it says of the account is null when it was not asked. */
export type FleetAccountStatus = KeptStatus & { readonly feeder: string | null } & {
  readonly [Field in 'state' | 'sinceMs' | 'reason']: AccountStatus[Field] | null
}
/** `feeders`: addresses of those that live; `warnings`: of no account. */
export type FleetStatus = {
  readonly fleet: string
  readonly feeders: readonly string[]
  readonly warnings: readonly string[]
  readonly accounts: readonly FleetAccountStatus[]
}
export type Explained = Life & { readonly account: string }
/** It is durable, and will be delivered; `repeated`: it was so already, under the same key. */
export type Taken = { readonly account: string; readonly keys: readonly ReplyKey[]; readonly repeated: boolean }

export type ControlResults = {
  readonly hello: { readonly pid: number }
  readonly status: { readonly pid: number; readonly accounts: readonly RunningStatus[] }
  readonly 'pairing.list': readonly PendingPairing[]
  readonly 'pairing.approve': PairingEnd
  readonly 'pairing.reject': PairingEnd
  readonly 'pairing.approved': readonly Paired[]
  /** Of every account that had let the user in. */
  readonly 'pairing.revoke': readonly Paired[]
  readonly chats: KeptChats
  readonly 'deadletter.list': readonly KeptLetter[]
  /** Those of the ids that there were. */
  readonly 'deadletter.retry': readonly KeptLetter[]
  readonly 'deadletter.drop': readonly KeptLetter[]
  readonly explain: readonly Explained[]
  readonly send: Taken
}

export const envelopeSchema = z.looseObject({ v: z.int() })
export const answerSchema = z.discriminatedUnion('ok', [
  z.object({ v: z.int(), ok: z.literal(true), result: z.json() }),
  z.object({ v: z.int(), ok: z.literal(false), error: z.string() }),
])

/** Something that was asked for cannot be done; the message is one sentence for the one who asked. */
export class ControlRefused extends Error {
  override readonly name: string = 'ControlRefused'
}

/** The runner gave no usable answer: it may have done what was asked all the same. */
export class ControlSilent extends ControlRefused {
  override readonly name = 'ControlSilent'
}

/** Carries out one request, for a running system. */
export type Control = <Name extends ControlRequest['do']>(request: Extract<ControlRequest, { do: Name }>) => Promise<ControlResults[Name]>

/** What can be asked of a bot wherever it is. */
export type BotRequest = Exclude<ControlRequest, { readonly do: 'hello' }>
export type BotResults = Omit<ControlResults, 'hello' | 'status'> & {
  readonly status: ControlResults['status'] | { readonly accounts: readonly KeptStatus[] } | FleetStatus
}
/** Carries out one request, for a runner, for state at rest, or for a fleet. */
export type BotControl = <Name extends BotRequest['do']>(request: Extract<BotRequest, { do: Name }>) => Promise<BotResults[Name]>
