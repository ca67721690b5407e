/** Asks a web service: the request as JSON in a POST, the answer in the body. */
import { z } from 'zod'
import { ResponderFailed } from '../../domain/errors.ts'
import type { DispatchRequest, Responder } from '../../ports/responder.ts'
import { answerOf, requestBody, withoutMessage } from './request-body.ts'
import { createService } from './service.ts'

const DETAIL_CHARACTERS_MAX = 200

const answerSchema = z.union([z.looseObject({ text: z.string().nullable() }), z.looseObject({ reply: z.string().nullable() })])

export interface HttpResponder extends Responder {
  close(): Promise<void>
}

export function createHttpResponder(url: string): HttpResponder {
  const service = createService(url)
  const what = service.name
  return {
    async respond(dispatch, _turn, signal) {
      const { status, type, text } = await service.post(requestBody(dispatch), dispatch.messageId, signal)
      if (status === 204) return null
      if (status < 200 || status > 299) throw new ResponderFailed(`${what} was answered with ${status}${detail(type, text, dispatch)}.`)
      return readAnswer(type, text, what)
    },
    close: () => service.close(),
  }
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
