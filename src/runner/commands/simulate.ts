import { availableParallelism } from 'node:os'
import { REAL } from '../../simulator/mesh/quirks.ts'
import { runSeeds, scenarioOf } from '../../simulator/pool.ts'
import { runScenario } from '../../simulator/scenario.ts'
import { shrink } from '../../simulator/shrink.ts'
import { colours, print, printJson } from '../output.ts'

export type SimulateOptions = {
  readonly seeds: number
  readonly from: number
  readonly seed?: number
  readonly threads?: number
  readonly real: boolean
  readonly json: boolean
}

export async function simulate({ seeds, from, seed, threads = availableParallelism(), real, json }: SimulateOptions): Promise<number> {
  const quirks = real ? REAL : {}
  if (seed !== undefined) {
    const result = await runScenario(scenarioOf(seed, quirks))
    if (result.violations.length > 0) return fails(seed, { real, json })
    if (json) printJson({ ok: true, seeds: 1, from: seed, messages: result.messages, trace: result.trace })
    else {
      for (const line of result.trace) print(line)
      print(`seed ${seed}, ${result.messages} messages: each answered exactly once`)
    }
    return 0
  }

  let messages = 0
  let failing: number | null = null
  await runSeeds({
    from,
    count: seeds,
    threads,
    quirks,
    onResult(summary) {
      messages += summary.messages
      if (summary.violations.length > 0) failing = summary.seed
      return failing === null
    },
  })
  if (failing !== null) return fails(failing, { real, json })
  if (json) printJson({ ok: true, seeds, from, messages })
  else print(`${seeds} seeds from ${from}, ${messages} messages: each answered exactly once`)
  return 0
}

async function fails(seed: number, { real, json }: Pick<SimulateOptions, 'real' | 'json'>): Promise<number> {
  const shrunk = await shrink(scenarioOf(seed, real ? REAL : {}))
  if (json) printJson({ seed, ok: false, ...shrunk })
  else {
    const { steps = 40, users = 4 } = shrunk.options
    print(colours.red(`seed ${seed} fails; shrunk to ${steps} messages of ${users} users:`))
    for (const violation of shrunk.result.violations) print(`  ${violation}`)
    for (const line of shrunk.result.trace) print(line)
    print(`Again: ztm-chat simulate --seed ${seed}${real ? ' --real' : ''}`)
  }
  return 1
}
