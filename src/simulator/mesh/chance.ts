import type { Random } from '../../ports/random.ts'
import type { Range } from './quirks.ts'

/** A whole number of the range; a range of one value uses up no randomness. */
export const between = (random: Random, [min, max]: Range): number => (max <= min ? min : min + random.integer(max - min + 1))

/** Looks like a UUID of version 4. */
export function uuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.integer(16).toString(16)).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
}
