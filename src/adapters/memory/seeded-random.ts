import type { Random } from '../../ports/random.ts'

/** The same seed gives the same numbers, on every machine (mulberry32). Not fit for secrets. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { unit, integer: below => Math.floor(unit() * below) }
}
