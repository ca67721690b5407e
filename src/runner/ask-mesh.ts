import { systemClock } from '../adapters/clock/system-clock.ts'
import { openAccountAgent } from '../adapters/ztm/account-agent.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import { complain } from './output.ts'

/** Somebody waits at a terminal. */
const ANSWER_MS_MAX = 10_000

/** What the account's agent says about its mesh; null, and a sentence for `tell`, when it does not. Works beside a runner. */
export async function askMesh<T>(
  settings: AccountSettings,
  ask: (agent: ZtmAgent) => Promise<T>,
  tell: (sentence: string) => void = complain,
): Promise<T | null> {
  try {
    const agent = openAccountAgent({ ...settings, apiTimeoutMs: Math.min(settings.apiTimeoutMs, ANSWER_MS_MAX) }, systemClock, null)
    try {
      return await ask(agent)
    } finally {
      await agent.close()
    }
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error))
    return null
  }
}
