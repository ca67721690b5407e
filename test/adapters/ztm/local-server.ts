import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TlsOptions } from 'node:tls'

export type Seen = { readonly method: string; readonly url: string; readonly contentType: string | undefined; readonly body: Buffer }

export interface LocalServer {
  readonly url: string
  /** Every request whose body was read to its end, in order. */
  readonly requests: readonly Seen[]
  /** Resolves when that many requests have been read. */
  seen(count: number): Promise<void>
  close(): Promise<void>
}

/** `answer` is called when a request is read; it may answer, hang, or drop the connection. Over TLS when `tls` is given. */
export async function startServer(
  answer: (request: Seen, response: ServerResponse, incoming: IncomingMessage, nth: number) => void,
  tls: TlsOptions | null = null,
): Promise<LocalServer> {
  const requests: Seen[] = []
  const waiting = new Set<{ count: number; resolve: () => void }>()
  const listener: RequestListener = async (incoming, response) => {
    // A client that goes away is part of these tests.
    response.on('error', () => {})
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const { method = '', url = '', headers } = incoming
    const request = { method, url, contentType: headers['content-type'], body: Buffer.concat(chunks) }
    requests.push(request)
    for (const one of waiting) if (requests.length >= one.count) one.resolve()
    answer(request, response, incoming, requests.length)
  }
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    seen: count => (requests.length >= count ? Promise.resolve() : new Promise(resolve => waiting.add({ count, resolve }))),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<string> {
  const server = await startServer(() => {})
  await server.close()
  return server.url
}

export const json = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
