/** Asks a web service: the request as JSON in a POST, the answer in the body. */
import { Agent, request } from 'undici'
import { z } from 'zod'
import { ResponderFailed } from '../../domain/errors.ts'
import type { DispatchRequest, Responder } from '../../ports/responder.ts'
import { ANSWER_BYTES_MAX, answerOf, requestBody, withoutMessage } from './request-body.ts'

const DETAIL_CHARACTERS_MAX = 200

const answerSchema = z.union([z.looseObject({ text: z.string().nullable() }), z.looseObject({ reply: z.string().nullable() })])

export interface HttpResponder extends Responder {
  close(): Promise<void>
}

export function createHttpResponder(url: string): HttpResponder {
  // How long an answer may take is the dispatcher's business: its signal ends the call.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0, maxResponseSize: ANSWER_BYTES_MAX })
  const what = `POST ${shown(url)}`
  return {
    async respond(dispatch, _turn, signal) {
      const { status, type, text } = await post(dispatcher, url, requestBody(dispatch), dispatch.messageId, signal, what)
      if (status === 204) return null
      if (status < 200 || status > 299) throw new ResponderFailed(`${what} was answered with ${status}${detail(type, text, dispatch)}.`)
      return readAnswer(type, text, what)
    },
    close: () => dispatcher.destroy(),
  }
}

type Answer = { readonly status: number; readonly type: string; readonly text: string }

async function post(dispatcher: Agent, url: string, body: string, key: string, signal: AbortSignal, what: string): Promise<Answer> {
  try {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/plain', 'idempotency-key': key }
    const answer = await request(url, { method: 'POST', dispatcher, headers, body, signal })
    const type = String(answer.headers['content-type'] ?? '')
      .split(';', 1)[0]!
      .trim()
      .toLowerCase()
    return { status: answer.statusCode, type, text: await answer.body.text() }
  } catch (cause) {
    throw new ResponderFailed(`${what} ${reasonOf(cause, signal)}`, { cause })
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

function readAnswer(type: string, text: string, what: string): string | null {
  if (type === 'text/plain') return answerOf(text)
  if (type !== 'application/json') {
    throw new ResponderFailed(
      `${what} was answered with ${type || 'no content type'}; expected text/plain, or application/json with "text" or "reply".`,
    )
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Without its cause, which quotes the answer.
    throw new ResponderFailed(`${what} was answered with something that is not the JSON it says it is.`)
  }
  const answer = answerSchema.safeParse(value)
  if (!answer.success) throw new ResponderFailed(`${what} was answered with JSON that has neither "text" nor "reply" as a string.`)
  return answerOf((('text' in answer.data ? answer.data.text : answer.data.reply) as string | null) ?? '')
}

/** The first words of a plain refusal often say what is wrong. */
function detail(type: string, text: string, request: DispatchRequest): string {
  const first = type === 'text/plain' ? text.trim().split('\n', 1)[0]!.slice(0, DETAIL_CHARACTERS_MAX) : ''
  const line = withoutMessage(first, request)
  return line === '' ? '' : ` (${line})`
}

/** Without user info and query: both may hold secrets. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
