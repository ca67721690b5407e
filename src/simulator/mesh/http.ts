/** What goes in and out of the one request handler of a simulated agent. */

export type AgentRequest = {
  readonly method: string
  /** Path and query as they stand in the request line. */
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

export type AgentResponse = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
}

/** A connection that failed, with the code that a socket would have given. */
export class ConnectionFailed extends Error {
  readonly code: 'ECONNREFUSED' | 'ECONNRESET'
  constructor(code: 'ECONNREFUSED' | 'ECONNRESET') {
    super(code === 'ECONNREFUSED' ? 'connect ECONNREFUSED: the simulated agent is down' : 'ECONNRESET: the simulated agent went away')
    this.code = code
  }
}

/** An exception in a handler: 500 with `{name, message, cause, stack}`. */
export class HandlerFailed extends Error {}

/** A plain string thrown in a handler: 500 with `{status, message}`. */
export class NotConnected extends Error {
  constructor() {
    super('Not connected to mesh')
  }
}

const NOTHING = new Uint8Array(0)
const encoder = new TextEncoder()

export const bytesOf = (text: string): Uint8Array => encoder.encode(text)

export const bare = (status: number): AgentResponse => ({ status, headers: {}, body: NOTHING })

/** An empty string is a bare status, as in the real agent. */
export const plain = (status: number, text: string): AgentResponse =>
  text === '' ? bare(status) : { status, headers: { 'content-type': 'text/plain' }, body: encoder.encode(text) }

export const json = (status: number, value: unknown): AgentResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: encoder.encode(JSON.stringify(value)),
})

export const octets = (status: number, body: Uint8Array): AgentResponse => ({
  status,
  headers: { 'content-type': 'application/octet-stream' },
  body,
})

/** The one answer that has a text and no content type. */
export const cannotStart = (): AgentResponse => ({ status: 503, headers: {}, body: encoder.encode('Cannot start the app') })

export function failure(thrown: unknown): AgentResponse {
  if (thrown instanceof NotConnected) return json(500, { status: 500, message: thrown.message })
  if (thrown instanceof HandlerFailed) return json(500, { name: 'Error', message: thrown.message, cause: null, stack: 'In handler\n' })
  throw thrown
}
