/** Everything that can be wrong with a bot, looked at in one go. Nothing is changed, and nothing has to run. */
import { openAccountAgent } from '../../adapters/ztm/account-agent.ts'
import { ConfigInvalid, sentenceOf } from '../../domain/errors.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Clock } from '../../ports/clock.ts'
import { loadConfigFile } from '../config-file.ts'
import { counted } from '../output.ts'
import { typedIn } from '../typed.ts'
import { lookAtAgent } from './agent.ts'
import { type Finding, findingsOf } from './finding.ts'
import { lookAtNames } from './names.ts'
import { peopleOf } from './people.ts'
import { lookAtPermit } from './permit.ts'
import { lookAtRunner, lookAtState, lookAtStateDir } from './state.ts'

/** One question to the agent; somebody waits at a terminal. */
const ANSWER_MS_MAX = 10_000

export type LookOptions = {
  readonly config: string
  readonly stateDir: string
  readonly account: string | null
  readonly clock: Clock
  readonly signal: AbortSignal
}

export async function lookAtBot(options: LookOptions): Promise<readonly Finding[]> {
  const findings = await lookEverywhere(options)
  return findings.map(finding => ({
    ...finding,
    message: typedIn(finding.message, options),
    remedy: finding.remedy && typedIn(finding.remedy, options),
  }))
}

async function lookEverywhere({ config, stateDir, account, clock, signal }: LookOptions): Promise<readonly Finding[]> {
  const { accounts, findings } = await lookAtConfig(config, account)
  const runner = await lookAtRunner(stateDir)
  const own = await Promise.all(
    accounts.map(async settings => [
      ...(runner.isRunning ? [] : await lookAtState(stateDir, settings)),
      ...(await lookAtAccount({ ...settings, apiTimeoutMs: Math.min(settings.apiTimeoutMs, ANSWER_MS_MAX) }, clock, signal)),
    ]),
  )
  return [...findings, ...(await lookAtStateDir(stateDir)), ...runner.findings, ...own.flat()]
}

async function lookAtConfig(
  path: string,
  only: string | null,
): Promise<{ readonly accounts: readonly AccountSettings[]; readonly findings: readonly Finding[] }> {
  const { ok, warning, problem } = findingsOf(null)
  try {
    const { accounts, warnings } = await loadConfigFile(path)
    const chosen = accounts.filter(({ id }) => only === null || id === only.toLowerCase())
    const enabled = chosen.filter(each => each.enabled)
    const findings = [
      enabled.length > 0
        ? ok('config', `${path} is good; ${counted(enabled.length, 'account is', 'accounts are')} enabled.`)
        : problem('config', `${path} has no such account that is enabled.`, 'Set enabled to true, or name another --account.'),
      ...warnings.map(message => warning('config', message, 'Correct it in the config.')),
      ...chosen.filter(each => !each.enabled).map(({ id }) => findingsOf(id).ok('config', 'The account is not enabled.')),
    ]
    return { accounts: enabled, findings }
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    return { accounts: [], findings: error.problems.map(sentence => problem('config', sentence, null)) }
  }
}

async function lookAtAccount(settings: AccountSettings, clock: Clock, signal: AbortSignal): Promise<readonly Finding[]> {
  const { problem } = findingsOf(settings.id)
  try {
    const agent = openAccountAgent(settings, clock, null)
    try {
      const look = await lookAtAgent(agent, settings, clock, signal)
      const names = look.isUsable
        ? await peopleOf(agent, settings, signal).then(
            people => lookAtNames(settings, people),
            error => [problem('names', sentenceOf(error), 'Restart the ZTM agent when this does not pass.')],
          )
        : []
      return [...look.findings, ...names, ...(await lookAtPermit(settings, look.isJoined, clock, signal))]
    } finally {
      await agent.close()
    }
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    return [...error.problems.map(sentence => problem('config', sentence, null))]
  }
}
