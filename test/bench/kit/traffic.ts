/** Messages that are written, and how long each waits for its answer. */
import { createHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds from the moment a message is on the mesh to the moment its answer is posted. */
export type Waits = { readonly p50: number; readonly p99: number; readonly max: number; readonly count: number; readonly seconds: number }

export interface Traffic {
  /** The text of a message of which the answer is awaited from now on. */
  text(): string
  /** An answer was posted: the echo of what was written. */
  answered(text: string): void
  /** Rejects when the answers do not come. */
  allAnswered(limitMs: number): Promise<void>
  /** At most this many are without an answer. */
  fewerThan(open: number): Promise<void>
  waits(): Waits
}

const NUMBER = /#(\d+)\./

export function createTraffic(): Traffic {
  const histogram = createHistogram()
  const open = new Map<number, number>()
  let wake = () => {}
  let last = 0
  let beganAt = 0
  let endedAt = 0
  return {
    text() {
      const number = ++last
      beganAt ||= performance.now()
      open.set(number, performance.now())
      return `How is the weather? This is message #${number}. It is of common length.`
    },
    answered(text) {
      const number = Number(NUMBER.exec(text)?.[1])
      const at = open.get(number)
      if (at === undefined) return
      endedAt = performance.now()
      histogram.record(Math.max(1, Math.round((endedAt - at) * 1000)))
      open.delete(number)
      wake()
    },
    async allAnswered(limitMs) {
      const endAt = performance.now() + limitMs
      while (open.size > 0) {
        if (performance.now() > endAt) throw new Error(`${open.size} of ${last} messages were not answered within ${limitMs / 1000} s.`)
        await sleep(5)
      }
    },
    async fewerThan(most) {
      while (open.size >= most) await new Promise<void>(resolve => (wake = resolve))
    },
    waits: () => ({
      p50: histogram.percentile(50) / 1000,
      p99: histogram.percentile(99) / 1000,
      max: histogram.max / 1000,
      count: histogram.count,
      seconds: (endedAt - beganAt) / 1000,
    }),
  }
}
