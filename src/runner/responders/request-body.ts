import type { DispatchRequest } from '../../ports/responder.ts'

/** Most that a responder may answer, in bytes: hundreds of messages' worth. */
export const ANSWER_BYTES_MAX = 1_048_576

/** What a responder outside this process gets to read; `idempotencyKey` is the same on every retry and after every restart. */
export const requestBody = (request: DispatchRequest): string => JSON.stringify({ ...request, idempotencyKey: request.messageId })

/** Programs end their output with a line break that nobody meant to send; nothing at all is "no answer". */
export function answerOf(text: string): string | null {
  const answer = text.replace(/(\r?\n)+$/, '')
  return answer.trim() === '' ? null : answer
}
