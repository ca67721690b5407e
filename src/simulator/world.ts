/** The whole runtime in a world of its own: simulated mesh, virtual time, a disk in memory. One seed, one run. */
import {
  createMemoryDisk,
  type DiskOperation,
  type MemoryDisk,
  type MemoryDiskOptions,
  type Survival,
} from '../adapters/memory/memory-disk.ts'
import { createMemoryLog, type LogLine } from '../adapters/memory/memory-log.ts'
import { createSeededRandom } from '../adapters/memory/seeded-random.ts'
import { createVirtualClock, type VirtualClock } from '../adapters/memory/virtual-clock.ts'
import { openStore, type StoreOptions } from '../adapters/store/store.ts'
import type { Transport } from '../adapters/ztm/transport.ts'
import { createZtmAgent } from '../adapters/ztm/ztm-agent.ts'
import { parseConfig } from '../domain/config.ts'
import { StoreUnusable } from '../domain/errors.ts'
import type { AccountId, ChatId } from '../domain/ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { Disk, DiskFile } from '../ports/disk.ts'
import type { PairingStore } from '../ports/pairing-store.ts'
import type { Responder } from '../ports/responder.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import { createRuntime } from '../runtime/create-runtime.ts'
import type { AccountHandle, Runtime, RuntimeEvent } from '../runtime/runtime.ts'
import type { SimAgent } from './mesh/agent.ts'
import { createMesh, type SimMesh, type SimUser } from './mesh/mesh.ts'
import { CALM, type Quirks } from './mesh/quirks.ts'
import { createSimTransport } from './sim-transport.ts'

/** 24 November 2026, 12:00 UTC. */
const START_MS = Date.UTC(2026, 10, 24, 12)
const MESH = 'home'
const BOT = 'my-bot'

/** What a dead process waits for. */
const never = new Promise<never>(() => {})

/** Answers `echo: TEXT`. */
export const echoResponder: Responder = { respond: async ({ text }) => `echo: ${text}` }

export type WorldOptions = {
  readonly seed?: number
  /** Shares its mesh and its time: another process, with a state of its own, of the same bot or of another. */
  readonly beside?: Pick<World, 'clock' | 'mesh'>
  /** As in a config file; the mesh and the bot user are filled in, and DMs are open unless it says otherwise. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly quirks?: Partial<Quirks>
  readonly responder?: Responder
  readonly pairing?: (account: AccountId) => PairingStore
  /** What another program had read before, per chat. */
  readonly formerly?: ReadonlyMap<ChatId, number>
  /** How long the disk takes to make something durable, ms. */
  readonly syncMs?: number
  readonly disk?: DiskOptions
  readonly store?: Pick<StoreOptions, 'segmentBytes' | 'shards'>
  /** Ahead of the world's clock by this much, ms: the wall clock that the runtime sees. */
  readonly runtimeSkewMs?: () => number
  readonly onEvent?: (event: RuntimeEvent) => void
  /** So many of the newest events are kept; all of them when not set. */
  readonly eventsMax?: number
}

export type DiskOptions = {
  /** Before each operation. It may make it fail, and it may cut the power. */
  readonly before?: (operation: DiskOperation, disk: MemoryDisk) => void
  /** How long an operation takes to begin, ms; 0 = at once. */
  readonly delayMs?: (name: DiskOperation['name']) => number
  /** What a power loss left of what was not synced. */
  readonly onSurvival?: (survival: Survival) => void
}

/** What a runtime that was stopped must not leave behind. */
export type Leaks = { readonly timers: number; readonly requests: number }

