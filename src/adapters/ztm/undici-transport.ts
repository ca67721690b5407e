import { Readable } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import { lostInTls, type TlsIdentity, tlsTroubleOf } from './tls-faults.ts'
import { type PoolName, type TlsFault, type Transport, type TransportAnswer, TransportFailure, type TransportRequest } from './transport.ts'

/**
 * Connections per origin, and so requests at once; the rest queues. One long-poll per client, and one more for each that was
 * just given up and is still closing. Reads and posts match `limits.fetches` and `limits.unconfirmedPosts`.
 */
export const CONNECTIONS: Readonly<Record<PoolName, number>> = { wait: 4, read: 8, post: 16 }

/** The caller's deadline may be minutes; a host that does not answer a SYN is given up sooner. */
export const CONNECT_TIMEOUT_MS = 10_000

type Outcome = { answer: TransportAnswer } | { failure: TransportFailure; stale: boolean }

export function createUndiciTransport(
  options: {
    tls?: TlsIdentity | null
    connections?: Partial<Record<PoolName, number>>
    /** Asked just before the first byte of what changes something; when it may not, it is as if nobody could be reached. */
    mayWrite?: () => boolean
  } = {},
): Transport {
  const peer = { hasAnswered: false }
  const pool = (name: PoolName) =>
    createPool(options.connections?.[name] ?? CONNECTIONS[name], options.tls ?? null, peer, options.mayWrite ?? (() => true))
  const pools = { wait: pool('wait'), read: pool('read'), post: pool('post') }
  return {
    async request(request) {
      let outcome = await attempt(pools[request.pool], request)
      if ('failure' in outcome && outcome.stale && request.method === 'GET') outcome = await attempt(pools[request.pool], request)
      if ('failure' in outcome) throw outcome.failure
      return outcome.answer
    },
    async close() {
      await Promise.all(Object.values(pools).map(pool => pool.agent.destroy()))
    },
  }
}

/** Of all pools together. */
type Peer = { hasAnswered: boolean }
type Pool = { agent: Agent; tls: TlsIdentity | null; peer: Peer; opened: () => number; mayWrite: () => boolean }

function createPool(connections: number, tls: TlsIdentity | null, peer: Peer, mayWrite: () => boolean): Pool {
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
  return { agent, tls, peer, opened: () => opened, mayWrite }
}

function attempt(
  { agent, tls, peer, opened, mayWrite }: Pool,
  { method, url, headers, body, signal, maxBytes, onData }: TransportRequest,
): Promise<Outcome> {
  return new Promise(resolve => {
    const { origin, protocol, pathname, search } = new URL(url)
    const openedBefore = opened()
    const chunks: Uint8Array[] = []
    let bytes = 0
    let status = 0
    let answerHeaders: Record<string, string> = {}
    let controller: Dispatcher.DispatchController | null = null
    let settled = false
    /** Pieces; more than one when the connection closes, which brings all that has come in, paused or not. */
    let untaken = 0

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
    const brokenOff = (reason: string, cause?: unknown, fault?: TlsFault) =>
      new TransportFailure(controller ? 'silent' : 'unreachable', reason, { cause, tls: fault ?? null })
    const tooLarge = () => new TransportFailure('too-large', `a body of more than ${maxBytes} bytes`)
    const onAbort = () => fail(brokenOff('given up', signal.reason))
    const stopReading = () => {
      if (settled) return
      settle({ answer: { status, headers: answerHeaders, body: new Uint8Array() } })
      controller?.abort(new Error('the rest is not wanted'))
    }
    const give = (chunk: Uint8Array, take: NonNullable<typeof onData>, reading: Dispatcher.DispatchController) => {
      const isWanted = take(chunk)
      if (isWanted === false) return stopReading()
      if (isWanted === true) return
      untaken += 1
      reading.pause()
      isWanted.then(more => {
        untaken -= 1
        if (!more) stopReading()
        else if (untaken === 0 && !settled) reading.resume()
      })
    }

    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort)
    agent.dispatch(
      { origin, path: pathname + search, method, ...sent(headers, body) },
      {
        onRequestStart(started) {
          if (settled) return started.abort(new Error('given up'))
          if (method !== 'GET' && !mayWrite()) {
            fail(brokenOff('it is not ours to write to'))
            return started.abort(new Error('not ours'))
          }
          controller = started
        },
        onResponseStart(_, statusCode, received) {
          peer.hasAnswered = true
          if (statusCode < 200) return
          status = statusCode
          answerHeaders = Object.fromEntries(Object.entries(received).map(([name, value]) => [name.toLowerCase(), String(value)]))
          if (Number(answerHeaders['content-length'] ?? 0) > maxBytes) fail(tooLarge())
        },
        onResponseData(reading, chunk) {
          // undici flushes its parser with nothing when it goes on, which shows here: pausing for that would go on for ever.
          if (chunk.length === 0) return
          bytes += chunk.length
          if (bytes > maxBytes) return fail(tooLarge())
          if (settled) return
          if (!onData || status !== 200) chunks.push(chunk)
          else give(chunk, onData, reading)
        },
        onResponseEnd() {
          if (!settled) settle({ answer: { status, headers: answerHeaders, body: Buffer.concat(chunks) } })
        },
        onResponseError(_, error) {
          // No connection was opened meanwhile, so it was a kept one, and it broke before a word of the answer.
          const isLost = status === 0 && isConnectionLoss(error)
          const stale = isLost && controller !== null && opened() === openedBefore
          const isLostInTls = isLost && !stale && protocol === 'https:'
          const trouble = isLostInTls ? lostInTls(controller ? 'right after' : 'during', tls, peer.hasAnswered) : tlsTroubleOf(error, tls)
          fail(brokenOff(trouble?.reason ?? reasonOf(error), error, trouble?.fault), stale)
        },
      },
    )
  })
}

/** Without its length in the head, pieces would go out as chunks, which not every server takes. */
const sent = (headers: TransportRequest['headers'], body: TransportRequest['body']) =>
  body === undefined || body instanceof Uint8Array
    ? { headers, body: body ?? null }
    : { headers: { ...headers, 'content-length': String(body.size) }, body: Readable.from(body.chunks) }

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
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the answer did not come to its end in time',
  UND_ERR_DESTROYED: 'the connections were closed',
  UND_ERR_CLOSED: 'the connections were closed',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer was cut short',
}

/** A word for what undici fails with. */
export function reasonOf(error: Error): string {
  if (error.name === 'HTTPParserError') return 'the answer is not HTTP'
  const code = codeOf(error)
  if (REASONS[code]) return REASONS[code]
  return code ? `${code}: ${error.message}` : error.message
}
