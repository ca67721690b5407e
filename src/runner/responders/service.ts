/** A web service that is asked by POST: how it is reached, what bounds hold, and the sentence for each way in which no answer comes. */
import { Agent, request } from 'undici'
import { ResponderFailed } from '../../domain/errors.ts'
import { ANSWER_BYTES_MAX } from './request-body.ts'

export type Answer = {
  readonly status: number
  /** Without parameters, in small letters; '' when there is none. */
  readonly type: string
  readonly text: string
}

export interface Service {
  /** Begins every sentence about it: `POST http://127.0.0.1:8080/answer`, without what may be secret. */
  readonly name: string
  /** `key` is the same on every retry and after every restart. @throws {ResponderFailed} when no whole answer comes. */
  post(body: string, key: string, signal: AbortSignal): Promise<Answer>
  close(): Promise<void>
}

export function createService(url: string, more: Readonly<Record<string, string>> = {}): Service {
  // How long an answer may take is the dispatcher's business: its signal ends the call.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0, maxResponseSize: ANSWER_BYTES_MAX })
  const name = `POST ${shown(url)}`
  return {
    name,
    async post(body, key, signal) {
      try {
        const headers = { 'content-type': 'application/json', accept: 'application/json, text/plain', ...more, 'idempotency-key': key }
        const answer = await request(url, { method: 'POST', dispatcher, headers, body, signal })
        const type = String(answer.headers['content-type'] ?? '')
          .split(';', 1)[0]!
          .trim()
          .toLowerCase()
        return { status: answer.statusCode, type, text: await answer.body.text() }
      } catch (cause) {
        throw new ResponderFailed(`${name} ${reasonOf(cause, signal)}`, { cause })
      }
    },
    close: () => dispatcher.destroy(),
  }
}

function reasonOf(cause: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'was given up: its time was over, or the runner stops.'
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE')
    return `was answered with more than ${ANSWER_BYTES_MAX} bytes; an answer has at most that many.`
  if (code === 'ECONNREFUSED') return 'was refused; is the responder running there?'
  return `got no answer (${code || (cause instanceof Error ? cause.message : String(cause))}); is the responder well?`
}

/** Without user info and query: both may hold secrets. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
