import { systemClock } from '../../adapters/clock/system-clock.ts'
import type { StateOptions } from '../at-rest.ts'
import type { Finding, Level } from '../doctor/finding.ts'
import { lookAtBot } from '../doctor/look.ts'
import { colours, counted, plain, print, printJson } from '../output.ts'

/** For all of it: the agent of each account is asked some dozen questions. */
const LOOK_MS_MAX = 60_000

/** Tells what is wrong with a bot, running or not, and what to do. Returns 1 when something is. */
export async function doctor(options: StateOptions): Promise<number> {
  const { config, stateDir, account = null, json } = options
  const findings = await lookAtBot({ config, stateDir, account, clock: systemClock, signal: AbortSignal.timeout(LOOK_MS_MAX) })
  const problems = findings.filter(({ level }) => level === 'problem').length
  if (json) for (const finding of findings) printJson(finding)
  else {
    show(findings)
    const warnings = findings.filter(({ level }) => level === 'warning').length
    print('')
    print(
      problems + warnings === 0 ? colours.green('Nothing is wrong.') : `${counted(problems, 'problem')}, ${counted(warnings, 'warning')}.`,
    )
  }
  return problems > 0 ? 1 : 0
}

const MARKS: Readonly<Record<Level, (text: string) => string>> = {
  ok: colours.green,
  warning: colours.yellow,
  problem: colours.red,
  unknown: colours.dim,
}
const MARK_COLUMNS = 9
const CHECK_COLUMNS = 17

function show(findings: readonly Finding[]): void {
  for (const [account, own] of Map.groupBy(findings, finding => finding.account)) {
    if (account !== null) {
      print('')
      print(colours.bold(plain(account)))
    }
    for (const { level, check, message, remedy } of own) {
      print(`${MARKS[level](level.padEnd(MARK_COLUMNS))}${colours.dim(check.padEnd(CHECK_COLUMNS))}${plain(message)}`)
      if (remedy !== null) print(`${' '.repeat(MARK_COLUMNS + CHECK_COLUMNS)}→ ${plain(remedy)}`)
    }
  }
}
