/** Dead letters of one account, running or at rest. */
import type { Settlement } from '../../runtime/by-hand.ts'
import type { AccountHandle } from '../../runtime/runtime.ts'
import type { KeptLetter } from './protocol.ts'

export type Letters = Pick<AccountHandle, 'id' | 'deadLetters' | 'retryDeadLetter' | 'dropDeadLetter'>

export const lettersOf = (account: Pick<Letters, 'id' | 'deadLetters'>): readonly KeptLetter[] =>
  account.deadLetters().map(letter => ({ account: account.id, ...letter }))

/** Those of the ids that there are, in the given order: what is tried again is tried in it. Resolves when it is durable. */
export async function settleLetters(account: Letters, how: Settlement, ids: readonly string[]): Promise<readonly KeptLetter[]> {
  const kept = new Map(lettersOf(account).map(letter => [letter.id, letter]))
  const act = how === 'retry' ? account.retryDeadLetter : account.dropDeadLetter
  // All at once: one flush for them all.
  const settled = await Promise.all(ids.map(async id => ((await act(id)) ? kept.get(id) : undefined)))
  return settled.filter(letter => letter !== undefined)
}

export const unknownLetter = (id: string): string =>
  `There is no dead letter with the id ${JSON.stringify(id)}; "ztm-chat deadletter list" shows those that there are.`
