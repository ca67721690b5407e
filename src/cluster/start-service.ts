/** A process that carries out what Restate asks for: the charts' services over HTTP/2, until it is drained. */
import { createServer, type ServerHttp2Session } from 'node:http2'
import { createEndpointHandler, type LoggerTransport } from '@restatedev/restate-sdk'
import { request } from 'undici'
import { createUndiciTransport } from '../adapters/ztm/undici-transport.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { type ClusterOptions, createCluster } from './create-cluster.ts'
import { postsThroughFeeder } from './posts-through-feeder.ts'

export type ServiceOptions = Pick<ClusterOptions, 'accounts' | 'responder'> & {
  readonly host: string
  readonly port: number
  /** Other processes may listen there, too: each connection goes to one of them. */
  readonly reusePort?: boolean
  /** Shared by services and feeders. */
  readonly secret: string
  readonly clock: Clock
  readonly log: Log
}

export interface Service {
  readonly port: number
  /** What is under way may end; what has not by then is carried out by another process. */
  stop(graceMs: number): Promise<void>
}

/** To each feeder. */
const FEEDER_CONNECTIONS = 64

/** @throws when the address cannot be had, or `createCluster` does. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { accounts, responder, host, port, reusePort = false, secret, clock, log } = options
  const transport = createUndiciTransport({ connections: { post: FEEDER_CONNECTIONS } })
  const services = createCluster({ accounts, responder, posts: settings => postsThroughFeeder(settings, secret, transport) })
  const logger: LoggerTransport = ({ level }, ...said) => {
    if (level === 'error' || level === 'warn') log.warn({ said: said.map(String) }, 'the engine’s SDK says')
  }
  const sessions = new Set<ServerHttp2Session>()
  let underWay = 0
  let idle = () => {}
  const server = createServer(createEndpointHandler({ services, logger }))
  server.on('session', session => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  server.on('stream', stream => {
    underWay += 1
    stream.once('close', () => {
      underWay -= 1
      if (underWay === 0) idle()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, reusePort }, () => resolve())
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    async stop(graceMs) {
      server.close()
      // No new invocation comes by them; those under way go on.
      for (const session of sessions) session.close()
      if (underWay > 0)
        await new Promise<void>(resolve => {
          const cancel = clock.after(graceMs, resolve)
          idle = () => {
            cancel()
            resolve()
          }
        })
      for (const session of sessions) session.destroy()
      await transport.close()
    },
  }
}

/** Tells the engine where the services are. @throws when it does not take them. */
export async function register(admin: string, uri: string): Promise<void> {
  const { statusCode, body } = await request(new URL('/deployments', admin), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri, force: true }),
  })
  const text = await body.text()
  if (statusCode >= 300) throw new Error(`The engine at ${admin} does not take the services at ${uri}: ${statusCode} ${text.slice(0, 500)}`)
}
