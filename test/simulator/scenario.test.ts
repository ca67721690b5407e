import { describe, expect, test } from 'vitest'
import { REAL } from '../../src/simulator/mesh/quirks.ts'
import { FAULTS, runScenario } from '../../src/simulator/scenario.ts'

const count = Number(process.env['SEEDS'] ?? 30)
const faultsOf = (seed: number) => (seed % 2 ? FAULTS : { ...FAULTS, agentRestart: 0, failedPost: 0 })

describe('every message is answered exactly once, in order', () => {
  const seeds = Array.from({ length: count }, (_, n) => n + 1)
  test.each(seeds)('seed %i', async seed => {
    const { violations, trace } = await runScenario({ seed, faults: faultsOf(seed) })
    expect(violations, trace.join('\n')).toEqual([])
  })
})

describe('every message that a real mesh has is answered exactly once, whatever its chat app loses', () => {
  const seeds = [
    ...Array.from({ length: Math.ceil(count / 4) }, (_, n) => n + 1),
    376, // the rights to a new conversation came late: its first two messages were answered the wrong way round
  ]
  test.each(seeds)('seed %i', async seed => {
    const { violations, trace } = await runScenario({ seed, quirks: REAL, faults: faultsOf(seed) })
    expect(violations, trace.join('\n')).toEqual([])
  })
})

test('the same seed gives the same trace, line for line', async () => {
  const [one, other] = [await runScenario({ seed: 5, steps: 15 }), await runScenario({ seed: 5, steps: 15 })]

  expect(one.trace).toEqual(other.trace)
  expect(one.trace.length).toBeGreaterThan(30)
})
