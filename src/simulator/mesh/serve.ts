import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { SimAgent } from './agent.ts'

export type ServedAgent = {
  readonly url: string
  /** Ends every connection. */
  close(): Promise<void>
}

/** Serves one agent over HTTP; connections are refused while the agent is down. Port 0 takes a free one. */
export async function serveAgent(
  agent: SimAgent,
  { port = 0, host = '127.0.0.1' }: { port?: number; host?: string } = {},
): Promise<ServedAgent> {
  const server = createServer((incoming, outgoing) => void answer(agent, incoming, outgoing))
  // The real listener has no time-outs of its own.
  server.requestTimeout = 0
  server.keepAliveTimeout = 0
  await listen(server, port, host)
  const { port: actual } = server.address() as AddressInfo

  // One change at a time, in order: the port must be free before it is opened again.
  let changes = Promise.resolve()
  let isOpen = true
  const follow = (isReachable: boolean) => {
    changes = changes.then(async () => {
      if (isReachable === isOpen) return
      isOpen = isReachable
      await (isReachable ? listen(server, actual, host) : shut(server))
    })
  }
  const forget = agent.onReachable(follow)
  follow(agent.isReachable)
  await changes
  return {
    url: `http://${host}:${actual}`,
    async close() {
      forget()
      follow(false)
      await changes
    },
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function shut(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

async function answer(agent: SimAgent, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController()
  outgoing.once('close', () => gone.abort())
  try {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]))
    const request = { method: incoming.method ?? 'GET', target: incoming.url ?? '/', headers, body: Buffer.concat(chunks) }
    const { status, headers: given, body } = await agent.request(request, gone.signal)
    outgoing.writeHead(status, body instanceof Uint8Array && status !== 204 ? { ...given, 'content-length': body.length } : given)
    if (body instanceof Uint8Array) outgoing.end(body)
    else await pipeline(Readable.from(body), outgoing)
  } catch {
    // The agent went away, or the client did: what a socket shows of either is that it ends.
    outgoing.destroy()
  }
}
