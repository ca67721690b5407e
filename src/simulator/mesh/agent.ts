import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { appPattern, appRootPattern, type Call, type Handler, routes } from './agent-routes.ts'
import { uuid } from './chance.ts'
import { serveChatApp } from './chat-routes.ts'
import { type FaultOptions, Faults, type Interceptor, type Preset } from './faults.ts'
import { FileStore } from './file-store.ts'
import { type AgentRequest, type AgentResponse, bare, ConnectionFailed, cannotStart, failure, HandlerFailed } from './http.ts'
import type { Hub } from './hub.ts'
import { Membership, type StoredMesh, type World } from './membership.ts'
import { privateKeyPem, publicOfPrivate } from './pem.ts'
import type { Quirks } from './quirks.ts'
import { decodePiece, match, type Params, pathOf, piecesOf, queryOf } from './routes.ts'

export type AgentOptions = {
  readonly clock: Clock
  readonly random: Random
  readonly hub: Hub
  readonly meshName: string
  readonly quirks: Quirks
  readonly skewMs: number
}

/** One agent: a process with an HTTP listener in front, and a disk behind that outlives it. */
export class SimAgent {
  readonly quirks: Quirks
  identity: string
  readonly #world: World
  readonly #disk = new Map<string, StoredMesh>()
  readonly #running = new Map<string, Membership>()
  readonly #inFlight = new Set<(error: Error) => void>()
  readonly #faults = new Faults()
  readonly #listeners = new Set<(isReachable: boolean) => void>()
  #isAlive = true
  #isListening = true
  #skewMs: number

  constructor({ clock, random, hub, meshName, quirks, skewMs }: AgentOptions) {
    this.quirks = quirks
    this.#skewMs = skewMs
    this.#world = { clock, random, hub, meshName, quirks, now: () => Math.floor(clock.now() + this.#skewMs) }
    this.identity = publicOfPrivate(privateKeyPem(uuid(random)))!
  }

  // The one request handler.

  /**
   * Rejects with a `code` as a socket would: ECONNREFUSED while down or dead, ECONNRESET when the process dies under it.
   * An abort rejects with the signal's reason.
   */
  async request(request: AgentRequest, signal?: AbortSignal): Promise<AgentResponse> {
    signal?.throwIfAborted()
    if (!this.isReachable) throw new ConnectionFailed('ECONNREFUSED')
    const given = Promise.withResolvers<AgentResponse>()
    this.#inFlight.add(given.reject)
    const abort = () => given.reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#faults.handle(request, () => this.#serve(request, signal ?? null), signal).then(given.resolve, given.reject)
    try {
      return await given.promise
    } finally {
      this.#inFlight.delete(given.reject)
      signal?.removeEventListener('abort', abort)
    }
  }

