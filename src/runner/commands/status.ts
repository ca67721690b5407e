import { atRestOf, type StateOptions } from '../at-rest.ts'
import { askRunner } from '../control/client.ts'
import { eachAtRest } from '../control/offline.ts'
import type { RunningStatus } from '../control/protocol.ts'
import { colours, counted, plain, print, printJson } from '../output.ts'
import { typed } from '../typed.ts'

export async function status(options: StateOptions): Promise<number> {
  const running = await askRunner(options.stateDir, { do: 'status', account: options.account ?? null })
  if (running) {
    if (!options.json) print(colours.dim(`running as process ${running.pid}`))
    for (const account of running.accounts) {
      if (options.json) printJson({ running: true, pid: running.pid, ...account })
      else describe(account)
    }
    return 0
  }
  const resting = await eachAtRest(await atRestOf(options), ({ id, chatCount, outbox, uncertain, deadLetters, problems, pairings }) => ({
    account: id,
    chats: chatCount,
    outbox,
    uncertain,
    deadLetters: deadLetters().length,
    pendingPairings: pairings().length,
    warnings: problems,
  }))
  if (!options.json)
    print(
      colours.dim(
        resting.length === 0
          ? `not running, and never ran with this state directory; "${plain(typed('run', options))}" starts it`
          : 'not running',
      ),
    )
  for (const account of resting) {
    if (options.json) printJson({ running: false, ...account })
    else {
      const { chats, outbox, uncertain, deadLetters, pendingPairings } = account
      print(
        `${colours.bold(account.account)}  ${counted(chats, 'chat')}, ${counted(outbox, 'reply', 'replies')} to send (${uncertain} uncertain), ${counted(deadLetters, 'dead letter')}, ${counted(pendingPairings, 'pairing request')}`,
      )
      for (const warning of account.warnings) print(`  ${colours.yellow('!')} ${plain(warning)}`)
    }
  }
  return 0
}

const COLOURS: Readonly<Record<string, (text: string) => string>> = { live: colours.green, degraded: colours.yellow, blocked: colours.red }

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
  const shown = (COLOURS[state] ?? colours.dim)(state)
  print(`${colours.bold(account.account)}  ${shown} since ${new Date(sinceMs).toLocaleString('sv')}`)
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
  for (const warning of warnings) print(`  ${colours.yellow('!')} ${plain(warning)}`)
}
