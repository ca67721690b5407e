/** Asks a model behind the chat completions API of OpenAI, which many others speak, too. Each message is a conversation of its own. */
import { z } from 'zod'
import { isLoopback, isPlainHttp } from '../../domain/config.ts'
import { ResponderFailed } from '../../domain/errors.ts'
import type { DispatchRequest } from '../../ports/responder.ts'
import type { HttpResponder } from './http.ts'
import { answerOf, withoutMessage } from './request-body.ts'
import { createService } from './service.ts'

export type OpenAiOptions = {
  /** Of the API, such as `https://api.openai.com/v1`, or of its chat completions themselves. */
  readonly url: string
  readonly model: string
  /** What the model is told before each message; null = nothing. */
  readonly system: string | null
  /** Null: none is sent, as for a model on this machine. */
  readonly key: string | null
}

/** The environment variable with the key. It is never an argument: those are seen by every user of a machine. */
export const KEY_VARIABLE = 'ZTM_CHAT_OPENAI_KEY'

const PATH = '/chat/completions'

/** Why this cannot be asked, as a clause with its remedy; null when it can. Nothing of a key is ever quoted. */
export function openAiFault({ url, key }: Pick<OpenAiOptions, 'url' | 'key'>): string | null {
  const { username, password } = new URL(url)
  if (username !== '' || password !== '') return `has a user name or password in its URL; the key belongs into ${KEY_VARIABLE}`
  if (key === null) return null
  if (!/^[\x21-\x7e]+$/.test(key)) return `cannot use ${KEY_VARIABLE}: a key has no blanks, and nothing beyond ASCII`
  return isPlainHttp(url) && !isLoopback(url) ? `would send ${KEY_VARIABLE} over plain http; use https, or unset it` : null
}

export function createOpenAiResponder({ url, model, system, key }: OpenAiOptions): HttpResponder {
  const service = createService(completionsUrl(url), key === null ? {} : { authorization: `Bearer ${key}` })
  return {
    async respond(request, _turn, signal) {
      const body = JSON.stringify({ model, messages: messagesFor(request, system) })
      const { status, text } = await service.post(body, request.messageId, signal)
      const failed = (reason: string) => new ResponderFailed(`${service.name} ${reason}`)
      if (status !== 200) throw failed(`was answered with ${status}${remedyFor(status, model, saidBy(text, request, key))}`)
      const answer = completion.safeParse(jsonIn(text))
      if (!answer.success) throw failed('was answered with something that is no chat completion; is it the URL of such an API?')
      const { content, refusal } = answer.data.choices[0].message
      if (typeof content === 'string') return answerOf(content)
      if (typeof refusal === 'string') return answerOf(refusal)
      throw failed(`was answered without a text; does the model ${JSON.stringify(model)} want to call tools?`)
    },
    close: () => service.close(),
  }
}

/** The query stays: some want an API version there. */
function completionsUrl(text: string): string {
  const url = new URL(text)
  const path = url.pathname.replace(/\/+$/, '')
  url.pathname = path.endsWith(PATH) ? path : path + PATH
  return url.href
}

const SAID_BEFORE = 'What others said in the group before, for context only:'

type ChatMessage = { readonly role: 'system' | 'user'; readonly content: string }

function messagesFor({ text, files, history }: DispatchRequest, system: string | null): readonly ChatMessage[] {
  // One line each: nobody puts words into another's mouth.
  const said = history.map(one => `${one.sender}: ${one.text}`.replace(/\s+/g, ' '))
  const named = files.map(({ name, contentType }) => `[attached: ${name} (${contentType})]`)
  const content = [text, ...named].filter(part => part !== '').join('\n')
  return [
    ...(system === null ? [] : [{ role: 'system' as const, content: system }]),
    ...(said.length === 0 ? [] : [{ role: 'user' as const, content: [SAID_BEFORE, ...said].join('\n') }]),
    { role: 'user', content },
  ]
}

const message = z.looseObject({ content: z.string().nullish(), refusal: z.string().nullish() })
const choice = z.looseObject({ message })
const completion = z.looseObject({ choices: z.tuple([choice]).rest(choice) })
const failure = z.looseObject({ error: z.union([z.looseObject({ message: z.string() }).transform(error => error.message), z.string()]) })

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const SAID_CHARACTERS_MAX = 200
/** Keys as these services write them, also shortened or starred: some quote the key that they refuse. */
const KEYS = /\b(?:sk|pk|key|api)[-_][\w*.-]{6,}/gi

/** Why it failed, in the service's own words, on one line, without what it quotes of the message and the key. */
function saidBy(text: string, request: DispatchRequest, key: string | null): string {
  const said = failure.safeParse(jsonIn(text)).data?.error ?? ''
  const open = (key === null ? said : said.replaceAll(key, '[key]')).replace(KEYS, '[key]')
  const line = withoutMessage(open.replace(/[\s\p{C}]+/gu, ' ').trim(), request)
  return line.length > SAID_CHARACTERS_MAX ? `${line.slice(0, SAID_CHARACTERS_MAX)}…` : line.replace(/\.$/, '')
}

/** The end of the sentence. */
function remedyFor(status: number, model: string, said: string): string {
  const words = said === '' ? '' : ` (${said})`
  const named = JSON.stringify(model)
  // What it says of a key that it refuses is left out, whatever it quotes.
  if (status === 401 || status === 403) return `; is the key in ${KEY_VARIABLE} good, and may it use the model ${named}?`
  if (status === 404) return `${words}; is the URL right, and is there a model ${named}?`
  return status === 429 ? `${words}; its limit is reached, or there is no credit left.` : `${words}.`
}
