/** Makes a failing run shorter: fewer steps, fewer users, fewer kinds of faults, as long as it still fails. */
import { FAULTS, type FaultRates, runScenario, type ScenarioOptions, type ScenarioResult } from './scenario.ts'

/** Runs that one shrinking may take. */
const RUNS_MAX = 60

export async function shrink(failing: ScenarioOptions): Promise<{ readonly options: ScenarioOptions; readonly result: ScenarioResult }> {
  let best = failing
  let result = await runScenario(failing)
  let runs = 1
  const keeps = async (candidate: ScenarioOptions): Promise<boolean> => {
    if (runs >= RUNS_MAX) return false
    runs += 1
    const tried = await runScenario(candidate)
    if (tried.violations.length === 0) return false
    best = candidate
    result = tried
    return true
  }

  for (const kind of Object.keys(FAULTS) as (keyof FaultRates)[]) {
    await keeps({ ...best, faults: { ...(best.faults ?? FAULTS), [kind]: 0 } })
  }
  for (let steps = Math.floor((best.steps ?? 40) / 2); steps >= 1; steps = Math.floor(steps / 2)) {
    while ((best.steps ?? 40) > steps && (await keeps({ ...best, steps: (best.steps ?? 40) - steps })));
  }
  while ((best.users ?? 4) > 1 && (await keeps({ ...best, users: (best.users ?? 4) - 1 })));
  return { options: best, result }
}
