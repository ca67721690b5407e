import { ask, type BotOptions } from '../control/ask.ts'
import type { BotResults, FleetAccountStatus, KeptStatus, RunningStatus } from '../control/protocol.ts'
import { colours, counted, plain, print, printJson } from '../output.ts'
import { typed } from '../typed.ts'

export async function status(options: BotOptions): Promise<number> {
  const { result, isRunning } = await ask(options, { do: 'status', account: options.account ?? null })
  const { accounts, ...whole } = result
  if (options.json) {
    if ('fleet' in whole) printJson(whole)
    for (const account of accounts)
      printJson({ running: isRunning, ...('pid' in whole && whole), ...('fleet' in whole && { fleet: whole.fleet }), ...account })
    return 0
  }
  print(colours.dim(headOf(result, options)))
  if ('fleet' in result) warnOf(result.warnings)
  for (const account of accounts) 'counters' in account ? describe(account) : describeKept(account)
  return 0
}

function headOf(result: BotResults['status'], options: BotOptions): string {
  if ('pid' in result) return `running as process ${result.pid}`
  if ('fleet' in result) {
    const { fleet, feeders } = result
    return `a fleet on ${plain(fleet)}, ${feeders.length === 0 ? 'without a feeder that lives' : `with ${counted(feeders.length, 'feeder')}: ${plain(feeders.join(', '))}`}`
  }
  if (result.accounts.length > 0) return 'not running'
  return `not running, and never ran with this state directory; "${plain(typed('run', options))}" starts it`
}

function describeKept(account: KeptStatus | FleetAccountStatus): void {
  const { chats, outbox, uncertain, deadLetters, pendingPairings } = account
  print(
    `${colours.bold(account.account)}  ${counted(chats, 'chat')}, ${counted(outbox, 'reply', 'replies')} to send (${uncertain} uncertain), ${counted(deadLetters, 'dead letter')}, ${counted(pendingPairings, 'pairing request')}`,
  )
  if ('feeder' in account) describeFeeder(account)
  warnOf(account.warnings)
}

function describeFeeder({ feeder, state, sinceMs, reason }: FleetAccountStatus): void {
  const said = state === null || sinceMs === null ? '' : `, ${shownState(state)} since ${new Date(sinceMs).toLocaleString('sv')}`
  print(`  feeder    ${feeder === null ? colours.red('nobody has it') : plain(feeder)}${said}`)
  if (reason !== null) print(`  ${plain(reason)}`)
}

function warnOf(warnings: readonly string[]): void {
  for (const warning of warnings) print(`  ${colours.yellow('!')} ${plain(warning)}`)
}

const COLOURS: Readonly<Record<string, (text: string) => string>> = { live: colours.green, degraded: colours.yellow, blocked: colours.red }

const shownState = (state: RunningStatus['state']): string => (COLOURS[state] ?? colours.dim)(state)

export function describe(account: RunningStatus): void {
  const {
    state,
    sinceMs,
    reason,
    counters,
    chats,
    outbox,
    uncertain,
    pendingPairings,
    warnings,
    runningDispatches,
    waitingDispatches,
    deadLetters,
    feed,
    feedLagMs,
    selfHeal,
  } = account
  print(`${colours.bold(account.account)}  ${shownState(state)} since ${new Date(sinceMs).toLocaleString('sv')}`)
  if (reason !== null) print(`  ${plain(reason)}`)
  if (feed !== null)
    print(`  feed      ${feed}${feedLagMs === null ? '' : `, the last message file was read ${feedLagMs} ms after the hub had it`}`)
  if (selfHeal !== null)
    print(
      `  self-heal joined again ${counted(selfHeal.times, 'time')}, last ${new Date(selfHeal.lastAtMs).toLocaleString('sv')}: ${plain(selfHeal.lastReason)}`,
    )
  const ignored = Object.entries(counters.ignored).map(([why, count]) => `${count} ${why}`)
  print(`  messages  ${counters.seen} seen, ${counters.processed} processed${ignored.length > 0 ? `, ignored: ${ignored.join(', ')}` : ''}`)
  print(
    `  answers   ${runningDispatches} at the responder, ${waitingDispatches} waiting for it; ${outbox} to send (${uncertain} uncertain), ${counters.sent} sent, ${counters.repeatedPosts} posted again`,
  )
  print(`  chats     ${chats}; ${counted(pendingPairings, 'pairing request')}; ${counted(deadLetters, 'dead letter')}`)
  warnOf(warnings)
}
