/** From `--responder` to the responder. */
import { maskUrl } from '../../domain/config.ts'
import type { Responder } from '../../ports/responder.ts'
import { UsageError } from '../usage-error.ts'
import { echoResponder } from './echo.ts'
import { createExecResponder } from './exec.ts'
import { createHttpResponder } from './http.ts'

export type ChosenResponder = {
  readonly responder: Responder
  /** After the runtime has stopped. */
  close(): Promise<void>
  /** At once, for a process that ends now. */
  abandon(): void
}

const EXPECTED = 'expected echo, exec:COMMAND, or an http or https URL (http:URL)'

type Spec =
  | { readonly kind: 'echo' }
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'http'; readonly url: string }

/** @throws {UsageError} */
export function chooseResponder(spec: string): ChosenResponder {
  const read = readSpec(spec)
  if (typeof read === 'string') throw new UsageError(read)
  switch (read.kind) {
    case 'echo':
      return { responder: echoResponder, close: async () => {}, abandon: () => {} }
    case 'exec': {
      const responder = createExecResponder(read.command)
      return { responder, close: async () => responder.kill(), abandon: () => responder.kill() }
    }
    case 'http': {
      const responder = createHttpResponder(read.url)
      return { responder, close: () => responder.close(), abandon: () => {} }
    }
    default:
      return read satisfies never
  }
}

/** What is wrong with a `--responder`, in one sentence; null when it is good. */
export function responderFault(spec: string): string | null {
  const read = readSpec(spec)
  return typeof read === 'string' ? read : null
}

/** What is meant, or what is wrong with it. */
function readSpec(spec: string): Spec | string {
  if (spec === 'echo') return { kind: 'echo' }
  if (spec.startsWith('exec:')) {
    const command = spec.slice('exec:'.length).trim()
    return command === '' ? `--responder exec: has no command; ${EXPECTED}.` : { kind: 'exec', command }
  }
  const url = httpUrl(spec)
  return url === null ? `--responder is ${JSON.stringify(maskUrl(spec))}; ${EXPECTED}.` : { kind: 'http', url }
}

/** Both `http:http://host/path` and `http://host/path`. */
function httpUrl(spec: string): string | null {
  const text = /^https?:(?=https?:\/\/)/i.test(spec) ? spec.slice(spec.indexOf(':') + 1) : spec
  return /^https?:\/\//i.test(text) && URL.canParse(text) ? text : null
}
