/** The whole runtime in a world of its own: simulated mesh, virtual time, a disk in memory. One seed, one run. */
import { createMemoryDisk, type MemoryDisk } from '../adapters/memory/memory-disk.ts'
import { createMemoryLog, type LogLine } from '../adapters/memory/memory-log.ts'
import { createSeededRandom } from '../adapters/memory/seeded-random.ts'
import { createVirtualClock, type VirtualClock } from '../adapters/memory/virtual-clock.ts'
import { openStore } from '../adapters/store/store.ts'
import { createZtmAgent } from '../adapters/ztm/ztm-agent.ts'
import { parseConfig } from '../domain/config.ts'
import { StoreUnusable } from '../domain/errors.ts'
import type { AccountId, ChatId } from '../domain/ids.ts'
import type { Disk, DiskFile } from '../ports/disk.ts'
import type { PairingStore } from '../ports/pairing-store.ts'
import type { Responder } from '../ports/responder.ts'
import { createRuntime } from '../runtime/create-runtime.ts'
import type { AccountHandle, Runtime, RuntimeEvent } from '../runtime/runtime.ts'
import { createMesh, type SimMesh, type SimUser } from './mesh/mesh.ts'
import { CALM, type Quirks } from './mesh/quirks.ts'
import { createSimTransport } from './sim-transport.ts'

/** 24 November 2026, 12:00 UTC. */
const START_MS = Date.UTC(2026, 10, 24, 12)
const MESH = 'home'
const BOT = 'my-bot'

/** Answers `echo: TEXT`. */
export const echoResponder: Responder = { respond: async ({ text }) => `echo: ${text}` }

export type WorldOptions = {
  readonly seed?: number
  /** As in a config file; the mesh and the bot user are filled in, and DMs are open unless it says otherwise. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly quirks?: Partial<Quirks>
  readonly responder?: Responder
  readonly pairing?: (account: AccountId) => PairingStore
  /** What another program had read before, per chat. */
  readonly formerly?: ReadonlyMap<ChatId, number>
  /** How long the disk takes to make something durable, ms. */
  readonly syncMs?: number
}

export interface World {
  readonly clock: VirtualClock
  readonly mesh: SimMesh
  readonly bot: SimUser
  /** Everything the runtime told, over all its starts. */
  readonly events: readonly RuntimeEvent[]
  readonly log: readonly LogLine[]
  readonly runtime: Runtime
  readonly account: AccountHandle
  disk(account?: AccountId): MemoryDisk
  start(): Promise<void>
  stop(): Promise<void>
  /** Power loss: nothing of the runtime goes on, and the disk keeps what was synced. `start` makes a new one. */
  crash(): Promise<void>
  /** Lets virtual time pass: 10 s unless told otherwise. */
  settle(ms?: number): Promise<void>
  /** Texts that the user reads from the bot, in the order of the user's chat app. */
  answers(user: string, chat?: ChatId): readonly string[]
}

export function createWorld(options: WorldOptions = {}): World {
  const { seed = 1, config = {}, quirks = {}, responder = echoResponder } = options
  const random = createSeededRandom(seed)
  const clock = createVirtualClock(START_MS)
  const mesh = createMesh({ clock, random, name: MESH, quirks: { ...CALM, ...quirks } })
  mesh.bot = BOT
  const bot = mesh.user(BOT)
  const memory = createMemoryLog()
  const events: RuntimeEvent[] = []
  const disks = new Map<AccountId, MemoryDisk>()
  const { accounts } = parseConfig({ agentUrl: 'http://localhost:7777', meshName: MESH, username: BOT, dmPolicy: 'open', ...config })
  let runtime: Runtime | null = null
  /** Of the running process: after a crash its effects reach nothing any more. */
  let life = { over: false }

  const diskOf = (account: AccountId): MemoryDisk => {
    const disk = disks.get(account) ?? createMemoryDisk({ random })
    disks.set(account, disk)
    return disk
  }

  const slowly = (disk: MemoryDisk): Disk => {
    const { syncMs } = options
    if (syncMs === undefined) return disk
    const append = async (path: string): Promise<DiskFile> => {
      const file = await disk.append(path)
      const sync = async () => {
        await new Promise<void>(resolve => clock.after(syncMs, resolve))
        await file.sync()
      }
      return { ...file, sync }
    }
    return { ...disk, append }
  }

  const make = (): Runtime => {
    const own = { over: false }
    life = own
    const made = createRuntime({
      accounts,
      ports: {
        // Timers of a dead process do not fire.
        clock: {
          now: clock.now,
          monotonic: clock.monotonic,
          after: (delayMs, run) => clock.after(delayMs, () => own.over || run()),
        },
        random,
        log: memory.log,
        agent: settings =>
          createZtmAgent({
            baseUrl: settings.agentUrl,
            mesh: settings.meshName,
            apiTimeoutMs: settings.apiTimeoutMs,
            limits: settings.limits,
            clock,
            transport: createSimTransport(mesh.user(settings.username).agent),
          }),
        store: account => openStore({ disk: slowly(diskOf(account)) }),
        responder: {
          ...responder,
          respond: (request, turn, signal) => (own.over ? new Promise(() => {}) : responder.respond(request, turn, signal)),
        },
        permits: () => Promise.reject(new StoreUnusable('The simulated world has no permit server.', false)),
        ...(options.pairing ? { pairing: options.pairing } : {}),
        ...(options.formerly ? { formerly: async () => options.formerly ?? new Map() } : {}),
      },
    })
    made.events.subscribe(event => own.over || events.push(event))
    return made
  }

  const running = (): Runtime => {
    if (!runtime) throw new Error('The world has not been started.')
    return runtime
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
    disk: (account = accounts[0]!.id) => diskOf(account),
    async start() {
      runtime = make()
      await runtime.start()
      await clock.drain()
    },
    async stop() {
      let over = false
      const stopping = running()
        .stop()
        .then(() => {
          over = true
        })
      while (!over) {
        await clock.drain()
        const nextMs = clock.nextInMs()
        if (!over && nextMs !== null) await clock.advance(nextMs)
      }
      await stopping
    },
    async crash() {
      life.over = true
      for (const [account, disk] of disks) disks.set(account, disk.crash({ random }))
      await Promise.all(
        running()
          .accounts()
          .map(account => account.agent.close()),
      )
      await clock.drain()
    },
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
