/** In place of a Restate server: the fleet and its accounts answer as our objects do, in memory and in virtual time. */
import type { VirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import type { FeederAddress } from '../../../src/cluster/contracts.ts'
import { type Engine, EngineAway, EngineRefused } from '../../../src/cluster/engine.ts'
import type { Json } from '../../../src/domain/json.ts'

/** As of `src/cluster/service/fleet.ts`, which needs the engine's own SDK. */
export const MEMBERSHIP_MS = 8_000

/** `what`: `fleet/renew`, `account/claim`. */
export type Call = { readonly what: string; readonly key: string; readonly input: unknown }

export interface EngineStandIn {
  readonly engine: Engine
  readonly calls: readonly Call[]
  called(what: string): readonly Call[]
  /** Before something is done there; it may fail, or take long. */
  before: (call: Call) => Promise<void> | void
  /** Before it is answered. */
  after: (call: Call) => Promise<void> | void
  /** Of those who ask for an answer no more. */
  hearsWhoLeaves: boolean
  readonly members: ReadonlySet<string>
  expel(session: string): void
  readonly holders: Map<string, string>
  /** What chats answer. */
  receive: (call: Call) => Json
}

export function createEngineStandIn(clock: VirtualClock): EngineStandIn {
  const calls: Call[] = []
  const members = new Map<string, { readonly address: string; readonly cancel: () => void }>()
  const holders = new Map<string, string>()
  let sessions = 0

  const live = (session: string, address: string) => {
    members.get(session)?.cancel()
    members.set(session, { address, cancel: clock.after(MEMBERSHIP_MS, () => void members.delete(session)) })
  }
  const end = (session: string) => {
    members.get(session)?.cancel()
    members.delete(session)
  }

  const act: Readonly<Record<string, (call: Call) => Json>> = {
    'fleet/join'({ input }) {
      sessions += 1
      live(`s${sessions}`, (input as { address: string }).address)
      return { session: `s${sessions}`, ttlMs: MEMBERSHIP_MS }
    },
    'fleet/renew'({ input }) {
      const { session } = input as { session: string }
      const member = members.get(session)
      if (!member) return null
      live(session, member.address)
      return [...members].map(([session, { address }]) => ({ session, address }))
    },
    'fleet/leave'({ input }) {
      end((input as { session: string }).session)
      return null
    },
    'account/claim'({ key, input }) {
      const { session } = input as FeederAddress
      const holder = holders.get(key)
      if (holder !== undefined && holder !== session && members.has(holder)) return null
      holders.set(key, session)
      return { entry: null }
    },
    'account/release'({ key, input }) {
      if (holders.get(key) === (input as { session: string }).session) holders.delete(key)
      return null
    },
    'account/note'({ key, input }) {
      if (holders.get(key) !== (input as { session: string }).session) throw new EngineRefused('another feeder has it', 409)
      return null
    },
    'chat/receive': call => standIn.receive(call),
  }

  const answer = async (call: Call): Promise<Json> => {
    await standIn.before(call)
    const outcome = act[call.what]!(call)
    await standIn.after(call)
    return outcome
  }

  const standIn: EngineStandIn = {
    engine: {
      async call([service, key, handler], input, signal) {
        const call = { what: `${service}/${handler}`, key, input }
        calls.push(call)
        if (!signal || !standIn.hearsWhoLeaves) return await answer(call)
        const gone = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new EngineAway('given up'))))
        if (signal.aborted) throw new EngineAway('given up')
        return await Promise.race([answer(call), gone])
      },
      async close() {},
    },
    calls,
    called: what => calls.filter(call => call.what === what),
    before: () => {},
    after: () => {},
    hearsWhoLeaves: true,
    get members() {
      return new Set(members.keys())
    },
    expel: end,
    holders,
    receive: ({ input }) => ({ taken: (input as { messages: readonly unknown[] }).messages.length }),
  }
  return standIn
}

/** What waits there, until it is let through. */
export function createGate(): { readonly closed: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { closed: promise, open: resolve }
}

export const away = (): never => {
  throw new EngineAway('nobody answers')
}
