/** The conversations of accounts, running or at rest. */
import { setImmediate as pause } from 'node:timers/promises'
import type { AccountHandle } from '../../runtime/runtime.ts'
import type { KeptChat, KeptChats } from './protocol.ts'

/** A running bot answers its messages meanwhile: after so many chats it gets its turn. */
const CHATS_AT_ONCE = 500

const newestFirst = (one: KeptChat, other: KeptChat): number => (other.lastAtMs ?? 0) - (one.lastAtMs ?? 0)

/** The newest of what was found in several places. */
export const newestOf = (found: readonly KeptChats[], last: number): KeptChats => ({
  total: found.reduce((sum, { total }) => sum + total, 0),
  chats: found
    .flatMap(({ chats }) => chats)
    .sort(newestFirst)
    .slice(0, last),
})

/** The newest, over all accounts. */
export async function newestChats(accounts: readonly Pick<AccountHandle, 'id' | 'chats'>[], last: number): Promise<KeptChats> {
  const found: KeptChat[] = []
  for (const account of accounts) {
    for (const line of account.chats()) {
      found.push({ account: account.id, ...line })
      if (found.length % CHATS_AT_ONCE === 0) await pause()
    }
  }
  found.sort(newestFirst)
  return { total: found.length, chats: found.slice(0, last) }
}
