import { describe, expect, test } from 'vitest'
import { FAULTS, runScenario } from '../../src/simulator/scenario.ts'

describe('every message is answered exactly once, in order', () => {
  const seeds = Array.from({ length: Number(process.env['SEEDS'] ?? 40) }, (_, n) => n + 1)
  test.each(seeds)('seed %i', async seed => {
    const { violations, trace } = await runScenario({ seed, faults: seed % 2 ? FAULTS : { ...FAULTS, agentRestart: 0, failedPost: 0 } })
    expect(violations, trace.join('\n')).toEqual([])
  })
})
