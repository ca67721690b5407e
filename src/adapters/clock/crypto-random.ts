import { randomInt } from 'node:crypto'
import type { Random } from '../../ports/random.ts'

const STEPS = 2 ** 47

export const cryptoRandom: Random = {
  unit: () => randomInt(STEPS) / STEPS,
  integer: below => randomInt(below),
}
