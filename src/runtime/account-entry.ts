/** What is kept of an account beside its conversations. It changes by records only. */
import type { AccountRecord, FileOfMessages } from '../../machines/records.ts'
import type { UserName } from '../domain/ids.ts'

export type AccountEntry = {
  /** First time live, wall clock ms; null before. */
  openedAtMs: number | null
  /** The very first load is over, whatever a wall clock says later. */
  loaded: boolean
  /** Last moment at which everything had been seen. */
  liveAtMs: number
  /** How far the mesh's file index has been read; null before the first look into it. */
  indexed: Indexed | null
  /** How often the agent was made to join again, and the last time; null = never. */
  healed: Healed | null
  readonly approved: Set<UserName>
}

/** `atMs`: wall clock. */
export type Healed = { readonly times: number; readonly atMs: number; readonly reason: string }

/** Hub time, ms. */
export type Indexed = {
  readonly sinceMs: number
  /** Where it began: what was listed then was there before us. */
  readonly beginMs: number
  /** Listed by then, and not read. */
  readonly unread: readonly FileOfMessages[]
}

/** As JSON. The store's checksums and version guard it, so it is taken as it was written. */
export type StoredAccount = Omit<AccountEntry, 'approved'> & { readonly approved: readonly UserName[] }
export const newAccount = (): AccountEntry => ({
  openedAtMs: null,
  loaded: false,
  liveAtMs: 0,
  indexed: null,
  healed: null,
  approved: new Set(),
})

export const storeAccount = (account: AccountEntry): StoredAccount => ({ ...account, approved: [...account.approved] })

/** What an earlier version has written has less. */
export const restoreAccount = (stored: Partial<StoredAccount>): AccountEntry => ({
  ...newAccount(),
  ...stored,
  approved: new Set(stored.approved),
})

export function applyAccount(account: AccountEntry, event: AccountRecord): void {
  switch (event.type) {
    case 'account.opened':
      account.openedAtMs = event.atMs
      account.liveAtMs = Math.max(account.liveAtMs, event.atMs)
      return
    case 'account.loaded':
      account.loaded = true
      return
    case 'account.lived':
      account.liveAtMs = Math.max(account.liveAtMs, event.atMs)
      return
    case 'account.indexed':
      account.indexed = { sinceMs: event.sinceMs, beginMs: account.indexed?.beginMs ?? event.sinceMs, unread: event.unread }
      return
    case 'account.healed':
      account.healed = { times: (account.healed?.times ?? 0) + 1, atMs: event.atMs, reason: event.reason }
      return
    case 'user.approved':
      account.approved.add(event.user)
      return
    case 'user.revoked':
      account.approved.delete(event.user)
      return
    default:
      event satisfies never
  }
}
