/** Parent of the account's charts: one that fails is put back to where it was, after a rest, and asks for its effects again. */
import { backoffMs } from '../domain/backoff.ts'
import type { Limits } from '../domain/limits.ts'
import type { Log } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import { createNursery, type Nursery } from './nursery.ts'
import type { Timers } from './timers.ts'

/** A chart that fails this often in a row stays where it is, until its next event. */
const RECOVERIES_MAX = 5

export type SupervisorOptions = {
  readonly id: string
  readonly random: Random
  readonly timers: Timers
  readonly log: Log
  readonly limits: Pick<Limits, 'reconnectMs' | 'reconnectMsMax'>
  readonly warn: (sentence: string) => void
  readonly recover: (actorId: string) => void
}

export function createSupervisor({ id, random, timers, log, limits, warn, recover }: SupervisorOptions): Nursery {
  const failed = new Map<string, number>()
  return createNursery(id, (actorId, error) => {
    const failures = (failed.get(actorId) ?? 0) + 1
    failed.set(actorId, failures)
    log.error({ actor: actorId, failures, err: error }, 'a chart failed')
    warn(`${actorId} failed ${failures} times, last with: ${error instanceof Error ? error.message : String(error)}`)
    if (failures > RECOVERIES_MAX) return
    const delayMs = backoffMs({ failures, baseMs: limits.reconnectMs, maxMs: limits.reconnectMsMax, unit: random.unit() })
    timers.set(`recover:${actorId}`, delayMs, () => recover(actorId))
  })
}
