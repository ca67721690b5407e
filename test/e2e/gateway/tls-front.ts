import { request as ask } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'

export interface TlsFront {
  readonly url: string
  /** Whose certificates were shown, each once. */
  clients(): readonly string[]
  close(): Promise<void>
}

/** An agent behind TLS that lets in whoever has a certificate of this authority. */
export async function startTlsFront(agentUrl: string, identity: { cert: string; key: string; ca: string }): Promise<TlsFront> {
  const clients = new Set<string>()
  const server = createServer({ ...identity, requestCert: true, rejectUnauthorized: true }, (incoming, outgoing) => {
    const { subject } = (incoming.socket as TLSSocket).getPeerCertificate()
    clients.add(String(subject?.CN))
    const { method, headers, url } = incoming
    const onward = ask(`${agentUrl}${url}`, { method, headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onward.once('error', () => outgoing.destroy())
    outgoing.once('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    clients: () => [...clients],
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
