import { systemClock } from '../../adapters/clock/system-clock.ts'
import { shownChat } from '../../domain/shown.ts'
import { atRestOf, type StateOptions } from '../at-rest.ts'
import { askRunner } from '../control/client.ts'
import { type Settlement, unknownLetter } from '../control/letters.ts'
import { lettersAtRest, settleAtRest } from '../control/offline.ts'
import { ControlRefused, IDS_MAX, type KeptLetter } from '../control/protocol.ts'
import { plain, print, printJson, printRows } from '../output.ts'
import { UsageError } from '../usage-error.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export async function listLetters(options: StateOptions): Promise<number> {
  const account = options.account ?? null
  const letters = (await askRunner(options.stateDir, { do: 'deadletter.list', account })) ?? (await lettersAtRest(await atRestOf(options)))
  showLetters(letters, options.json)
  return 0
}

export type SettleOptions = StateOptions & { readonly all: boolean }

export async function endLetters(how: Settlement, id: string | undefined, options: SettleOptions): Promise<number> {
  if ((id === undefined) !== options.all) {
    throw new UsageError(`Say which dead letter: "ztm-chat deadletter ${how} ID", or "ztm-chat deadletter ${how} --all" for all of them.`)
  }
  const online = await settleAtRunner(how, id, options)
  const settled = online ?? (await settleAtRest(await atRestOf(options), how, id === undefined ? null : [id]))
  if (settled.length === 0 && id !== undefined) throw new ControlRefused(unknownLetter(id))
  if (options.json) {
    for (const letter of settled) printJson({ ...letter, state: how === 'retry' ? 'retried' : 'dropped', running: online !== null })
    return 0
  }
  if (settled.length === 0) print('There are no dead letters.')
  const fate = how === 'drop' ? 'dropped' : online ? 'tried again now' : 'tried again at the next start'
  for (const { kind, id, chat, account } of settled)
    print(`The ${kind} ${plain(id)} of ${shownChat(chat)} is ${fate} (account ${account}).`)
  return 0
}

/** Null when nobody runs. */
async function settleAtRunner(how: Settlement, id: string | undefined, options: SettleOptions): Promise<readonly KeptLetter[] | null> {
  const { stateDir, account = null } = options
  const ask = (account: string | null, ids: readonly string[]) => {
    const request = { account, ids: [...ids] }
    return how === 'retry'
      ? askRunner(stateDir, { do: 'deadletter.retry', ...request })
      : askRunner(stateDir, { do: 'deadletter.drop', ...request })
  }
  if (id !== undefined) return ask(account, [id])
  const letters = await askRunner(stateDir, { do: 'deadletter.list', account })
  if (letters === null) return null
  const settled: KeptLetter[] = []
  for (const [owner, owned] of Map.groupBy(letters, letter => letter.account)) {
    for (let at = 0; at < owned.length; at += IDS_MAX) {
      const done = await ask(
        owner,
        owned.slice(at, at + IDS_MAX).map(letter => letter.id),
      )
      if (done === null) {
        throw new ControlRefused(`The runner ended after ${settled.length} of ${letters.length} dead letters; do the same again.`)
      }
      settled.push(...done)
    }
  }
  return settled
}

export function showLetters(letters: readonly KeptLetter[], asJson: boolean): void {
  if (asJson) {
    for (const letter of letters) printJson(letter)
    return
  }
  if (letters.length === 0) {
    print('There are no dead letters.')
    return
  }
  // Most bots have one account, and its name says nothing then.
  const hasSeveral = new Set(letters.map(letter => letter.account)).size > 1
  const nowMs = systemClock.now()
  const rows = letters.map(({ id, kind, chat, atMs, reason, account }) => [
    plain(id),
    kind,
    shownChat(chat),
    age(nowMs - atMs),
    ...(hasSeveral ? [account] : []),
    plain(reason),
  ])
  printRows(['ID', 'KIND', 'CHAT', 'AGE', ...(hasSeveral ? ['ACCOUNT'] : []), 'REASON'], rows)
}

function age(ms: number): string {
  if (ms < HOUR_MS) return `${Math.max(0, Math.floor(ms / MINUTE_MS))} min`
  return ms < 2 * DAY_MS ? `${Math.floor(ms / HOUR_MS)} h` : `${Math.floor(ms / DAY_MS)} days`
}