export interface World {
  readonly clock: VirtualClock
  readonly mesh: SimMesh
  readonly bot: SimUser
  /** What the runtime told, over all its starts. */
  readonly events: readonly RuntimeEvent[]
  readonly log: readonly LogLine[]
  readonly runtime: Runtime
  readonly account: AccountHandle
  disk(account?: AccountId): MemoryDisk
  start(): Promise<void>
  stop(): Promise<void>
  /** Power loss: nothing of the runtime goes on, and the disk keeps what was synced. `start` makes a new one. */
  crash(): Promise<void>
  /** The same at this very moment, in the middle of whatever runs. */
  cutPower(): void
  /** Between a start and the stop, or the loss of power, that ends it. */
  readonly isUp: boolean
  /** Another config, from the next start on. */
  configure(config: Readonly<Record<string, unknown>>): void
  /** So far. */
  powerLosses(): number
  /** Of the newest runtime. */
  leaks(): Leaks
  /** Lets virtual time pass: 10 s unless told otherwise. */
  settle(ms?: number): Promise<void>
  /** Texts that the user reads from the bot, in the order of the user's chat app. */
  answers(user: string, chat?: ChatId): readonly string[]
}

/** One process: after its end its effects reach nothing any more. */
type Life = { over: boolean; timers: number; requests: number; readonly agents: ZtmAgent[] }

