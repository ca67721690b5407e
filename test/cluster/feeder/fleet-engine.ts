/** An engine that is well, or away, with a fleet in it: members live for as long as they renew, by its own clock. */
import { type Engine, EngineAway } from '../../../src/cluster/feeder/engine.ts'
import { MEMBERSHIP_MS } from '../../../src/cluster/fleet.ts'
import type { Json } from '../../../src/domain/json.ts'
import type { Clock } from '../../../src/ports/clock.ts'

export interface FleetEngine extends Engine {
  isAway: boolean
  /** An answer takes so long. */
  answersAfterMs: number
  readonly members: Set<string>
  /** By account: the session that has it. */
  readonly holders: Map<string, string>
}

export function createFleetEngine(clock: Clock): FleetEngine {
  let sessions = 0
  const ends = new Map<string, () => void>()
  const keep = (session: string) => {
    ends.get(session)?.()
    engine.members.add(session)
    ends.set(
      session,
      clock.after(MEMBERSHIP_MS, () => engine.members.delete(session)),
    )
  }
  const answer = ([service, key, handler]: readonly [string, string, string], input: unknown): Json => {
    const { session = '' } = (input ?? {}) as { readonly session?: string }
    if (service === 'account') {
      if (handler === 'claim') {
        const holder = engine.holders.get(key)
        if (holder !== undefined && holder !== session && engine.members.has(holder)) return null
        engine.holders.set(key, session)
        return { entry: null }
      }
      if (handler === 'release' && engine.holders.get(key) === session) engine.holders.delete(key)
      return null
    }
    if (handler === 'join') {
      const name = `s${++sessions}`
      keep(name)
      return { session: name, ttlMs: MEMBERSHIP_MS }
    }
    if (handler === 'leave') engine.members.delete(session)
    if (handler !== 'renew') return null
    if (!engine.members.has(session)) return null
    keep(session)
    return [...engine.members].map(one => ({ session: one, address: `${one}:1` }))
  }
  const engine: FleetEngine = {
    isAway: false,
    answersAfterMs: 0,
    members: new Set(),
    holders: new Map(),
    async call(place, input) {
      if (engine.isAway) throw new EngineAway('nobody answers')
      const found = answer(place, input)
      if (engine.answersAfterMs > 0) await new Promise<void>(resolve => clock.after(engine.answersAfterMs, resolve))
      return found
    },
    close: async () => {},
  }
  return engine
}
