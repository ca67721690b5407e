import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { between } from './chance.ts'
import { ChatApp } from './chat-app.ts'
import { type IndexedFile, ownerOf } from './file-index.ts'
import type { FileStore, StoredFile } from './file-store.ts'
import { NotConnected } from './http.ts'
import { type Announcement, type Attached, HUB_ADDRESS, type Hub, type Listing } from './hub.ts'
import { isCa, readCertificate } from './pem.ts'
import type { Quirks } from './quirks.ts'
import { Scope } from './scope.ts'

/** What an agent keeps on its disk about a mesh. */
export type StoredMesh = {
  readonly name: string
  ca: unknown
  agent: { id: string; name?: unknown; certificate?: unknown; [key: string]: unknown }
  bootstraps: readonly unknown[]
  readonly store: FileStore
  /** The chat app was running: it starts again with the agent. */
  appRan: boolean
}

/** What a membership shares with everything else of its agent. */
export type World = {
  readonly clock: Clock
  readonly random: Random
  readonly hub: Hub
  readonly meshName: string
  readonly quirks: Quirks
  /** The agent's own clock. */
  readonly now: () => number
}

/**
 * `connecting`: never connected since the start; `connected`; `lost`: the hub is dead and the agent has not noticed;
 * `away`: it has; `broken`: it says it is connected, and nothing it announces gets through.
 */
export type Link = 'connecting' | 'connected' | 'lost' | 'away' | 'broken'

type Note = { readonly time: string; readonly message: string }

/** Past this the oldest entries are dropped. */
const LOG_LINES_MAX = 100
/** `errors` of a broken connection grows by one a second, up to this. */
const ERRORS_MAX = 1_000

/** One mesh that an agent has joined, from the join (or the start of the agent) to the end of either. */
export class Membership implements Attached {
  readonly world: World
  readonly stored: StoredMesh
  readonly scope: Scope
  readonly user: string
  readonly log: { time: string; type: 'info' | 'error'; message: string }[] = []
  app: ChatApp | null = null
  link: Link = 'connecting'
  readonly startedAtMs: number
  #errors: Note[] = []
  #brokenAtMs = 0
  readonly #waits = new Set<Listing>()
  readonly #dirty = new Set<string>()
  readonly #removed = new Set<string>()
  readonly #rights = new Map<string, readonly string[]>()
  readonly #dirtyRights = new Set<string>()
  #announcing: (() => void) | null = null
  #sendingRights: (() => void) | null = null
  #lastSentMs = Number.NEGATIVE_INFINITY
  #repeatsAll = false

  constructor(world: World, stored: StoredMesh) {
    this.world = world
    this.stored = stored
    this.scope = new Scope(world.clock)
    this.user = readCertificate(stored.agent.certificate)?.user ?? ''
    this.startedAtMs = world.quirks.watchStartsAtOwnClock ? world.now() : world.hub.now()
    if (!isCa(stored.ca, world.meshName)) this.#fail('Invalid CA certificate')
    if (this.user === '') this.#fail('Invalid agent certificate')
    else this.#note('info', 'Agent certificate expires in 364 days')
    this.#note('info', `Start from bootstraps ${stored.bootstraps.join(', ')}`)
    world.hub.know(this)
  }

  get endpointId(): string {
    return this.stored.agent.id
  }

  get endpointName(): string {
    return String(this.stored.agent.name ?? '')
  }

  get quirks(): Quirks {
    return this.world.quirks
  }

  get connected(): boolean {
    return this.link === 'connected' || this.link === 'lost' || this.link === 'broken'
  }