export function createWorld(options: WorldOptions = {}): World {
  const {
    seed = 1,
    beside,
    quirks = {},
    responder = echoResponder,
    runtimeSkewMs = () => 0,
    eventsMax = Number.POSITIVE_INFINITY,
  } = options
  const random = createSeededRandom(seed)
  const clock = beside?.clock ?? createVirtualClock(START_MS)
  const mesh = beside?.mesh ?? createMesh({ clock, random, name: MESH, quirks: { ...CALM, ...quirks } })
  mesh.bot = BOT
  const bot = mesh.user(BOT)
  const memory = createMemoryLog()
  const events: RuntimeEvent[] = []
  const disks = new Map<AccountId, MemoryDisk>()
  const parse = (config: Readonly<Record<string, unknown>>) =>
    parseConfig({ agentUrl: 'http://localhost:7777', meshName: MESH, username: BOT, dmPolicy: 'open', ...config }).accounts
  let accounts = parse(options.config ?? {})
  let runtime: Runtime | null = null
  let powerLosses = 0
  let life: Life = { over: true, timers: 0, requests: 0, agents: [] }

  const diskOf = (account: AccountId): MemoryDisk => {
    const known = disks.get(account)
    if (known) return known
    const made = createMemoryDisk(diskOptions(account))
    disks.set(account, made)
    return made
  }
  const diskOptions = (account: AccountId): MemoryDiskOptions => {
    const before = options.disk?.before
    const onSurvival = options.disk?.onSurvival
    return {
      random,
      ...(before && { faults: operation => before(operation, disks.get(account)!) }),
      ...(onSurvival && { onSurvival }),
    }
  }

  /** The account's disk as this process sees it: slow where it is to be, and silent once the process is dead. */
  const diskFor = (account: AccountId, own: Life): Disk => {
    const disk = diskOf(account)
    const delayMs = options.disk?.delayMs ?? (name => (name === 'sync' ? (options.syncMs ?? 0) : 0))
    const wait = async (name: DiskOperation['name']): Promise<void> => {
      const ms = delayMs(name)
      if (ms > 0) await new Promise<void>(resolve => clock.after(ms, resolve))
      if (own.over) await never
    }
    const later = async <Result>(name: DiskOperation['name'], run: () => Promise<Result>): Promise<Result> => {
      await wait(name)
      const result = await run().catch((error: unknown) => (own.over ? never : Promise.reject(error)))
      return own.over ? never : result
    }
    const open = (file: DiskFile): DiskFile => ({
      ...file,
      write: data => later('write', () => file.write(data)),
      sync: () => later('sync', () => file.sync()),
      truncate: size => later('truncate', () => file.truncate(size)),
    })
    return {
      list: folder => later('list', () => disk.list(folder)),
      read: path => later('read', () => disk.read(path)),
      makeFolder: folder => later('makeFolder', () => disk.makeFolder(folder)),
      append: async path => open(await later('open', () => disk.append(path))),
      write: (path, data) => later('write', () => disk.write(path, data)),
      rename: (from, to) => later('rename', () => disk.rename(from, to)),
      remove: path => later('remove', () => disk.remove(path)),
      syncFolder: folder => later('syncFolder', () => disk.syncFolder(folder)),
    }
  }

  /** Timers of a dead process do not fire. */
  const clockOf = (own: Life): Clock => ({
    now: () => clock.now() + runtimeSkewMs(),
    monotonic: clock.monotonic,
    after(delayMs, run) {
      if (own.over) return () => {}
      let isSet = true
      own.timers += 1
      const cancel = clock.after(delayMs, () => {
        isSet = false
        own.timers -= 1
        if (!own.over) run()
      })
      return () => {
        if (!isSet) return
        isSet = false
        own.timers -= 1
        cancel()
      }
    },
  })

  const transportOf = (agent: SimAgent, own: Life): Transport => {
    const transport = createSimTransport(agent)
    return {
      async request(request) {
        if (own.over) return never
        own.requests += 1
        try {
          return await transport.request(request)
        } finally {
          own.requests -= 1
        }
      },
      close: () => transport.close(),
    }
  }

  const make = (): Runtime => {
    const own: Life = { over: false, timers: 0, requests: 0, agents: [] }
    life = own
    const ownClock = clockOf(own)
    const made = createRuntime({
      accounts,
      ports: {
        clock: ownClock,
        random,
        log: memory.log,
        agent: settings => {
          const made = createZtmAgent({
            baseUrl: settings.agentUrl,
            mesh: settings.meshName,
            apiTimeoutMs: settings.apiTimeoutMs,
            limits: settings.limits,
            clock: ownClock,
            transport: transportOf(mesh.user(settings.username).agent, own),
          })
          own.agents.push(made)
          return made
        },
        store: account => openStore({ disk: diskFor(account, own), ...options.store }),
        responder: {
          ...responder,
          respond: (request, turn, signal) => (own.over ? never : responder.respond(request, turn, signal)),
        },
        permits: () => Promise.reject(new StoreUnusable('The simulated world has no permit server.', false)),
        ...(options.pairing ? { pairing: options.pairing } : {}),
        ...(options.formerly ? { formerly: async () => options.formerly ?? new Map() } : {}),
      },
    })
    made.events.subscribe(event => {
      if (own.over) return
      events.push(event)
      if (events.length > eventsMax) events.shift()
      options.onEvent?.(event)
    })
    return made
  }

  const running = (): Runtime => {
    if (!runtime) throw new Error('The world has not been started.')
    return runtime
  }

  const cutPower = () => {
    powerLosses += 1
    life.over = true
    for (const [account, disk] of disks) disks.set(account, disk.crash(diskOptions(account)))
    for (const agent of life.agents) void agent.close()
  }

  /** Moves time on until this is done, or the power is lost. */
  const pump = async (work: Promise<void>): Promise<void> => {
    const own = life
    let over = false
    const end = () => {
      over = true
    }
    work.then(end, end)
    await clock.drain()
    while (!over && !own.over) {
      const nextMs = clock.nextInMs()
      if (nextMs === null) throw new Error('Something waits for ever, and nothing will end it.')
      await clock.advance(nextMs)
    }
    if (over) await work
  }

  return {
    clock,
    mesh,
    bot,
    events,
    log: memory.lines,
    get runtime() {
      return running()
    },
    get account() {
      const [first] = running().accounts()
      if (!first) throw new Error('No account runs.')
      return first
    },
    get isUp() {
      return !life.over
    },
    disk: (account = accounts[0]!.id) => diskOf(account),
    configure(config) {
      accounts = parse(config)
    },
    powerLosses: () => powerLosses,
    leaks: () => ({ timers: life.timers, requests: life.requests }),
    async start() {
      runtime = make()
      try {
        await pump(runtime.start())
      } catch (error) {
        life.over = true
        throw error
      }
      await clock.drain()
    },
    async stop() {
      await pump(running().stop())
      await clock.drain()
      life.over = true
    },
    async crash() {
      cutPower()
      await clock.drain()
    },
    cutPower,
    settle: (ms = 10_000) => clock.advance(ms),
    answers: (user, chat = `peer:${BOT}`) =>
      mesh
        .user(user)
        .inbox(chat)
        .filter(entry => entry.sender === BOT)
        .map(entry => {
          const { message } = entry
          return typeof message === 'object' && message !== null && 'text' in message ? String(message.text) : JSON.stringify(message)
        }),
  }
}
