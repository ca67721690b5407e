/** What goes over the WebSocket between the server and its page: one JSON object a frame. */
import { z } from 'zod'
import type { ChatId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { ActorView, Taken } from '../runtime/inspection.ts'
import type { Life } from '../runtime/life.ts'
import type { PastStep } from '../runtime/past.ts'
import type { AccountStatus, DeadLetter, PairingRequest } from '../runtime/runtime.ts'

/** Longest frame that a client may send. */
export const FRAME_BYTES_MAX = 16_384
export const ROWS_MAX = 200
export const LIVES_SHOWN = 50

const name = z.string().max(2_000)
const chat = z.custom<ChatId>(value => typeof value === 'string' && value.length < 2_000 && /^(?:peer:[^/]+|group:[^/]+\/.+)$/s.test(value))

/** What a client wants to see from now on; what it leaves out it does not get. */
const wants = z.object({
  t: z.literal('want'),
  list: z
    .object({
      account: name,
      search: z.string().max(200),
      busyOnly: z.boolean(),
      offset: z.int().min(0),
      limit: z.int().min(1).max(ROWS_MAX),
    })
    .nullable(),
  actor: z.object({ account: name, actor: name }).nullable(),
  chat: z.object({ account: name, chat }).nullable(),
  log: z.boolean(),
})
export type Wants = Omit<z.infer<typeof wants>, 't'>

const act = z.object({
  t: z.literal('act'),
  /** Comes back with the outcome. */
  n: z.int(),
  act: z.discriminatedUnion('do', [
    z.object({ do: z.literal('approve'), account: name, code: z.string().max(100) }),
    z.object({ do: z.literal('reject'), account: name, code: z.string().max(100) }),
    z.object({ do: z.literal('retry'), account: name, id: name }),
    z.object({ do: z.literal('drop'), account: name, id: name }),
    z.object({ do: z.literal('say'), user: name, chat: name, text: z.string().min(1).max(4_000) }),
  ]),
})
export type Act = z.infer<typeof act>['act']

/** Asked once. */
const past = z.object({ t: z.literal('past'), account: name, chat })

export const fromClient = z.discriminatedUnion('t', [wants, act, past])

/** Who a person at the page may write as, and where. Only in the demo. */
export type Persona = { readonly user: string; readonly chats: readonly { readonly chat: string; readonly title: string }[] }

export type LogLine = {
  readonly atMs: number
  readonly account: string
  readonly actor: string
  readonly event: string
  readonly value: Json
  readonly guards: Taken['guards']
}

/** Milliseconds at the 50th and the 95th of a hundred; null while there was none. */
export type Quantiles = { readonly p50: number; readonly p95: number } | null

export type AccountOverview = {
  readonly status: AccountStatus
  readonly pairings: readonly PairingRequest[]
  readonly deadLetters: readonly DeadLetter[]
  /** Messages decided and replies confirmed in each of the last 60 seconds, oldest first. */
  readonly perSecond: { readonly decided: readonly number[]; readonly confirmed: readonly number[] }
  /** From the decision. */
  readonly latency: { readonly dispatched: Quantiles; readonly posted: Quantiles; readonly confirmed: Quantiles }
}

export type ToClient =
  | {
      readonly t: 'hello'
      readonly accounts: readonly string[]
      readonly mayAct: boolean
      /** Strangers are let in with this command and not from the page; null: from the page. */
      readonly approveCommand: string | null
      readonly personas: readonly Persona[]
      /** How it is seen, where not as it happens. */
      readonly seen: string | null
      readonly version: string
    }
  | {
      readonly t: 'tick'
      readonly nowMs: number
      readonly overview?: readonly AccountOverview[]
      readonly list?: { readonly total: number; readonly offset: number; readonly rows: readonly ActorView[] }
      readonly actor?: { readonly view: ActorView | null; readonly steps: readonly (LogLine & { readonly taken: readonly Taken[] })[] }
      readonly chat?: { readonly chat: ChatId; readonly lives: readonly Life[] }
      readonly log?: { readonly lines: readonly LogLine[]; readonly skipped: number }
    }
  | { readonly t: 'past'; readonly chat: ChatId; readonly steps: readonly PastStep[] }
  | { readonly t: 'done'; readonly n: number; readonly ok: boolean; readonly said: string }