  get errors(): readonly Note[] {
    if (this.link !== 'broken') return this.#errors
    const seconds = Math.min(ERRORS_MAX, Math.floor((this.world.now() - this.#brokenAtMs) / 1000))
    return Array.from({ length: seconds }, (_, index) => ({
      time: new Date(this.#brokenAtMs + (index + 1) * 1000).toISOString(),
      message: `Connection to hub ${HUB_ADDRESS} closed, error = IdleTimeout`,
    }))
  }

  // The connection to the hub.

  /** Tries to connect after the usual time. */
  start(): void {
    this.scope.after(between(this.world.random, this.quirks.connectMs), () => this.tryToConnect(this.quirks.coldStartMs))
  }

  /** Connected at once, with a chat app that has been running for long; a clock that is too far behind still prevents it. */
  startWarm(): void {
    this.stored.appRan = false
    this.tryToConnect([0, 0])
    this.stored.appRan = true
    if (!this.connected) return
    this.app = new ChatApp(this)
    this.app.startWarm()
  }

  tryToConnect(cold: readonly [number, number]): void {
    if (this.connected || this.scope.ended) return
    const certificate = readCertificate(this.stored.agent.certificate)
    const isFound =
      this.world.hub.isUp &&
      this.stored.bootstraps.includes(HUB_ADDRESS) &&
      isCa(this.stored.ca, this.world.meshName) &&
      certificate !== null &&
      this.world.now() >= certificate.notBeforeMs
    if (!isFound) {
      if (this.link === 'connecting') this.link = 'away'
      this.#errors = []
      this.#fail('No hub found')
      return
    }
    this.link = 'connected'
    this.#errors = []
    for (const latency of [1, 0]) this.#note('info', `Probed hub ${HUB_ADDRESS} and got response in ${latency}ms: capacity = 100, load = 5`)
    this.#note('info', 'P2P is disabled, using hub relay only')
    this.#note('info', `Joined ${this.stored.name} as ${this.endpointName} (uuid = ${this.endpointId}) via hub ${HUB_ADDRESS} in default`)
    this.#note('info', `Connected to hub ${HUB_ADDRESS}`)
    this.world.hub.connect(this, between(this.world.random, cold))
    for (const path of this.stored.store.paths()) this.#dirty.add(path)
    for (const folder of this.#rights.keys()) this.#dirtyRights.add(folder)
    this.#announceSoon()
    if (this.stored.appRan && !this.app) this.startApp()
  }

  hubDied(): void {
    if (this.link !== 'connected' && this.link !== 'broken') return
    this.link = 'lost'
    this.#errors = []
    this.#fail(`Connection to hub ${HUB_ADDRESS} closed, error = ConnectionRefused`)
    this.#stopAnnouncing()
    this.#endWaits()
    this.scope.after(between(this.world.random, this.quirks.lossNoticedMs), () => {
      if (this.link !== 'lost') return
      this.link = 'away'
      this.#errors = []
      this.#fail('No hub found')
    })
  }

  hubReturned(): void {
    if (this.link === 'connected') return
    this.#repeatsAll = true
    this.scope.after(between(this.world.random, this.quirks.reconnectMs), () => {
      if (!this.world.hub.isUp || this.link === 'connected') return
      this.link = 'away'
      this.tryToConnect([0, 0])
    })
  }

  /** The hub failed on one of our requests: nothing that we announce gets through any more, and yet we are `connected`. */
  break(): void {
    if (this.link !== 'connected') return
    this.link = 'broken'
    this.#brokenAtMs = this.world.now()
    this.world.hub.disconnect(this)
    this.#stopAnnouncing()
    this.#endWaits()
  }

  /** Leaves the mesh; the files stay. */
  end(): void {
    this.#endWaits()
    this.scope.end()
    this.app?.end()
    this.world.hub.disconnect(this)
    this.world.hub.forget(this)
  }

  /** Runs when the agent is told to leave or to join again; what was waiting in the app is lost with it. */
  startApp(): ChatApp {
    this.app = new ChatApp(this)
    this.stored.appRan = true
    this.app.start()
    return this.app
  }

  // Asking the hub.

  get isBusy(): boolean {
    return this.#dirty.size + this.#dirtyRights.size + (this.app?.waitingPosts ?? 0) > 0
  }

  /** A list call: `lost` while the hub is dead and this agent has not noticed. Never settles in the first time of a broken connection. */
  async ask<Result>(answer: () => Result, lost: Result): Promise<Result> {
    switch (this.link) {
      case 'connecting':
      case 'away':
        throw new NotConnected()
      case 'lost':
        return lost
      case 'broken':
        return this.world.now() - this.#brokenAtMs < this.quirks.brokenHangMs ? new Promise(() => {}) : answer()
      case 'connected':
        return answer()
      default:
        return this.link satisfies never
    }
  }

  /** Changes in the mesh; null when the hub is lost. A broken connection gets none. */
  async changes(since: number, wait: boolean, signal: AbortSignal | null, settled = false): Promise<readonly IndexedFile[] | null> {
    if (this.link === 'broken' && wait) return new Promise(() => {})
    const listing = await this.ask<Listing | null>(() => this.world.hub.changes(this.user, since, wait, settled), null)
    if (!listing) return null
    // Killed, or given up, between the question and its arrival.
    if (this.scope.ended || signal?.aborted) {
      listing.cancel()
      return null
    }
    this.#waits.add(listing)
    signal?.addEventListener('abort', listing.cancel, { once: true })
    const files = await listing.files
    this.#waits.delete(listing)
    signal?.removeEventListener('abort', listing.cancel)
    return files
  }

  #endWaits(): void {
    for (const wait of [...this.#waits]) wait.cancel()
  }

  // Files.

  serve(path: string, hash: string): Uint8Array | null {
    return this.stored.store.version(path, hash)
  }

  /** The hub's entry of a file that this user may see and that is not deleted. */
  info(path: string): IndexedFile | null {
    const file = this.world.hub.files.get(path)
    return file && file.size >= 0 && this.world.hub.files.mayRead(this.user, file) ? file : null
  }

  /** The best version there is: the hub's, unless our own is newer or nobody has it. A downloaded copy is kept and announced. */
  async read(path: string, alsoWhenBroken = false): Promise<Uint8Array | null> {
    const own = this.stored.store.get(path)
    const find = () => this.info(path)
    const meta = alsoWhenBroken && this.link === 'broken' ? find() : await this.ask(find, null)
    if (!meta) return own?.bytes ?? null
    if (own?.hash === meta.hash) return own.bytes
    const isBetter = (time: number) => (this.quirks.olderTimeRefused ? time > meta.time : meta.owner === this.user)
    if (own && isBetter(own.time)) return own.bytes
    const bytes = this.world.hub.download(meta)
    if (bytes) {
      this.stored.store.put(path, bytes, meta.time)
      this.#changed(path)
    }
    return bytes
  }

  write(path: string, bytes: Uint8Array): StoredFile {
    const file = this.stored.store.put(path, bytes, this.world.now())
    this.#changed(path)
    return file
  }

  /** Marks a file as deleted in the mesh. */
  erase(path: string): void {
    this.stored.store.put(path, null, this.world.now())
    this.#changed(path)
  }

  /** Forgets the own copy. */
  drop(path: string): boolean {
    if (!this.stored.store.remove(path)) return false
    this.#dirty.delete(path)
    this.#removed.add(path)
    this.#announceSoon()
    return true
  }

  /** Who may read below a folder of ours; throws while the agent knows that it is not connected. */
  setRights(folder: string, users: readonly string[]): void {
    if (this.link === 'away' || this.link === 'connecting') throw new NotConnected()
    const known = this.#rights.get(folder)
    if (known && known.length === users.length && known.every((user, index) => user === users[index])) return
    this.#rights.set(folder, users)
    this.#dirtyRights.add(folder)
    if (this.link !== 'connected' || this.#sendingRights) return
    const { announceEveryMs, rightsDelayMs } = this.quirks
    this.#sendRightsAfter(announceEveryMs + between(this.world.random, rightsDelayMs))
  }

  #changed(path: string): void {
    this.#removed.delete(path)
    this.#dirty.add(path)
    this.#announceSoon()
  }

  /** The agent looks for changes to announce once in a while, so that the next look is anything from now to one interval away. */
  #announceSoon(): void {
    if (this.#announcing || this.link !== 'connected') return
    const { announceEveryMs } = this.quirks
    const restMs = this.#lastSentMs + announceEveryMs - this.world.clock.monotonic()
    const inMs = restMs > 0 ? restMs : between(this.world.random, [0, announceEveryMs])
    this.#announcing = this.scope.after(inMs, () => this.#announce())
  }

  #announce(): void {
    this.#announcing = null
    if (this.link !== 'connected') return
    const { random, hub, clock } = this.world
    const changed: Announcement[] = []
    for (const path of this.#dirty) {
      const file = this.stored.store.get(path)
      // A file whose name has a NUL in it is on no disk, and never reaches the hub.
      if (file && ownerOf(path) !== null && !(this.quirks.nulBreaksHub && path.includes('\0'))) changed.push(file)
    }
    const removed = [...this.#removed]
    const again = this.#repeatsAll
    this.#dirty.clear()
    this.#removed.clear()
    this.#repeatsAll = false
    this.#lastSentMs = clock.monotonic()
    if (!this.quirks.rightsArriveLate) this.#sendRights()
    else if (this.#dirtyRights.size > 0) {
      this.#sendingRights?.()
      this.#sendRightsAfter(between(random, this.quirks.tripMs) + between(random, this.quirks.rightsDelayMs))
    }
    const tripMs = between(random, this.quirks.tripMs) + hub.workMs(this.stored.store.size)
    this.scope.after(tripMs, () => {
      if (this.link === 'connected') hub.announce(this, changed, removed, again)
    })
  }

  #sendRightsAfter(ms: number): void {
    this.#sendingRights = this.scope.after(ms, () => {
      this.#sendingRights = null
      if (this.link === 'connected') this.#sendRights()
    })
  }

  #sendRights(): void {
    const folders = [...this.#dirtyRights]
    this.#dirtyRights.clear()
    if (this.quirks.nulBreaksHub && folders.some(folder => folder.includes('\0'))) {
      for (const folder of folders) this.#rights.delete(folder)
      this.break()
      return
    }
    this.world.hub.setRights(
      this.user,
      folders.map(folder => [folder, this.#rights.get(folder) ?? []] as const),
    )
  }

  #stopAnnouncing(): void {
    this.#announcing?.()
    this.#announcing = null
    this.#sendingRights?.()
    this.#sendingRights = null
  }

  #fail(message: string): void {
    this.#errors.push({ time: new Date(this.world.now()).toISOString(), message })
    this.#note('error', message)
  }

  #note(type: 'info' | 'error', message: string): void {
    this.log.push({ time: new Date(this.world.now()).toISOString(), type, message })
    if (this.log.length > LOG_LINES_MAX) this.log.shift()
  }
}
