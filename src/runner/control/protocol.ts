/**
 * What goes over the control socket: one JSON object a line, a request and then its answer, any number of times.
 * Requests carry the version; an answer is `{v, ok: true, result}` or `{v, ok: false, error}` with one sentence.
 */
import { z } from 'zod'
import type { AccountStatus, PairingRequest } from '../../runtime/runtime.ts'

export const CONTROL_VERSION = 1
/** Longest request or answer: the status of many accounts fits well. */
export const LINE_BYTES_MAX = 1_048_576

const account = z.string().nullable()

export const requestSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('hello') }),
  z.object({ do: z.literal('status'), account }),
  z.object({ do: z.literal('pairing.list'), account }),
  z.object({ do: z.literal('pairing.approve'), account, code: z.string() }),
  z.object({ do: z.literal('pairing.reject'), account, code: z.string() }),
])
export type ControlRequest = z.infer<typeof requestSchema>

export type PendingPairing = PairingRequest & { readonly account: string }
export type PairingEnd = { readonly account: string; readonly user: string }

export type ControlResults = {
  readonly hello: { readonly pid: number }
  readonly status: { readonly pid: number; readonly accounts: readonly AccountStatus[] }
  readonly 'pairing.list': readonly PendingPairing[]
  readonly 'pairing.approve': PairingEnd
  readonly 'pairing.reject': PairingEnd
}

export const envelopeSchema = z.looseObject({ v: z.int() })
export const answerSchema = z.discriminatedUnion('ok', [
  z.object({ v: z.int(), ok: z.literal(true), result: z.json() }),
  z.object({ v: z.int(), ok: z.literal(false), error: z.string() }),
])

/** Something that was asked for cannot be done; the message is one sentence for the one who asked. */
export class ControlRefused extends Error {
  override readonly name = 'ControlRefused'
}

/** Carries out one request, for a running system or for state at rest. */
export type Control = <Name extends ControlRequest['do']>(request: Extract<ControlRequest, { do: Name }>) => Promise<ControlResults[Name]>
