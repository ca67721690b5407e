import { availableParallelism } from 'node:os'
import { ALL_KINDS, type Counts, FAULT_KINDS, type FaultKind } from '../../simulator/faults.ts'
import { runSeeds } from '../../simulator/pool.ts'
import { type Plan, runScenario } from '../../simulator/scenario.ts'
import { type Shrunk, shrink } from '../../simulator/shrink.ts'
import { planOf } from '../../simulator/swarm.ts'
import { colours, counted, print, printJson } from '../output.ts'
import { UsageError } from '../usage-error.ts'

export type SimulateOptions = {
  readonly seeds: number
  readonly from: number
  readonly seed?: number
  readonly threads?: number
  /** Only with `seed`: a shrunk run. */
  readonly steps?: number
  readonly faults?: readonly string[]
  readonly real: boolean
  readonly json: boolean
}

export async function simulate(options: SimulateOptions): Promise<number> {
  const { seeds, from, seed, threads = availableParallelism(), real, json } = options
  if (seed !== undefined) return one(planFor(seed, options), json)
  if (options.steps !== undefined || options.faults !== undefined)
    throw new UsageError('--steps and --faults are for one run; name its seed with --seed.')
  const startedMs = performance.now()
  let messages = 0
  let failing: number | null = null
  const counts: Counts = {}
  await runSeeds({
    from,
    count: seeds,
    threads,
    real,
    onResult(summary) {
      messages += summary.messages
      for (const [what, times] of Object.entries(summary.counts)) counts[what] = (counts[what] ?? 0) + times
      if (summary.violations.length > 0) failing = summary.seed
      return failing === null
    },
  })
  const seconds = (performance.now() - startedMs) / 1_000
  if (failing !== null) return fails(planOf(failing, real), json)
  if (json) printJson({ ok: true, seeds, from, messages, seconds: Math.round(seconds * 10) / 10, counts })
  else {
    printCounts(counts)
    print(`${counted(seeds, 'seed')} from ${from}, ${messages} messages, 0 violations, in ${seconds.toFixed(1)} s`)
  }
  return 0
}

function planFor(seed: number, { steps, faults, real }: SimulateOptions): Plan {
  const plan = planOf(seed, real)
  const unknown = faults?.find(name => !ALL_KINDS.includes(name as FaultKind))
  if (unknown !== undefined) throw new UsageError(`There is no fault ${JSON.stringify(unknown)}; there are: ${ALL_KINDS.join(', ')}.`)
  const rates = faults ? Object.fromEntries(Object.entries(plan.rates).filter(([kind]) => faults.includes(kind))) : plan.rates
  return { ...plan, rates, steps: steps ?? plan.steps }
}

async function one(plan: Plan, json: boolean): Promise<number> {
  const result = await runScenario(plan)
  if (result.violations.length > 0) return fails(plan, json)
  if (json) printJson({ ok: true, ...result })
  else {
    for (const line of result.trace) print(line)
    print(`seed ${plan.seed}, ${result.messages} messages, 0 violations`)
  }
  return 0
}

async function fails(plan: Plan, json: boolean): Promise<number> {
  const shrunk: Shrunk = await shrink(plan, await runScenario(plan))
  const { steps, seed, real, rates } = shrunk.plan
  const again = `ztm-chat simulate --seed ${seed} --steps ${steps} --faults ${JSON.stringify(Object.keys(rates).join(','))}${real ? ' --real' : ''}`
  if (json) printJson({ ok: false, ...shrunk.result, again })
  else {
    for (const line of shrunk.result.trace) print(line)
    print(colours.red(`seed ${seed} fails; shrunk to ${steps} steps with ${Object.keys(rates).join(', ') || 'no faults'}:`))
    for (const violation of shrunk.result.violations) print(`  ${violation}`)
    print(`Again: ${again}`)
  }
  return 1
}

/** Kinds of faults first, then what they brought about. */
function printCounts(counts: Counts): void {
  const line = (what: string, meaning: string) => print(`${String(counts[what] ?? 0).padStart(9)}  ${what.padEnd(33)}${meaning}`)
  for (const [kind, meaning] of Object.entries(FAULT_KINDS)) line(kind, meaning)
  for (const what of Object.keys(counts)
    .filter(name => !(name in FAULT_KINDS))
    .sort())
    line(what, '')
}