  async #serve(request: AgentRequest, signal: AbortSignal | null): Promise<AgentResponse> {
    const path = pathOf(request.target, this.quirks)
    // The prefix alone must be in lower case, and without it one asks for the GUI, which is not built in.
    if (!path.startsWith('/api/')) return bare(404)
    const inside = piecesOf(path.slice('/api'.length))
    const app = match(appPattern, inside, this.quirks) ?? match(appRootPattern, inside, this.quirks)
    if (app) return this.#serveApp(request, app)
    for (const route of routes) {
      const params = match(route.pattern, inside, this.quirks)
      if (!params) continue
      const handler: Handler | undefined = route.methods[request.method]
      if (!handler) return bare(405)
      const call: Call = { agent: this, params, query: queryOf(request.target), body: request.body ?? new Uint8Array(0), signal }
      return answered(() => handler(call))
    }
    return bare(404)
  }

  async #serveApp(request: AgentRequest, params: Params): Promise<AgentResponse> {
    let home: Membership | undefined
    try {
      home = this.#running.get(decodePiece(params['mesh']!, this.quirks))
    } catch (thrown) {
      if (!(thrown instanceof HandlerFailed)) throw thrown
    }
    if (!home) return bare(502)
    if (params['provider'] !== 'ztm' || params['app'] !== 'chat') return cannotStart()
    let app = home.app
    if (!app) {
      if (!home.connected) return cannotStart()
      app = home.startApp()
      await app.ready()
    }
    const query = request.target.indexOf('?')
    const slash = query < 0 && request.target.endsWith('/') && params['*'] !== undefined ? '/' : ''
    const target = `/${params['*'] ?? ''}${slash}${query < 0 ? '' : request.target.slice(query)}`
    const running = app
    return answered(() => serveChatApp(home, running, request, target))
  }

  // Meshes.

  membership(name: string): Membership | undefined {
    return this.#running.get(name)
  }

  memberships(): readonly Membership[] {
    return [...this.#running.values()]
  }

  /** Joins, or merges the body into what is stored and joins again: the chat app and its queue are dropped. */
  join(name: string, body: Readonly<Record<string, unknown>>): Membership {
    const known = this.#disk.get(name)
    const agent = typeof body['agent'] === 'object' && body['agent'] !== null ? body['agent'] : {}
    const stored: StoredMesh = known ?? {
      name,
      ca: body['ca'],
      agent: { id: uuid(this.#world.random) },
      bootstraps: [],
      store: new FileStore(),
      appRan: false,
    }
    if ('ca' in body) stored.ca = body['ca']
    if (Array.isArray(body['bootstraps'])) stored.bootstraps = body['bootstraps']
    stored.agent = { ...stored.agent, ...agent, id: stored.agent.id }
    this.#disk.set(name, stored)
    const membership = this.#load(stored)
    membership.start()
    return membership
  }

  leave(name: string): void {
    this.#running.get(name)?.end()
    this.#running.delete(name)
    this.#disk.delete(name)
  }

  #load(stored: StoredMesh): Membership {
    this.#running.get(stored.name)?.end()
    const membership = new Membership(this.#world, stored)
    this.#running.set(stored.name, membership)
    return membership
  }

  /** As if it had joined, or started again, and started its chat app long ago. */
  warmUp(name: string, permit: Readonly<Record<string, unknown>>): Membership {
    this.join(name, permit)
    const membership = this.#load(this.#disk.get(name)!)
    membership.startWarm()
    return membership
  }

  // Faults.

  get isReachable(): boolean {
    return this.#isAlive && this.#isListening
  }

  /** Nobody can connect; the process goes on. */
  down(): void {
    this.#isListening = false
    this.#dropConnections()
  }

  up(): void {
    this.#isListening = true
    this.#tell()
  }

  /** `kill -9`: what was queued in memory is lost, the disk is not. */
  kill(): void {
    for (const membership of this.#running.values()) membership.end()
    this.#running.clear()
    this.#isAlive = false
    this.#dropConnections()
  }

  /** Starts the process, after a kill if it is running. */
  restart(): void {
    if (this.#isAlive) this.kill()
    this.#isAlive = true
    for (const stored of this.#disk.values()) this.#load(stored).start()
    this.#tell()
  }

  /** The chat app stops to see anything new, until the agent restarts or joins again. */
  freeze(): void {
    for (const membership of this.#running.values()) membership.app?.freeze()
  }

  /** Posts wait in a chat app, or changes to be announced. */
  get isBusy(): boolean {
    return [...this.#running.values()].some(membership => membership.isBusy)
  }

  /** The chat app keeps what is posted to itself for so long; a restart loses it. */
  stall(ms: number): void {
    for (const membership of this.#running.values()) membership.app?.stall(ms)
  }

  /** The connection to the hub breaks for good, and the agent says `connected: true` all the same. */
  breakHub(): void {
    for (const membership of this.#running.values()) membership.break()
  }

  /** Answers requests in the agent's place, until the returned function is called. */
  answer(fault: Interceptor | Preset, options: FaultOptions = {}): () => void {
    return this.#faults.add(fault, options)
  }

  /** Puts the agent's clock this far ahead (or behind, when negative). */
  setSkew(ms: number): void {
    this.#skewMs = ms
    for (const membership of this.#running.values()) membership.tryToConnect(this.quirks.coldStartMs)
  }

  /** Hears of every change of `isReachable`, at once and later. */
  onReachable(listener: (isReachable: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #dropConnections(): void {
    for (const reject of [...this.#inFlight]) reject(new ConnectionFailed('ECONNRESET'))
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.isReachable)
  }
}

async function answered(handle: () => AgentResponse | Promise<AgentResponse>): Promise<AgentResponse> {
  try {
    return await handle()
  } catch (thrown) {
    return failure(thrown)
  }
}
