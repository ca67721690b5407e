import { systemClock } from '../../adapters/clock/system-clock.ts'
import { shownName } from '../../domain/shown.ts'
import { ask, type BotOptions } from '../control/ask.ts'
import type { PendingPairing } from '../control/protocol.ts'
import { print, printJson, printRows } from '../output.ts'

const MINUTE_MS = 60_000

export async function listPairings(options: BotOptions): Promise<number> {
  const { result } = await ask(options, { do: 'pairing.list', account: options.account ?? null })
  showPairings(result, options.json)
  return 0
}

export function showPairings(pending: readonly PendingPairing[], asJson: boolean): void {
  if (asJson) {
    for (const request of pending) printJson(request)
  } else if (pending.length === 0) print('Nobody waits to be let in.')
  else {
    const rows = pending.map(({ code, user, account, held, expiresAtMs }) => [
      code,
      shownName(user),
      account,
      String(held),
      `${Math.max(1, Math.round((expiresAtMs - systemClock.now()) / MINUTE_MS))} min`,
    ])
    printRows(['CODE', 'USER', 'ACCOUNT', 'MESSAGES', 'EXPIRES IN'], rows)
  }
}

/** Takes the word of an approval back. */
export async function revokePairing(user: string, options: BotOptions): Promise<number> {
  const { result, isRunning } = await ask(options, { do: 'pairing.revoke', account: options.account ?? null, user })
  for (const one of result) {
    if (options.json) printJson({ ...one, state: 'revoked', running: isRunning })
    else print(`${shownName(one.user)} is a stranger again (account ${one.account}), unless allowFrom or dmPolicy lets them in.`)
  }
  return 0
}

export async function endPairing(how: 'approve' | 'reject', code: string, options: BotOptions): Promise<number> {
  const { result: ended, isRunning } = await ask<`pairing.${typeof how}`>(options, {
    do: `pairing.${how}`,
    account: options.account ?? null,
    code,
  })
  if (options.json) {
    printJson({ ...ended, state: how === 'approve' ? 'approved' : 'rejected', running: isRunning })
    return 0
  }
  const when = isRunning ? 'now' : 'at the next start'
  if (how === 'approve') print(`${shownName(ended.user)} is approved (account ${ended.account}); what they wrote is answered ${when}.`)
  else print(`${shownName(ended.user)} is rejected (account ${ended.account}); what they wrote stays unanswered.`)
  return 0
}
