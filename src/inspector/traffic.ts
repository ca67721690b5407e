/** Rates and latencies of one account, from what the runtime tells. Bounded, and cheap: it goes on while the server runs. */
import type { RuntimeEvent } from '../runtime/runtime.ts'
import type { Quantiles } from './protocol.ts'

const SECONDS = 60
/** Newest latencies that count. */
const SAMPLES = 500
/** Messages under way that are timed. */
const UNDER_WAY_MAX = 10_000

export interface Traffic {
  note(event: RuntimeEvent): void
  perSecond(nowMs: number): { readonly decided: readonly number[]; readonly confirmed: readonly number[] }
  latency(): { readonly dispatched: Quantiles; readonly posted: Quantiles; readonly confirmed: Quantiles }
}

export function createTraffic(): Traffic {
  const decided = createRate()
  const confirmed = createRate()
  const latencies = { dispatched: createSamples(), posted: createSamples(), confirmed: createSamples() }
  const decidedAtMs = new Map<string, number>()

  const time = (of: keyof typeof latencies, id: string, atMs: number) => {
    const fromMs = decidedAtMs.get(id)
    if (fromMs !== undefined) latencies[of].add(atMs - fromMs)
  }
  const messageOf = (key: string) => /^(.*)#0$/s.exec(key)?.[1] ?? ''

  return {
    note(event) {
      switch (event.event) {
        case 'decision': {
          decided.add(event.atMs)
          if (event.action !== 'process') return
          decidedAtMs.set(event.id, event.atMs)
          const [oldest] = decidedAtMs.keys()
          if (decidedAtMs.size > UNDER_WAY_MAX && oldest !== undefined) decidedAtMs.delete(oldest)
          return
        }
        case 'dispatch':
          if (event.attempt === 1) time('dispatched', event.id, event.atMs)
          return
        case 'posted':
          return time('posted', messageOf(event.key), event.atMs)
        case 'sent': {
          const id = messageOf(event.key)
          confirmed.add(event.atMs)
          time('confirmed', id, event.atMs)
          decidedAtMs.delete(id)
          return
        }
        default:
      }
    },
    perSecond: nowMs => ({ decided: decided.seconds(nowMs), confirmed: confirmed.seconds(nowMs) }),
    latency: () => ({
      dispatched: latencies.dispatched.quantiles(),
      posted: latencies.posted.quantiles(),
      confirmed: latencies.confirmed.quantiles(),
    }),
  }
}

function createRate() {
  const counts = new Map<number, number>()
  const second = (atMs: number) => Math.floor(atMs / 1_000)
  return {
    add(atMs: number) {
      const now = second(atMs)
      counts.set(now, (counts.get(now) ?? 0) + 1)
      const [oldest] = counts.keys()
      if (counts.size > 2 * SECONDS && oldest !== undefined) counts.delete(oldest)
    },
    /** The second under way is left out: it is not full yet. */
    seconds: (nowMs: number) => Array.from({ length: SECONDS }, (_, at) => counts.get(second(nowMs) - SECONDS + at) ?? 0),
  }
}

function createSamples() {
  const samples: number[] = []
  let next = 0
  return {
    add(ms: number) {
      samples[next] = ms
      next = (next + 1) % SAMPLES
    },
    quantiles(): Quantiles {
      if (samples.length === 0) return null
      const sorted = samples.toSorted((one, other) => one - other)
      const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
      return { p50: at(0.5), p95: at(0.95) }
    },
  }
}
