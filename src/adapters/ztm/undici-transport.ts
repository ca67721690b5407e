import { Agent, type Dispatcher } from 'undici'
import { type PoolName, type Transport, type TransportAnswer, TransportFailure, type TransportRequest } from './transport.ts'

/** PEM texts. `ca` null: the system's authorities; `cert` and `key` null: no client certificate. */
export type TlsIdentity = { readonly ca: string | null; readonly cert: string | null; readonly key: string | null }

/**
 * Connections per origin, and so requests at once; the rest queues. One long-poll per client, and one more for each that was
 * just given up and is still closing. Reads and posts match `limits.fetches` and `limits.unconfirmedPosts`.
 */
export const CONNECTIONS: Readonly<Record<PoolName, number>> = { wait: 4, read: 8, post: 16 }

/** The caller's deadline may be minutes; a host that does not answer a SYN is given up sooner. */
export const CONNECT_TIMEOUT_MS = 10_000

type Outcome = { answer: TransportAnswer } | { failure: TransportFailure; stale: boolean }

export function createUndiciTransport(
  options: { tls?: TlsIdentity | null; connections?: Partial<Record<PoolName, number>> } = {},
): Transport {
  const pools = {
    wait: createPool(options.connections?.wait ?? CONNECTIONS.wait, options.tls ?? null),
    read: createPool(options.connections?.read ?? CONNECTIONS.read, options.tls ?? null),
    post: createPool(options.connections?.post ?? CONNECTIONS.post, options.tls ?? null),
  }
  return {
    async request(request) {
      const pool = pools[request.pool]
      let outcome = await attempt(pool, request)
      if ('failure' in outcome && outcome.stale && request.method === 'GET') outcome = await attempt(pool, request)
      if ('failure' in outcome) throw outcome.failure
      return outcome.answer
    },
    async close() {
      await Promise.all(Object.values(pools).map(pool => pool.agent.destroy()))
    },
  }
}

type Pool = { agent: Agent; opened: () => number }

function createPool(connections: number, tls: TlsIdentity | null): Pool {
  const agent = new Agent({
    connections,
    // The ZTM agent speaks HTTP/1.1, and a long-poll must not hold up what is queued behind it.
    pipelining: 1,
    allowH2: false,
    // Deadlines are the caller's, on the caller's clock.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      ...(tls?.ca && { ca: tls.ca }),
      ...(tls?.cert && { cert: tls.cert }),
      ...(tls?.key && { key: tls.key }),
    },
  })
  let opened = 0
  agent.on('connect', () => {
    opened++
  })
  return { agent, opened: () => opened }
}

function attempt({ agent, opened }: Pool, { method, url, headers, body, signal, maxBytes, onData }: TransportRequest): Promise<Outcome> {
  return new Promise(resolve => {
    const { origin, pathname, search } = new URL(url)
    const openedBefore = opened()
    const chunks: Uint8Array[] = []
    let bytes = 0
    let status = 0
    let answerHeaders: Record<string, string> = {}
    let controller: Dispatcher.DispatchController | null = null
    let settled = false

    const settle = (outcome: Outcome) => {
      settled = true
      signal.removeEventListener('abort', onAbort)
      resolve(outcome)
    }
    const fail = (failure: TransportFailure, stale = false) => {
      if (settled) return
      settle({ failure, stale })
      controller?.abort(failure)
    }
    // undici names the controller just before it writes the first byte: without one, nothing was sent.
    const brokenOff = (reason: string, cause?: unknown) => new TransportFailure(controller ? 'silent' : 'unreachable', reason, { cause })
    const tooLarge = () => new TransportFailure('too-large', `a body of more than ${maxBytes} bytes`)
    const onAbort = () => fail(brokenOff('given up', signal.reason))

    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort)
    agent.dispatch(
      { origin, path: pathname + search, method, headers, body: body ?? null },
      {
        onRequestStart(started) {
          if (settled) return started.abort(new Error('given up'))
          controller = started
        },
        onResponseStart(_, statusCode, received) {
          if (statusCode < 200) return
          status = statusCode
          answerHeaders = Object.fromEntries(Object.entries(received).map(([name, value]) => [name.toLowerCase(), String(value)]))
          if (Number(answerHeaders['content-length'] ?? 0) > maxBytes) fail(tooLarge())
        },
        onResponseData(_, chunk) {
          bytes += chunk.length
          if (bytes > maxBytes) return fail(tooLarge())
          if (settled) return
          if (!onData || status !== 200) chunks.push(chunk)
          else if (!onData(chunk)) {
            settle({ answer: { status, headers: answerHeaders, body: new Uint8Array() } })
            controller?.abort(new Error('the rest is not wanted'))
          }
        },
        onResponseEnd() {
          if (!settled) settle({ answer: { status, headers: answerHeaders, body: Buffer.concat(chunks) } })
        },
        onResponseError(_, error) {
          // No connection was opened meanwhile, so it was a kept one, and it broke before a word of the answer.
          const stale = controller !== null && status === 0 && opened() === openedBefore && isConnectionLoss(error)
          fail(brokenOff(reasonOf(error), error), stale)
        },
      },
    )
  })
}

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '')

const isConnectionLoss = (error: Error): boolean => ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error))

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  UND_ERR_SOCKET: 'connection closed',
  ENOTFOUND: 'unknown host name',
  EAI_AGAIN: 'the host name cannot be looked up now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: `no connection within ${CONNECT_TIMEOUT_MS / 1000} s`,
  UND_ERR_DESTROYED: 'the connections were closed',
  UND_ERR_CLOSED: 'the connections were closed',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer was cut short',
}

function reasonOf(error: Error): string {
  if (error.name === 'HTTPParserError') return 'the answer is not HTTP'
  const code = codeOf(error)
  if (REASONS[code]) return REASONS[code]
  if (/^(ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_)/.test(code)) return `TLS failed: ${error.message}`
  return code ? `${code}: ${error.message}` : error.message
}
