/** Makes a failing run shorter: fewer kinds of faults, fewer steps, fewer users, as long as it still fails. */
import type { FaultKind } from './faults.ts'
import { type Plan, runScenario, type ScenarioResult } from './scenario.ts'

/** Runs that one shrinking may take. */
const RUNS_MAX = 120

export type Shrunk = { readonly plan: Plan; readonly result: ScenarioResult }

/** The kind of a violation: what is left of its sentence without names, texts and numbers. */
const kindOf = (violation: string): string => violation.replace(/"(?:[^"\\]|\\.)*"|\b\w*\d\w*\b/g, '…')

/** What it shrinks to fails in the same way, whatever else it does. */
export async function shrink(failing: Plan, result: ScenarioResult): Promise<Shrunk> {
  let best = { plan: failing, result }
  const kind = kindOf(result.violations[0] ?? '')
  let runs = 0
  const keeps = async (plan: Plan): Promise<boolean> => {
    if (runs >= RUNS_MAX) return false
    runs += 1
    const tried = await runScenario(plan)
    if (!tried.violations.some(violation => kindOf(violation) === kind)) return false
    best = { plan, result: tried }
    return true
  }

  for (let steps = Math.floor(best.plan.steps / 2); steps >= 1; steps = Math.floor(steps / 2)) {
    while (best.plan.steps > steps && (await keeps({ ...best.plan, steps: best.plan.steps - steps })));
  }
  for (const kind of Object.keys(failing.rates) as FaultKind[]) {
    const { [kind]: _, ...rates } = best.plan.rates
    await keeps({ ...best.plan, rates })
  }
  while (best.plan.steps > 1 && (await keeps({ ...best.plan, steps: best.plan.steps - 1 })));
  return best
}
