import {
  AnswerTooLarge,
  MalformedAnswer,
  ZtmAgentFailed,
  ZtmAgentRefused,
  ZtmAgentSilent,
  ZtmAgentUnreachable,
  type ZtmChatError,
} from '../../domain/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { mebibytes, printable } from './text.ts'
import { type Transport, TransportFailure, type TransportRequest } from './transport.ts'

/** Who is asked, for the sentences of errors. */
export interface OtherSide {
  /** `the ZTM agent` */
  readonly name: string
  /** `Is the ZTM agent running there?` */
  readonly whenUnreachable: string
  readonly whenSilent: string
  /** What a status means, as a clause and a remedy, for those that have a known meaning. */
  readonly statuses: Readonly<Record<number, string>>
  readonly whenNotJson: string
}

export interface ExchangeRequest extends Omit<TransportRequest, 'signal' | 'headers'> {
  readonly contentType?: string
  /** Statuses that this route promises; every other is an error. */
  readonly expected: readonly number[]
  /** Null: no time-out, only the signal. */
  readonly timeoutMs: number | null
  /** Setting that holds `maxBytes`. */
  readonly limitName: string
  /** Remedies of this route, before those of the other side. */
  readonly statuses?: Readonly<Record<number, string>>
}

/** A whole answer with an expected status. `route` begins every sentence about it: `GET http://127.0.0.1:7777/api/version`. */
export type Answer = { readonly route: string; readonly status: number; readonly body: Uint8Array; readonly whenNotJson: string }

/** One request, one answer, or one error of src/domain/errors.ts with a sentence. */
export async function exchange(
  request: ExchangeRequest,
  { transport, clock, otherSide, signals }: { transport: Transport; clock: Clock; otherSide: OtherSide; signals: readonly AbortSignal[] },
): Promise<Answer> {
  const { method, url, body, pool, maxBytes, onData, contentType, expected, timeoutMs } = request
  const route = routeOf(method, url)
  const deadline = createDeadline(clock, timeoutMs, signals)
  try {
    if (deadline.signal.aborted) throw new TransportFailure('silent', 'given up')
    const headers = contentType === undefined ? {} : { 'content-type': contentType }
    const answer = await transport.request({
      method,
      url,
      headers,
      pool,
      maxBytes,
      signal: deadline.signal,
      ...(body && { body }),
      ...(onData && { onData }),
    })
    if (!expected.includes(answer.status)) throw statusError(route, answer.status, answer.body, request, otherSide)
    return { route, status: answer.status, body: answer.body, whenNotJson: otherSide.whenNotJson }
  } catch (error) {
    if (error instanceof TransportFailure) throw failureError(route, error, deadline.endedBy(), request, otherSide)
    throw error
  } finally {
    deadline.clear()
  }
}

/** Without the query, which is noise, and without user info, which is secret. */
function routeOf(method: string, url: string): string {
  const { origin, pathname } = new URL(url)
  return `${method} ${printable(origin + pathname, 300)}`
}

type Ending = 'time' | 'caller' | null

function createDeadline(clock: Clock, timeoutMs: number | null, signals: readonly AbortSignal[]) {
  const controller = new AbortController()
  let endedBy: Ending = null
  const end = (by: Ending) => {
    endedBy ??= by
    controller.abort()
  }
  const onAbort = () => end('caller')
  for (const signal of signals) {
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort)
  }
  const cancel = timeoutMs === null ? () => {} : clock.after(timeoutMs, () => end('time'))
  return {
    signal: controller.signal,
    endedBy: () => endedBy,
    clear() {
      cancel()
      for (const signal of signals) signal.removeEventListener('abort', onAbort)
    },
  }
}

function failureError(route: string, failure: TransportFailure, ending: Ending, request: ExchangeRequest, side: OtherSide): ZtmChatError {
  const cause = { cause: failure }
  if (failure.kind === 'too-large') {
    const size = mebibytes(request.maxBytes)
    return new AnswerTooLarge(
      `${route} answered more than ${size}, and the rest was not read. Raise ${request.limitName} if this is genuine.`,
      cause,
    )
  }
  // The port's word: an abort is silence, even of what was never sent.
  if (ending === 'caller') return new ZtmAgentSilent(`${route} was given up before its answer came; see what asked for the stop.`, cause)
  const reason = ending === 'time' ? `within ${(request.timeoutMs ?? 0) / 1000} s` : `(${printable(failure.message)})`
  return failure.kind === 'unreachable'
    ? new ZtmAgentUnreachable(`${route} got no answer ${reason}. ${side.whenUnreachable}`, cause)
    : new ZtmAgentSilent(`${route} got no whole answer ${reason}. ${side.whenSilent}`, cause)
}

function statusError(route: string, status: number, body: Uint8Array, request: ExchangeRequest, side: OtherSide): ZtmChatError {
  const said = whatItSays(body)
  const remedy = request.statuses?.[status] ?? side.statuses[status] ?? `Look at the log of ${side.name}.`
  const sentence = `${status}${said && `: ${said}`}. ${remedy}`
  if (status >= 500) return new ZtmAgentFailed(`${route} failed with ${sentence}`, status)
  if (status >= 400) return new ZtmAgentRefused(`${route} was refused with ${sentence}`, status)
  return new MalformedAnswer(`${route} answered ${status} in place of ${request.expected.join(' or ')}. ${side.whenNotJson}`)
}

/** The message in an error's body: `{message}` of the ZTM agent, or plain text. Pages are not pasted into a sentence. */
function whatItSays(body: Uint8Array): string {
  const text = new TextDecoder().decode(body.subarray(0, ERROR_BYTES_READ_MAX)).trim()
  if (text.startsWith('<')) return 'an HTML page'
  if (!text.startsWith('{')) return withoutFullStop(printable(text))
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') {
      return withoutFullStop(printable(value.message))
    }
  } catch {
    return 'an unreadable error'
  }
  return ''
}

/** An error's JSON carries a stack as well; 200 characters of it are shown. */
const ERROR_BYTES_READ_MAX = 65_536

const withoutFullStop = (text: string): string => text.replace(/\.$/, '')
