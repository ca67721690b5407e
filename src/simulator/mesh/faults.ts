import { type AgentRequest, type AgentResponse, bare, bytesOf, ConnectionFailed, json } from './http.ts'

/** Answers in the agent's place. `pass` lets the agent handle the request; null = this request is not touched. */
export type Interceptor = (
  request: AgentRequest,
  pass: () => Promise<AgentResponse>,
  signal: AbortSignal | undefined,
) => Promise<AgentResponse | null> | AgentResponse | null

const HUGE_BYTES = 100 * 1024 * 1024
const CHUNK_BYTES = 64 * 1024

async function* huge(): AsyncIterable<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES).fill(0x61)
  yield bytesOf('["')
  for (let sent = 2; sent < HUGE_BYTES - 2; sent += CHUNK_BYTES) yield chunk.subarray(0, Math.min(CHUNK_BYTES, HUGE_BYTES - 2 - sent))
  yield bytesOf('"]')
}

const answers = (status: number, type: string, body: string) => (): AgentResponse => ({
  status,
  headers: { 'content-type': type },
  body: bytesOf(body),
})

export const PRESETS = {
  error500: () => json(500, { status: 500, message: 'simulated failure' }),
  /** 200 with JSON that ends in the middle. */
  garbage: answers(200, 'application/json', '[{"peer":"ali'),
  /** 200 without a body. */
  empty: () => bare(200),
  /** The page of some proxy in between. */
  html: answers(200, 'text/html', '<!doctype html><title>Sign in</title>'),
  /** JSON of 100 MB, streamed. */
  huge: (): AgentResponse => ({ status: 200, headers: { 'content-type': 'application/json' }, body: huge() }),
  /** No answer until the client gives up. */
  hang: (): Promise<AgentResponse> => new Promise(() => {}),
  /** The agent does what it was asked, and the connection breaks before the answer. */
  lostAnswer: async (_: AgentRequest, pass: () => Promise<AgentResponse>): Promise<AgentResponse> => {
    await pass()
    throw new ConnectionFailed('ECONNRESET')
  },
} satisfies Record<string, Interceptor>

export type Preset = keyof typeof PRESETS

/** Which requests, and how many of them; all when left out. */
export type FaultOptions = { readonly when?: (request: AgentRequest) => boolean; readonly times?: number }

export class Faults {
  readonly #active: { readonly intercept: Interceptor; readonly when: (request: AgentRequest) => boolean; left: number }[] = []

  add(fault: Interceptor | Preset, { when = () => true, times = Number.POSITIVE_INFINITY }: FaultOptions): () => void {
    const intercept: Interceptor = typeof fault === 'string' ? PRESETS[fault] : fault
    const added = { intercept, when, left: times }
    this.#active.push(added)
    return () => {
      const at = this.#active.indexOf(added)
      if (at >= 0) this.#active.splice(at, 1)
    }
  }

  async handle(request: AgentRequest, pass: () => Promise<AgentResponse>, signal: AbortSignal | undefined): Promise<AgentResponse> {
    for (const fault of this.#active) {
      if (fault.left <= 0 || !fault.when(request)) continue
      fault.left--
      const answer = await fault.intercept(request, pass, signal)
      if (answer) return answer
      fault.left++
    }
    return pass()
  }
}
