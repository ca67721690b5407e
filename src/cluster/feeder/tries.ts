/** What became of each try to post, for a while: whoever asks again about one gets the same answer, and nothing is posted for it. */
import type { Clock } from '../../ports/clock.ts'
import type { PostTry } from '../contracts.ts'

export interface Tries<Outcome> {
  /** `make` is called for a try that is new here; null: it is too old for anybody to tell whether it is. */
  once(tried: PostTry, make: () => Promise<Outcome>): Promise<Outcome> | null
}

/** Clocks of two machines differ by less than the difference of these two. */
const KEPT_MS = 20 * 60_000
const TOLD_MS = 10 * 60_000

export function createTries<Outcome>(clock: Clock): Tries<Outcome> {
  const outcomes = new Map<string, { readonly outcome: Promise<Outcome>; readonly atMs: number }>()
  return {
    once({ id, begunAtMs, isAgain }, make) {
      const known = outcomes.get(id)
      if (known) return known.outcome
      if (isAgain && clock.now() - begunAtMs > TOLD_MS) return null
      for (const [old, { atMs }] of outcomes) {
        if (clock.monotonic() - atMs < KEPT_MS) break
        outcomes.delete(old)
      }
      const outcome = make()
      outcomes.set(id, { outcome, atMs: clock.monotonic() })
      return outcome
    },
  }
}
