/** A process that carries out what Restate asks for: the charts' services over HTTP/2, until it is drained. */
import { createServer, type ServerHttp2Session } from 'node:http2'
import { createEndpointHandler, type LoggerTransport } from '@restatedev/restate-sdk'
import { request } from 'undici'
import { createUndiciTransport, reasonOf } from '../../adapters/ztm/undici-transport.ts'
import { ZtmChatError } from '../../domain/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { headersWith, isLocked, LOCKED } from '../engine.ts'
import { type ClusterOptions, createCluster } from './create-cluster.ts'
import { postsThroughFeeder } from './posts-through-feeder.ts'

export type ServiceOptions = Pick<ClusterOptions, 'accounts' | 'responder'> & {
  readonly host: string
  readonly port: number
  /** Other processes may listen there, too: each connection goes to one of them. */
  readonly reusePort?: boolean
  /** Shared by services and feeders. */
  readonly secret: string
  /** Public keys of the engine; with any, whoever does not sign with one of them is not served. */
  readonly engineKeys?: readonly string[]
  readonly clock: Clock
  readonly log: Log
}

export interface Service {
  readonly port: number
  /** What is under way may end; what has not by then is carried out by another process. */
  stop(graceMs: number): Promise<void>
}

/** Said of each service at each start, to nobody who can change it: who may reach a service is the network's, as docs/fleet.md says. */
const UNSIGNED = 'Accepting requests without validating request signatures'

/** To each feeder. */
const FEEDER_CONNECTIONS = 64

/** @throws when the address cannot be had, or `createCluster` does. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { accounts, responder, host, port, reusePort = false, secret, engineKeys = [], clock, log } = options
  const transport = createUndiciTransport({ connections: { post: FEEDER_CONNECTIONS } })
  const services = createCluster({ accounts, responder, posts: settings => postsThroughFeeder(settings, secret, transport, log) })
  const logger: LoggerTransport = ({ level }, ...said) => {
    const words = said.map(String)
    if ((level === 'error' || level === 'warn') && !words.some(word => word.startsWith(UNSIGNED)))
      log.warn({ said: words }, 'the engine’s SDK says')
  }
  const sessions = new Set<ServerHttp2Session>()
  let underWay = 0
  let idle = () => {}
  const server = createServer(createEndpointHandler({ services, logger, ...(engineKeys.length > 0 && { identityKeys: [...engineKeys] }) }))
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
      // Its sessions take no new invocation; those under way go on.
      server.close()
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

/** The engine does not know where the services are. */
export class NotRegistered extends ZtmChatError {
  readonly retryable = true
  readonly mayHaveActed = true
}

/** It asks the services meanwhile what they are. */
const REGISTERED_WITHIN_MS = 30_000

/** Tells the engine where the services are. @throws {NotRegistered} */
export async function register(admin: string, uri: string, token: string | null = null): Promise<void> {
  const { status, text } = await askAdmin(admin, uri, token).catch((error: unknown) => {
    const reason = error instanceof Error ? reasonOf(error) : String(error)
    throw new NotRegistered(
      `Restate cannot be told of the services at ${uri}, for ${admin} does not answer (${reason}); is it running, and is that its admin interface?`,
      { cause: error },
    )
  })
  if (status < 300) return
  if (isLocked(status))
    throw new NotRegistered(`Restate cannot be told of the services at ${uri}: ${admin} lets nobody in (${status})${LOCKED}`)
  const said = text.trim().slice(0, 500)
  throw new NotRegistered(
    `What answers at ${admin} does not take the services at ${uri} (${status}: ${said}); that must be Restate's admin interface, and Restate must reach them there.`,
  )
}

async function askAdmin(admin: string, uri: string, token: string | null) {
  const { statusCode, body } = await request(new URL('deployments', admin.endsWith('/') ? admin : `${admin}/`), {
    method: 'POST',
    headers: { ...headersWith(token), 'content-type': 'application/json' },
    body: JSON.stringify({ uri, force: true }),
    headersTimeout: REGISTERED_WITHIN_MS,
  })
  return { status: statusCode, text: await body.text() }
}
