import {
  AnswerTooLarge,
  MalformedAnswer,
  ZtmAgentFailed,
  ZtmAgentRefused,
  ZtmAgentSilent,
  ZtmAgentUnreachable,
  type ZtmChatError,
} from '../../domain/errors.ts'
import { printable } from '../../domain/shown.ts'
import type { Clock } from '../../ports/clock.ts'
import { mebibytes } from './text.ts'
import { type TlsFault, type Transport, TransportFailure, type TransportRequest } from './transport.ts'

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
  /** Why a body may be empty, as a clause: `the hub is probably away`. */
  readonly whenEmpty: string
  /** The option with its address. */
  readonly option: 'agentUrl' | 'permitUrl'
}

export interface ExchangeRequest extends Omit<TransportRequest, 'signal' | 'headers'> {
  readonly contentType?: string
  /** Statuses that this route promises; every other is an error. */
  readonly expected: readonly number[]
  /** Null: no time-out, only the signal. */
  readonly timeoutMs: number | null
  /** Setting that holds `maxBytes`; null when none does. */
  readonly limitName: string | null
  /** Remedies of this route, before those of the other side. */
  readonly statuses?: Readonly<Record<number, string>>
}

/** A whole answer with an expected status. `route()` begins every sentence about it: `GET http://127.0.0.1:7777/api/version`. */
export type Answer = Pick<OtherSide, 'whenNotJson' | 'whenEmpty'> & {
  readonly route: () => string
  readonly status: number
  readonly body: Uint8Array
}

/** One request, one answer, or one error of src/domain/errors.ts with a sentence. */
export async function exchange(
  request: ExchangeRequest,
  { transport, clock, otherSide, signals }: { transport: Transport; clock: Clock; otherSide: OtherSide; signals: readonly AbortSignal[] },
): Promise<Answer> {
  const { method, url, body, pool, maxBytes, onData, contentType, expected, timeoutMs } = request
  // Made for sentences alone, of which there are few.
  const route = () => routeOf(method, url)
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
    if (!expected.includes(answer.status)) throw statusError(route(), answer.status, answer.body, request, otherSide)
    const { whenNotJson, whenEmpty } = otherSide
    return { route, status: answer.status, body: answer.body, whenNotJson, whenEmpty }
  } catch (error) {
    if (error instanceof TransportFailure) throw failureError(route(), error, deadline.endedBy(), request, otherSide)
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

/** One for all: what becomes of it is told by `endedBy`, and making one, with its stack, for each wait that ends was dear. */
const GIVEN_UP = new DOMException('given up', 'AbortError')

type Ending = 'time' | 'caller' | null

function createDeadline(clock: Clock, timeoutMs: number | null, signals: readonly AbortSignal[]) {
  const controller = new AbortController()
  let endedBy: Ending = null
  const end = (by: Ending) => {
    endedBy ??= by
    controller.abort(GIVEN_UP)
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
    const remedy = request.limitName === null ? side.whenNotJson : `Raise ${request.limitName} if this is genuine.`
    return new AnswerTooLarge(`${route} answered more than ${mebibytes(request.maxBytes)}, and the rest was not read. ${remedy}`, cause)
  }
  // The port's word: an abort is silence, even of what was never sent.
  if (ending === 'caller') return new ZtmAgentSilent(`${route} was given up before its answer came; see what asked for the stop.`, cause)
  const reason = ending === 'time' ? `within ${(request.timeoutMs ?? 0) / 1000} s` : `(${printable(failure.message)})`
  const tlsRemedy = failure.tls && TLS_REMEDIES[failure.tls](side)
  return failure.kind === 'unreachable'
    ? new ZtmAgentUnreachable(`${route} got no answer ${reason}. ${tlsRemedy ?? side.whenUnreachable}`, cause)
    : new ZtmAgentSilent(`${route} got no whole answer ${reason}. ${tlsRemedy ?? side.whenSilent}`, cause)
}

const TLS_REMEDIES: Readonly<Record<TlsFault, (side: OtherSide) => string>> = {
  untrusted: () => 'Add the authority that signed it to tls.ca.',
  'wrong-name': ({ option }) => `Set ${option} to a host that is in the certificate, or have one made for this host.`,
  'out-of-date': ({ name }) => `Have it renewed where ${name} runs, and look at the clock of this machine.`,
  'certificate-wanted': () => 'If it demands a client certificate, set tls.cert and tls.key.',
  'certificate-refused': () => 'Set tls.cert and tls.key to a certificate that is still valid and comes from an authority that it trusts.',
  'no-tls': ({ option }) => `Is ${option} right, its "https" and its port above all?`,
}

/** nginx and its kin answer a missing or bad client certificate with a page. */
function statusError(route: string, status: number, body: Uint8Array, request: ExchangeRequest, side: OtherSide): ZtmChatError {
  const said = whatItSays(body, request.url)
  const wantsCertificate = status === 400 && /SSL certificate/i.test(said)
  const remedy = wantsCertificate
    ? TLS_REMEDIES['certificate-wanted'](side)
    : (request.statuses?.[status] ?? side.statuses[status] ?? `Look at the log of ${side.name}.`)
  const sentence = `${status}${said && `: ${said}`}. ${remedy}`
  if (status >= 500) return new ZtmAgentFailed(`${route} failed with ${sentence}`, status)
  if (status >= 400) return new ZtmAgentRefused(`${route} was refused with ${sentence}`, status)
  return new MalformedAnswer(`${route} answered ${status} in place of ${request.expected.join(' or ')}. ${side.whenNotJson}`)
}

/** The message in an error's body: `{message}` of the ZTM agent, or plain text. Of a page the title is enough. */
function whatItSays(body: Uint8Array, url: string): string {
  const text = new TextDecoder().decode(body.subarray(0, ERROR_BYTES_READ_MAX)).trim()
  if (text.startsWith('<')) {
    const title = /<title[^>]*>([^<]*)/i.exec(text.slice(0, PAGE_BEGINNING_CHARACTERS))?.[1]?.trim()
    return title ? `an HTML page ("${printable(withoutSecrets(title, url), TITLE_CHARACTERS_MAX)}")` : 'an HTML page'
  }
  if (!text.startsWith('{')) return withoutFullStop(printable(withoutSecrets(text, url)))
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') {
      return withoutFullStop(printable(withoutSecrets(value.message, url)))
    }
  } catch {
    return 'an unreadable error'
  }
  return ''
}

/** An error's JSON carries a stack as well; 200 characters of it are shown. */
const ERROR_BYTES_READ_MAX = 65_536
const TITLE_CHARACTERS_MAX = 80
const PAGE_BEGINNING_CHARACTERS = 4_096
/** What is shorter is no token, and would black out half of a sentence. */
const SECRET_CHARACTERS_MIN = 6

/** Servers like to send back what they were sent: the query may hold a token, and a permit may hold a key. */
function withoutSecrets(text: string, url: string): string {
  const { search, searchParams } = new URL(url)
  return [search.slice(1), ...searchParams.values()]
    .filter(secret => secret.length >= SECRET_CHARACTERS_MIN)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
    .replace(/-----BEGIN [\s\S]*/, '[PEM]')
}

const withoutFullStop = (text: string): string => text.replace(/\.$/, '')
