/** Parent of the account's charts: one that fails is put back to where it was, after a rest, and asks for its effects again. */
import { backoffMs } from '../domain/backoff.ts'
import type { Limits } from '../domain/limits.ts'
import type { Log } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import { createNursery, type Nursery } from './nursery.ts'
import type { Timers } from './timers.ts'

/** A chart that keeps failing is tried again this often. */
const REST_MS_MAX = 5 * 60_000
/** One that runs for this long after its last failure has recovered. */
const RECOVERED_MS = 10 * 60_000

export type SupervisorOptions = {
  readonly id: string
  readonly random: Random
  readonly timers: Timers
  readonly log: Log
  readonly limits: Pick<Limits, 'reconnectMs'>
  /** What is in trouble, and why; null when it is not any more. */
  readonly trouble: (actorId: string, sentence: string | null) => void
  readonly recover: (actorId: string) => void
}

export function createSupervisor({ id, random, timers, log, limits, trouble, recover }: SupervisorOptions): Nursery {
  const failed = new Map<string, number>()
  return createNursery(id, (actorId, error) => {
    const failures = (failed.get(actorId) ?? 0) + 1
    failed.set(actorId, failures)
    const reason = error instanceof Error ? error.message : String(error)
    log.error({ actor: actorId, failures, err: error }, 'a chart failed')
    const times = failures === 1 ? 'once' : `${failures} times`
    trouble(actorId, `${actorId} failed ${times}, last with: ${reason}; it is tried again by itself. Please report it with the log.`)
    const delayMs = backoffMs({ failures, baseMs: limits.reconnectMs, maxMs: REST_MS_MAX, unit: random.unit() })
    timers.set(`recover:${actorId}`, delayMs, () => {
      timers.set(`recover:${actorId}`, RECOVERED_MS, () => {
        failed.delete(actorId)
        trouble(actorId, null)
      })
      recover(actorId)
    })
  })
}
