import type { Quirks } from '../../simulator/mesh/quirks.ts'
import { REAL } from '../../simulator/mesh/quirks.ts'
import { FAULTS, runScenario, type ScenarioOptions } from '../../simulator/scenario.ts'
import { shrink } from '../../simulator/shrink.ts'
import { colours, print, printJson } from '../output.ts'

export type SimulateOptions = { readonly seeds: number; readonly seed?: number; readonly real: boolean; readonly json: boolean }

/** Every other seed goes without the faults after which order cannot be kept, so that order is checked, too. */
export const scenarioOf = (seed: number, quirks: Partial<Quirks>): ScenarioOptions => ({
  seed,
  quirks,
  faults: seed % 2 === 1 ? FAULTS : { ...FAULTS, agentRestart: 0, failedPost: 0 },
})

export async function simulate({ seeds, seed, real, json }: SimulateOptions): Promise<number> {
  const quirks = real ? REAL : {}
  const first = seed ?? 1
  const count = seed === undefined ? seeds : 1
  let messages = 0
  for (let next = first; next < first + count; next++) {
    const result = await runScenario(scenarioOf(next, quirks))
    messages += result.messages
    if (result.violations.length > 0) {
      const shrunk = await shrink(scenarioOf(next, quirks))
      if (json) printJson({ seed: next, ok: false, ...shrunk })
      else {
        const { steps = 40, users = 4 } = shrunk.options
        print(colours.red(`seed ${next} fails; shrunk to ${steps} messages of ${users} users:`))
        for (const violation of shrunk.result.violations) print(`  ${violation}`)
        for (const line of shrunk.result.trace) print(line)
        print(`Again: ztm-chat simulate --seed ${next}${real ? ' --real' : ''}`)
      }
      return 1
    }
    if (seed !== undefined && !json) for (const line of result.trace) print(line)
  }
  if (json) printJson({ ok: true, seeds: count, from: first, messages })
  else print(`${count} seeds from ${first}, ${messages} messages: each answered exactly once`)
  return 0
}
