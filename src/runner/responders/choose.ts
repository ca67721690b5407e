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

/** @throws {UsageError} */
export function chooseResponder(spec: string): ChosenResponder {
  if (spec === 'echo') return { responder: echoResponder, close: async () => {}, abandon: () => {} }
  if (spec.startsWith('exec:')) {
    const command = spec.slice('exec:'.length).trim()
    if (command === '') throw new UsageError(`--responder exec: has no command; ${EXPECTED}.`)
    const responder = createExecResponder(command)
    return { responder, close: async () => responder.kill(), abandon: () => responder.kill() }
  }
  const url = httpUrl(spec)
  if (url === null) throw new UsageError(`--responder is ${JSON.stringify(maskUrl(spec))}; ${EXPECTED}.`)
  const responder = createHttpResponder(url)
  return { responder, close: () => responder.close(), abandon: () => {} }
}

/** Both `http:http://host/path` and `http://host/path`. */
function httpUrl(spec: string): string | null {
  const text = /^https?:(?=https?:\/\/)/i.test(spec) ? spec.slice(spec.indexOf(':') + 1) : spec
  return /^https?:\/\//i.test(text) && URL.canParse(text) ? text : null
}
