import { nextTick } from 'node:process'
import type { Clock } from '../../ports/clock.ts'

type Timer = { readonly dueMs: number; readonly order: number; run: (() => void) | null }

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
  const timers = createQueue()
  let elapsedMs = 0
  let skewMs = 0
  let order = 0
  let pending = 0

  // A turn of the event loop, for what comes from outside of this thread of promises.
  const turn = () => new Promise<void>(resolve => setImmediate(resolve))
  // Node runs a tick that was asked for by a promise when no promise is left that can settle; a turn of the loop costs ten times as much.
  const settlePromises = () => new Promise<void>(resolve => nextTick(resolve))

  return {
    now: () => startMs + elapsedMs + skewMs,
    monotonic: () => elapsedMs,
    after(delayMs, run) {
      const timer: Timer = { dueMs: elapsedMs + Math.max(0, delayMs), order: order++, run }
      timers.add(timer)
      pending += 1
      return () => {
        if (timer.run === null) return
        timer.run = null
        pending -= 1
      }
    },
    async advance(ms, timersMax = 1_000_000) {
      const untilMs = elapsedMs + ms
      await turn()
      for (let fired = 0; ; fired++) {
        const timer = timers.first()
        if (!timer || timer.dueMs > untilMs) break
        if (fired >= timersMax) throw new Error(`The virtual clock ran ${timersMax} timers within ${ms} ms: something keeps itself busy.`)
        timers.removeFirst()
        elapsedMs = Math.max(elapsedMs, timer.dueMs)
        const { run } = timer
        timer.run = null
        pending -= 1
        run?.()
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
    pending: () => pending,
    nextInMs: () => {
      const timer = timers.first()
      return timer ? timer.dueMs - elapsedMs : null
    },
  }
}

/** A binary heap by due time and order. Cancelled timers stay in it until they come to the top. */
function createQueue() {
  const heap: Timer[] = []
  const isBefore = (one: Timer, other: Timer) => one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order)

  const removeFirst = () => {
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }

  return {
    add(timer: Timer) {
      let at = heap.length
      for (let parent = (at - 1) >> 1; at > 0 && isBefore(timer, heap[parent]!); parent = (at - 1) >> 1) {
        heap[at] = heap[parent]!
        at = parent
      }
      heap[at] = timer
    },
    /** The next that was not cancelled. */
    first(): Timer | undefined {
      while (heap[0] && heap[0].run === null) removeFirst()
      return heap[0]
    },
    removeFirst,
  }
}
