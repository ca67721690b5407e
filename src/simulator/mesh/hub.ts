import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { uuid } from './chance.ts'
import { FileIndex, type IndexedFile, ownerOf } from './file-index.ts'
import type { Quirks } from './quirks.ts'
import { Truth } from './truth.ts'

export const HUB_ADDRESS = '127.0.0.1:8888'

/** What the hub needs of an agent that is (or was) connected to it. */
export interface Attached {
  readonly endpointId: string
  readonly endpointName: string
  readonly user: string
  /** The bytes of this version, when this agent still has them. */
  serve(path: string, hash: string): Uint8Array | null
  hubDied(): void
  hubReturned(): void
}

export type Announcement = {
  readonly path: string
  readonly hash: string
  readonly size: number
  readonly time: number
  readonly bytes: Uint8Array | null
}

export type Endpoint = {
  readonly id: string
  name: string
  user: string
  readonly port: number
  agent: Attached
  online: boolean
  /** Hub time of the last sign of life, while offline. */
  silentSinceMs: number
  onlineSinceMs: number
  /** From this hub time on the others know through which hub it can be reached. */
  knownFromMs: number
}

export type EndpointQuery = {
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly user?: string | undefined
  readonly keyword?: string | undefined
  readonly offset?: number | undefined
  readonly limit?: number | undefined
}

type Waiter = { readonly user: string; readonly since: number; wake(): void; fail(): void }

/** A listing under way: null = the hub died. */
export type Listing = { readonly files: Promise<readonly IndexedFile[] | null>; cancel(): void }

/** Heartbeats of an endpoint come this often; their times are computed when somebody looks. */
const HEARTBEAT_MS = 15_000

export class Hub {
  readonly #clock: Clock
  readonly #quirks: Quirks
  readonly id: string
  readonly files = new FileIndex()
  readonly truth = new Truth()
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #known = new Set<Attached>()
  readonly #waiters = new Map<string, Set<Waiter>>()
  readonly #settling = new Set<Waiter>()
  #ports = 50_000
  #lastSince = 0
  #busyUntilMs = 0
  isUp = true

  constructor(clock: Clock, random: Random, quirks: Quirks) {
    this.#clock = clock
    this.#quirks = quirks
    this.id = uuid(random)
  }

