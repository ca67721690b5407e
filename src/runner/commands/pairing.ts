import { systemClock } from '../../adapters/clock/system-clock.ts'
import { shownName } from '../../domain/shown.ts'
import { atRestOf, type StateOptions } from '../at-rest.ts'
import { askRunner } from '../control/client.ts'
import { endPairingAtRest, pairingsAtRest, revokeAtRest } from '../control/offline.ts'
import type { PendingPairing } from '../control/protocol.ts'
import { print, printJson, printRows } from '../output.ts'

const MINUTE_MS = 60_000

export async function listPairings(options: StateOptions): Promise<number> {
  const account = options.account ?? null
  const pending = (await askRunner(options.stateDir, { do: 'pairing.list', account })) ?? (await pairingsAtRest(await atRestOf(options)))
  showPairings(pending, options.json)
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
export async function revokePairing(user: string, options: StateOptions): Promise<number> {
  const { stateDir, account = null } = options
  const online = await askRunner(stateDir, { do: 'pairing.revoke', account, user })
  const revoked = online ?? (await revokeAtRest(await atRestOf(options), user))
  for (const one of revoked) {
    if (options.json) printJson({ ...one, state: 'revoked', running: online !== null })
    else print(`${shownName(one.user)} is a stranger again (account ${one.account}), unless allowFrom or dmPolicy lets them in.`)
  }
  return 0
}

export async function endPairing(how: 'approve' | 'reject', code: string, options: StateOptions): Promise<number> {
  const { stateDir, account = null } = options
  const online =
    how === 'approve'
      ? await askRunner(stateDir, { do: 'pairing.approve', account, code })
      : await askRunner(stateDir, { do: 'pairing.reject', account, code })
  const ended = online ?? (await endPairingAtRest(await atRestOf(options), how, code))
  if (options.json) {
    printJson({ ...ended, state: how === 'approve' ? 'approved' : 'rejected', running: online !== null })
    return 0
  }
  const when = online ? 'now' : 'at the next start'
  if (how === 'approve') print(`${shownName(ended.user)} is approved (account ${ended.account}); what they wrote is answered ${when}.`)
  else print(`${shownName(ended.user)} is rejected (account ${ended.account}); what they wrote stays unanswered.`)
  return 0
}
