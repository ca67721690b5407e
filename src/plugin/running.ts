/** The accounts that run in this process, for whoever has something to send. */
import type { AccountId } from '../domain/ids.ts'
import type { AccountHandle } from '../runtime/runtime.ts'

export interface RunningAccounts {
  get(account: AccountId): AccountHandle | undefined
  set(account: AccountId, handle: AccountHandle): void
  delete(account: AccountId, handle: AccountHandle): void
  /**
   * The right to open the account's state. OpenClaw starts an account again while the one before is still closing: the second waits.
   * Resolves to what gives the right back.
   */
  lease(account: AccountId): Promise<() => void>
  /** Resolves when nobody holds or waits for the account's state. */
  closed(account: AccountId): Promise<void>
}

export function createRunningAccounts(): RunningAccounts {
  const handles = new Map<AccountId, AccountHandle>()
  const leases = new Map<AccountId, Promise<void>>()
  return {
    get: account => handles.get(account),
    set: (account, handle) => handles.set(account, handle),
    delete(account, handle) {
      // By then the next one may already stand there.
      if (handles.get(account) === handle) handles.delete(account)
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
