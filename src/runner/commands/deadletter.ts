import { systemClock } from '../../adapters/clock/system-clock.ts'
import { shownChat } from '../../domain/shown.ts'
import type { Settlement } from '../../runtime/by-hand.ts'
import { ask, type BotOptions } from '../control/ask.ts'
import { unknownLetter } from '../control/letters.ts'
import { ControlRefused, type KeptLetter } from '../control/protocol.ts'
import { plain, print, printJson, printRows } from '../output.ts'
import { UsageError } from '../usage-error.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export async function listLetters(options: BotOptions): Promise<number> {
  const { result } = await ask(options, { do: 'deadletter.list', account: options.account ?? null })
  showLetters(result, options.json)
  return 0
}

export type SettleOptions = BotOptions & { readonly all: boolean }

export async function endLetters(how: Settlement, id: string | undefined, options: SettleOptions): Promise<number> {
  if ((id === undefined) !== options.all) {
    throw new UsageError(`Say which dead letter: "ztm-chat deadletter ${how} ID", or "ztm-chat deadletter ${how} --all" for all of them.`)
  }
  const { settled, isRunning } = await settle(how, id, options)
  if (settled.length === 0 && id !== undefined) throw new ControlRefused(unknownLetter(id))
  if (options.json) {
    for (const letter of settled) printJson({ ...letter, state: how === 'retry' ? 'retried' : 'dropped', running: isRunning })
    return 0
  }
  if (settled.length === 0) print('There are no dead letters.')
  const fate = how === 'drop' ? 'dropped' : isRunning ? 'tried again now' : 'tried again at the next start'
  for (const { kind, id, chat, account } of settled)
    print(`The ${kind} ${plain(id)} of ${shownChat(chat)} is ${fate} (account ${account}).`)
  return 0
}

/** No id: all there are. */
async function settle(how: Settlement, id: string | undefined, options: BotOptions): Promise<Settled> {
  const { account = null } = options
  if (id !== undefined) {
    const { result, isRunning } = await ask<`deadletter.${Settlement}`>(options, { do: `deadletter.${how}`, account, ids: [id] })
    return { settled: result, isRunning }
  }
  let { result, isRunning } = await ask(options, { do: 'deadletter.list', account })
  const settled: KeptLetter[] = []
  for (const [owner, owned] of Map.groupBy(result, letter => letter.account)) {
    const done = await ask<`deadletter.${Settlement}`>(options, {
      do: `deadletter.${how}`,
      account: owner,
      ids: owned.map(letter => letter.id),
    })
    settled.push(...done.result)
    isRunning = done.isRunning
  }
  return { settled, isRunning }
}
type Settled = { readonly settled: readonly KeptLetter[]; readonly isRunning: boolean }

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
