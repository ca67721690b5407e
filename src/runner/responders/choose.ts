/** From `--responder` to the responder. */
import { maskUrl } from '../../domain/config.ts'
import type { Responder } from '../../ports/responder.ts'
import { UsageError } from '../usage-error.ts'
import { echoResponder } from './echo.ts'
import { createExecResponder, execFault } from './exec.ts'
import { createHttpResponder, type HttpResponder } from './http.ts'
import { createOpenAiResponder, KEY_VARIABLE, type OpenAiOptions, openAiFault } from './openai.ts'

export type ChosenResponder = {
  readonly responder: Responder
  /** After the runtime has stopped. */
  close(): Promise<void>
  /** At once, for a process that ends now. */
  abandon(): void
}

const EXPECTED = 'expected echo, exec:COMMAND, openai:URL, or an http or https URL (http:URL)'

export type ResponderOptions = {
  /** Of openai:URL, which needs it. */
  readonly model?: string
  readonly system?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

type Spec =
  | { readonly kind: 'echo' }
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'http'; readonly url: string }
  | ({ readonly kind: 'openai' } & OpenAiOptions)

/** @throws {UsageError} */
export function chooseResponder(spec: string, options: ResponderOptions = {}): ChosenResponder {
  const read = readSpec(spec, options)
  if (typeof read === 'string') throw new UsageError(read)
  switch (read.kind) {
    case 'echo':
      return { responder: echoResponder, close: async () => {}, abandon: () => {} }
    case 'exec': {
      // Here, and not where init asks: a script may be written between the two.
      const fault = execFault(read.command)
      if (fault !== null) throw new UsageError(`--responder is exec:, and ${fault}.`)
      const responder = createExecResponder(read.command)
      return { responder, close: async () => responder.kill(), abandon: () => responder.kill() }
    }
    case 'http':
      return closing(createHttpResponder(read.url))
    case 'openai':
      return closing(createOpenAiResponder(read))
    default:
      return read satisfies never
  }
}

const closing = (responder: HttpResponder): ChosenResponder => ({ responder, close: () => responder.close(), abandon: () => {} })

/** What is wrong with a `--responder`, in one sentence; null when it is good. */
export function responderFault(spec: string, options: ResponderOptions = {}): string | null {
  const read = readSpec(spec, options)
  return typeof read === 'string' ? read : null
}

/** What is meant, or what is wrong with it. */
function readSpec(spec: string, options: ResponderOptions): Spec | string {
  const shown = `--responder is ${JSON.stringify(maskUrl(spec))}`
  if (spec.startsWith('openai:')) return readOpenAi(spec.slice('openai:'.length), shown, options)
  for (const name of ['model', 'system'] as const) {
    if (options[name] !== undefined) return `--${name} is only for --responder openai:URL; leave it out.`
  }
  if (spec === 'echo') return { kind: 'echo' }
  if (spec.startsWith('exec:')) {
    const command = spec.slice('exec:'.length).trim()
    return command === '' ? `--responder exec: has no command; ${EXPECTED}.` : { kind: 'exec', command }
  }
  const url = httpUrl(spec)
  return url === null ? `${shown}; ${EXPECTED}.` : { kind: 'http', url }
}

function readOpenAi(text: string, shown: string, { model, system, env = process.env }: ResponderOptions): Spec | string {
  const url = httpUrl(text)
  if (url === null) return `${shown}; expected the URL of a chat completions API behind openai:, such as openai:https://api.openai.com/v1.`
  if (model === undefined || model.trim() === '') return `${shown} and needs a model; name it with --model.`
  const options = { url, model, system: system ?? null, key: env[KEY_VARIABLE]?.trim() || null }
  const fault = openAiFault(options)
  return fault === null ? { kind: 'openai', ...options } : `${shown} and ${fault}.`
}

/** Both `http:http://host/path` and `http://host/path`. */
function httpUrl(spec: string): string | null {
  const text = /^https?:(?=https?:\/\/)/i.test(spec) ? spec.slice(spec.indexOf(':') + 1) : spec
  return /^https?:\/\//i.test(text) && URL.canParse(text) ? text : null
}
