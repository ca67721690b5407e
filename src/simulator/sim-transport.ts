/** Carries the ZTM client's requests straight to a simulated agent, in virtual time. */
import { type Transport, type TransportAnswer, TransportFailure, type TransportRequest } from '../adapters/ztm/transport.ts'
import type { SimAgent } from './mesh/agent.ts'

const read = async (
  body: Uint8Array | AsyncIterable<Uint8Array>,
  { maxBytes, signal }: Pick<TransportRequest, 'maxBytes' | 'signal'>,
  onData: TransportRequest['onData'],
): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new TransportFailure('too-large', `more than ${maxBytes} bytes`)
    if (!onData) chunks.push(chunk)
    else if (!(await beforeAbort(onData(chunk), signal))) break
  }
  return Buffer.concat(chunks)
}

/** Who takes the body may never ask for more. */
const beforeAbort = (taken: boolean | Promise<boolean>, signal: AbortSignal): boolean | Promise<boolean> => {
  if (typeof taken === 'boolean') return taken
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    taken.then(resolve).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** The simulated agent keeps its files in memory. */
const whole = async (body: TransportRequest['body']): Promise<Uint8Array | undefined> => {
  if (body === undefined || body instanceof Uint8Array) return body
  const chunks: Uint8Array[] = []
  for await (const chunk of body.chunks) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export function createSimTransport(agent: SimAgent): Transport {
  return {
    async request({ method, url, headers, body: given, signal, maxBytes, onData }): Promise<TransportAnswer> {
      const { pathname, search } = splitUrl(url)
      try {
        const body = given instanceof Uint8Array ? given : await whole(given)
        const answer = await agent.request({ method, target: pathname + search, headers, ...(body ? { body } : {}) }, signal)
        return {
          status: answer.status,
          headers: answer.headers,
          body: await read(answer.body, { maxBytes, signal }, answer.status === 200 ? onData : undefined),
        }
      } catch (error) {
        if (error instanceof TransportFailure) throw error
        const code = error instanceof Error && 'code' in error ? error.code : null
        if (code === 'ECONNREFUSED') throw new TransportFailure('unreachable', 'connection refused', { cause: error })
        throw new TransportFailure('silent', code === 'ECONNRESET' ? 'connection reset' : 'aborted', { cause: error })
      }
    },
    // The client gives up its requests before it closes; there is nothing else to let go.
    async close() {},
  }
}

/** Everything behind the authority as it was written: `URL` would tidy it up. */
function splitUrl(url: string): { pathname: string; search: string } {
  const path = url.slice(url.indexOf('/', url.indexOf('://') + 3))
  const query = path.indexOf('?')
  return query < 0 ? { pathname: path, search: '' } : { pathname: path.slice(0, query), search: path.slice(query) }
}
