import type { Clock } from '../../ports/clock.ts'

type Timer = { dueMs: number; order: number; run: () => void }

/** A clock that moves only when told to. Timers due at the same moment run in the order in which they were set. */
export interface VirtualClock extends Clock {
  /**
   * Moves time on by `ms`, running every timer on the way, and lets all promises settle in between.
   * Rejects when more than `timersMax` (default 1,000,000) timers run: something keeps itself busy.
   */
  advance(ms: number, timersMax?: number): Promise<void>
  /** Runs what is due now, and all promises. Time does not move. */
  drain(): Promise<void>
  /** Makes the wall clock jump; monotonic time and timers do not notice. */
  jump(ms: number): void
  /** Timers set and not yet run: a runtime that was stopped leaves none. */
  pending(): number
  /** Monotonic ms until the next timer, or null when there is none. */
  nextInMs(): number | null
}

export function createVirtualClock(startMs: number): VirtualClock {
  const timers = new Set<Timer>()
  let elapsedMs = 0
  let skewMs = 0
  let order = 0

  const next = (): Timer | undefined => {
    let first: Timer | undefined
    for (const timer of timers) {
      if (!first || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order)) first = timer
    }
    return first
  }
  // A turn of the event loop: every promise that can settle has settled after it.
  const settlePromises = () => new Promise<void>(resolve => setImmediate(resolve))

  return {
    now: () => startMs + elapsedMs + skewMs,
    monotonic: () => elapsedMs,
    after(delayMs, run) {
      const timer = { dueMs: elapsedMs + Math.max(0, delayMs), order: order++, run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async advance(ms, timersMax = 1_000_000) {
      const untilMs = elapsedMs + ms
      await settlePromises()
      for (let fired = 0; ; fired++) {
        const timer = next()
        if (!timer || timer.dueMs > untilMs) break
        if (fired >= timersMax) throw new Error(`The virtual clock ran ${timersMax} timers within ${ms} ms: something keeps itself busy.`)
        timers.delete(timer)
        elapsedMs = Math.max(elapsedMs, timer.dueMs)
        timer.run()
        await settlePromises()
      }
      elapsedMs = untilMs
    },
    async drain() {
      await this.advance(0)
    },
    jump(ms) {
      skewMs += ms
    },
    pending: () => timers.size,
    nextInMs: () => {
      const timer = next()
      return timer ? timer.dueMs - elapsedMs : null
    },
  }
}
