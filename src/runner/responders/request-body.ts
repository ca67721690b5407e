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

/** So many characters in a row that are the message's own are a quotation of it; of a shorter message all of it is. */
const QUOTED_CHARACTERS_MIN = 12
/** A word, and not a quotation. */
const WORD_CHARACTERS_MAX = 5

/** What a responder says of its failure, one line, without what it quotes of what it was given: reasons go to logs, and messages do not. */
export const withoutMessage = (line: string, { text, history }: Pick<DispatchRequest, 'text' | 'history'>): string =>
  [text, ...history.map(said => said.text)].reduce(withoutQuotations, line)

function withoutQuotations(line: string, text: string): string {
  const length = Math.min(QUOTED_CHARACTERS_MIN, text.length)
  if (length <= WORD_CHARACTERS_MAX) return line
  let quotedUntil = 0
  let kept = ''
  for (let at = 0; at < line.length; at++) {
    if (at + length <= line.length && text.includes(line.slice(at, at + length))) {
      if (at >= quotedUntil) kept += '[text]'
      quotedUntil = at + length
    }
    if (at >= quotedUntil) kept += line[at]
  }
  return kept
}