  /** Without the blind moments of a real hub no two changes share a millisecond: who asks for what came after one sees the other. */
  #newSince(): number {
    this.#lastSince = this.#quirks.blindHalfSecond ? this.now() : Math.max(this.now(), this.#lastSince + 1)
    return this.#lastSince
  }

  now(): number {
    return Math.floor(this.#clock.now())
  }

  /** The hub's process dies. Agents notice later. */
  down(): void {
    if (!this.isUp) return
    this.isUp = false
    for (const waiter of [...this.#settling]) waiter.fail()
    for (const agent of [...this.#known]) agent.hubDied()
  }

  up(): void {
    if (this.isUp) return
    this.isUp = true
    for (const endpoint of this.#endpoints.values()) this.#setOnline(endpoint, false)
    for (const agent of [...this.#known]) agent.hubReturned()
  }

  /** Agents that want to hear of the hub's death and return. */
  know(agent: Attached): void {
    this.#known.add(agent)
  }

  forget(agent: Attached): void {
    this.#known.delete(agent)
  }

  connect(agent: Attached, coldMs: number): void {
    const now = this.now()
    let endpoint = this.#endpoints.get(agent.endpointId)
    if (!endpoint) {
      const { endpointId: id, endpointName: name, user } = agent
      endpoint = { id, name, user, port: this.#ports++, agent, online: false, silentSinceMs: now, onlineSinceMs: now, knownFromMs: 0 }
      this.#endpoints.set(id, endpoint)
    }
    endpoint.agent = agent
    endpoint.name = agent.endpointName
    this.#setOnline(endpoint, true)
    endpoint.onlineSinceMs = now
    endpoint.knownFromMs = now + coldMs
  }

  disconnect(agent: Attached): void {
    const endpoint = this.#endpoints.get(agent.endpointId)
    if (endpoint?.agent === agent) this.#setOnline(endpoint, false)
  }

  #setOnline(endpoint: Endpoint, online: boolean): void {
    if (endpoint.online === online) return
    endpoint.online = online
    if (!online) endpoint.silentSinceMs = this.now()
  }

  /** Every endpoint that was heard of lately, in the order of their first connection. */
  *endpoints(): Iterable<Endpoint> {
    const now = this.now()
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.online || now - endpoint.silentSinceMs <= this.#quirks.silentEndpointMs) yield endpoint
    }
  }

  /** The list of endpoints as the hub gives it: filtered, and never more than `limit` (100 unless told). */
  directory(query: EndpointQuery): readonly Endpoint[] {
    const { id, name, user, keyword, offset = 0, limit = 100 } = query
    const found: Endpoint[] = []
    let skipped = 0
    for (const endpoint of this.endpoints()) {
      if (found.length >= limit) break
      if (id !== undefined && endpoint.id !== id) continue
      if (name !== undefined && endpoint.name !== name) continue
      if (user !== undefined && endpoint.user !== user) continue
      if (keyword !== undefined && !endpoint.name.includes(keyword) && !endpoint.user.includes(keyword)) continue
      if (skipped++ >= offset) found.push(endpoint)
    }
    return found
  }

  heartbeatOf(endpoint: Endpoint): number {
    if (!endpoint.online) return endpoint.silentSinceMs
    const aliveMs = this.now() - endpoint.onlineSinceMs
    return endpoint.onlineSinceMs + aliveMs - (aliveMs % HEARTBEAT_MS)
  }

  isReachable(endpointId: string): boolean {
    const endpoint = this.#endpoints.get(endpointId)
    return endpoint?.online === true && (!this.#quirks.coldSourceUnknown || this.now() >= endpoint.knownFromMs)
  }

  /** The bytes of this version from somebody who has them now. */
  download(file: IndexedFile): Uint8Array | null {
    for (const id of file.sources) {
      const bytes = this.isReachable(id) ? this.#endpoints.get(id)!.agent.serve(file.path, file.hash) : null
      if (bytes) return bytes
    }
    return null
  }

  /** How long the hub will be busy with an announcement of an agent with so many files. */
  workMs(ownFiles: number): number {
    const micros = this.#quirks.hubMicrosPerFilePair
    if (micros === 0) return 0
    const now = this.#clock.monotonic()
    this.#busyUntilMs = Math.max(now, this.#busyUntilMs) + Math.ceil((micros * this.files.size * ownFiles) / 1000)
    return this.#busyUntilMs - now
  }

  /** Takes what an agent says about its files. `again` = the agent repeats its whole list after the hub was away. */
  announce(agent: Attached, changed: Iterable<Announcement>, removed: Iterable<string>, again: boolean): void {
    if (!this.isUp) return
    const woken: IndexedFile[] = []
    for (const { bytes, ...version } of changed) {
      const owner = ownerOf(version.path)
      if (owner === null) continue
      let file = this.files.get(version.path)
      const isOwner = owner === agent.user
      const isNewer = !file || version.time > file.time || (!this.#quirks.olderTimeRefused && isOwner && version.hash !== file.hash)
      if (isOwner && isNewer && file?.hash !== version.hash) {
        const { path, hash, size, time } = version
        file = this.files.put(path, owner, { hash, size, time }, this.#newSince())
        if (bytes) this.truth.learn(path, bytes, file.since, this.#quirks.namesArePaths)
      } else if (!file || file.hash !== version.hash) {
        continue
      } else if (isOwner && again && file.size < 0 && this.#quirks.tombstonesReturn) {
        this.files.touch(file, this.#newSince())
      } else if (file.sources.has(agent.endpointId)) {
        continue
      }
      file.sources.add(agent.endpointId)
      woken.push(file)
    }
    for (const path of removed) this.files.get(path)?.sources.delete(agent.endpointId)
    this.#wake(woken)
  }

  /** Rights wake nobody: who waits looks again only at the next change. */
  setRights(user: string, rights: Iterable<readonly [folder: string, users: readonly string[]]>): void {
    if (!this.isUp) return
    for (const [folder, users] of rights) if (ownerOf(`${folder}/x`) === user) this.files.setRights(folder, users)
  }

  /** All that this user may see, without deleted files. */
  list(user: string): readonly IndexedFile[] {
    return [...new Set(this.files.changes(user, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY))].filter(file => file.size >= 0)
  }

  /**
   * Changes after `since`. The request looks at what is known when it arrives, sleeps, and only then begins to listen:
   * what comes during the sleep is noticed at the next change. `settled` skips that first look.
   */
  changes(user: string, since: number, wait: boolean, settled = false): Listing {
    let finish: (files: readonly IndexedFile[] | null) => void = () => {}
    const files = new Promise<readonly IndexedFile[] | null>(resolve => {
      finish = resolve
    })
    const { blindHalfSecond: blind, settleMs, waitTimeoutMs } = this.#quirks
    let cancelTimer = () => {}
    let cancelTimeOut = () => {}
    const collect = (upTo: number) => [...new Set(this.files.changes(user, since, blind ? upTo : Number.POSITIVE_INFINITY))]
    const end = (result: readonly IndexedFile[] | null) => {
      cancelTimer()
      cancelTimeOut()
      this.#settling.delete(waiter)
      this.#unlisten(waiter)
      finish(result)
    }
    const settle = (then: (found: readonly IndexedFile[]) => void) => {
      const upTo = this.now()
      cancelTimer = this.#clock.after(settleMs, () => then(collect(upTo)))
    }
    const waiter: Waiter = {
      user,
      since,
      wake: () => {
        this.#unlisten(waiter)
        settle(end)
      },
      fail: () => end(null),
    }
    this.#settling.add(waiter)
    if (!this.isUp) end(null)
    else if (settled) this.#listen(waiter)
    else settle(found => (found.length > 0 || !wait ? end(found) : this.#listen(waiter)))
    if (wait && waitTimeoutMs !== null && this.isUp) cancelTimeOut = this.#clock.after(waitTimeoutMs, () => end([]))
    return { files, cancel: () => end(null) }
  }

  /** Waiting requests at the hub, settling ones included. */
  waiting(): number {
    return this.#settling.size
  }

  #listen(waiter: Waiter): void {
    const waiters = this.#waiters.get(waiter.user)
    if (waiters) waiters.add(waiter)
    else this.#waiters.set(waiter.user, new Set([waiter]))
  }

  #unlisten(waiter: Waiter): void {
    const waiters = this.#waiters.get(waiter.user)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.#waiters.delete(waiter.user)
  }

  #wake(changed: readonly IndexedFile[]): void {
    const users = new Set<string>()
    for (const file of changed) {
      if (file.readers === null) {
        for (const user of this.#waiters.keys()) users.add(user)
        break
      }
      users.add(file.owner)
      for (const user of file.readers) users.add(user)
    }
    for (const user of users) {
      for (const waiter of [...(this.#waiters.get(user) ?? [])]) if (this.files.hasChanges(user, waiter.since)) waiter.wake()
    }
  }
}
