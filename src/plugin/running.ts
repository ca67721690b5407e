/** The accounts that run in this process, for whoever has something to send. */
import type { AccountId, ChatId, MessageId } from '../domain/ids.ts'
import type { Log } from '../ports/log.ts'
import type { AccountHandle } from '../runtime/runtime.ts'

export interface RunningAccount {
  readonly handle: AccountHandle
  readonly log?: Log
  /** Runs work in the account's own async context: whoever calls from the host's must not leave it behind in our timers. */
  enter<T>(work: () => T): T
  /** Fires when the account is closed: what it has not answered by then, it never will. */
  readonly gone: AbortSignal
  /** The message whose final answer this delivery of the host's is, as far as that can be told without its saying so. */
  turnOf?(chat: ChatId, delivery: string): Promise<MessageId | null>
}

export interface RunningAccounts {
  get(account: AccountId): RunningAccount | undefined
  all(): readonly RunningAccount[]
  /** Resolves when the account runs, which may be never. */
  arrival(account: AccountId): Promise<RunningAccount>
  set(account: AccountId, entry: RunningAccount): void
  delete(account: AccountId, entry: RunningAccount): void
  /**
   * The right to open the account's state. OpenClaw starts an account again while the one before is still closing: the second waits.
   * Resolves to what gives the right back.
   */
  lease(account: AccountId): Promise<() => void>
  /** Resolves when nobody holds or waits for the account's state. */
  closed(account: AccountId): Promise<void>
}

export function createRunningAccounts(): RunningAccounts {
  const entries = new Map<AccountId, RunningAccount>()
  const arrivals = new Map<AccountId, PromiseWithResolvers<RunningAccount>>()
  const leases = new Map<AccountId, Promise<void>>()
  return {
    get: account => entries.get(account),
    all: () => [...entries.values()],
    arrival(account) {
      const entry = entries.get(account)
      if (entry !== undefined) return Promise.resolve(entry)
      const waiting = arrivals.get(account) ?? Promise.withResolvers<RunningAccount>()
      arrivals.set(account, waiting)
      return waiting.promise
    },
    set(account, entry) {
      entries.set(account, entry)
      arrivals.get(account)?.resolve(entry)
      arrivals.delete(account)
    },
    delete(account, entry) {
      // By then the next one may already stand there.
      if (entries.get(account) === entry) entries.delete(account)
    },
    async lease(account) {
      const before = leases.get(account)
      const { promise, resolve } = Promise.withResolvers<void>()
      leases.set(account, promise)
      await before
      return () => {
        if (leases.get(account) === promise) leases.delete(account)
        resolve()
      }
    },
    closed: account => leases.get(account) ?? Promise.resolve(),
  }
}
