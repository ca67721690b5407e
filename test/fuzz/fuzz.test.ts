import { afterAll, describe, expect, test } from 'vitest'
import { corpusNames } from './target.ts'
import { closeTargets, TARGETS } from './targets.ts'

afterAll(closeTargets)

/** A finding prints its seed; `npm run fuzz -- --seed N --only NAME` repeats it. What it found goes into the corpus. */
describe('whatever it is given, it says what is wrong, and nothing breaks:', () => {
  test.each(TARGETS.map(target => [target.name, target] as const))('%s', async (_, target) => {
    await target.fuzz({ runs: target.runs, seed: Date.now() % 1_000_000, onRun: () => {} })
  })
})

test('every kept input belongs to a parser', () => {
  const names = TARGETS.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const name of corpusNames()) expect(names).toContain(name)
})
