import type { Clock } from '../../ports/clock.ts'

/** The machine's clock. Timers do not keep the process alive by themselves: whoever runs must hold something open. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
}
