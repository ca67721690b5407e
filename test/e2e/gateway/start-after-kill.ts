import type { Gateway } from './gateway.ts'
import { until } from './until.ts'

const LIVE = /account state[^\n]{0,40}state=\\?"live/g
const SUPPRESSED = /channel autostart suppressed by crash-loop breaker/g
/** On busy cores. */
const CHANNEL_MS_MAX = 10 * 60_000

/**
 * Starts the gateway, and these accounts when the host does not: after three unclean ends within five minutes, whichever test had them,
 * it waits for a person to do that. Says whether it had to.
 */
export async function startAfterKill(gateway: Gateway, accounts: readonly string[]): Promise<boolean> {
  const seen = async (what: RegExp) => ((await gateway.log()).match(what) ?? []).length
  const before = { live: await seen(LIVE), suppressed: await seen(SUPPRESSED) }
  await gateway.start()
  const isSuppressed = await until(
    'the channel starts, or the host says that it does not',
    async () => ((await seen(SUPPRESSED)) > before.suppressed ? 'yes' : (await seen(LIVE)) > before.live && 'no'),
    CHANNEL_MS_MAX,
    async () => (await gateway.log()).slice(-8_000),
  )
  if (isSuppressed === 'no') return false
  for (const accountId of accounts)
    await gateway.must('gateway', 'call', 'channels.start', '--params', JSON.stringify({ channel: 'ztm-chat', accountId }))
  return true
}
