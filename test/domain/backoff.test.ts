import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BACKOFF_MS_MIN, backoffMs } from '../../src/domain/backoff.ts'

const top = 1 - Number.EPSILON

test.each([
  { failures: 1, unit: top, expected: 499 },
  { failures: 2, unit: top, expected: 999 },
  { failures: 3, unit: 0.5, expected: 1_000 },
  { failures: 6, unit: top, expected: 15_999 },
  { failures: 7, unit: top, expected: 29_999 },
  { failures: 7, unit: 0.5, expected: 15_000 },
  { failures: 100_000, unit: 0.5, expected: 15_000 },
  { failures: 0, unit: 0.5, expected: 250 },
  { failures: 9, unit: 0, expected: BACKOFF_MS_MIN },
])('after $failures failures with dice at $unit the wait is $expected ms', ({ failures, unit, expected }) => {
  expect(backoffMs({ failures, baseMs: 500, maxMs: 30_000, unit })).toBe(expected)
})

test('a wait is never below the minimum, never above the ceiling, and a whole number', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 60_000 }),
      fc.integer({ min: 1, max: 3_600_000 }),
      fc.double({ min: 0, max: top, noNaN: true }),
      (failures, baseMs, maxMs, unit) => {
        const waitMs = backoffMs({ failures, baseMs, maxMs, unit })
        expect(Number.isInteger(waitMs)).toBe(true)
        expect(waitMs).toBeGreaterThanOrEqual(BACKOFF_MS_MIN)
        expect(waitMs).toBeLessThanOrEqual(Math.max(BACKOFF_MS_MIN, maxMs))
      },
    ),
  )
})
