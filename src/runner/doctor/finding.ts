/** What a look at a bot finds: each thing that was looked at, and what to do where it is not as it should be. */
import type { AccountId } from '../../domain/ids.ts'

/** `unknown`: it could not be looked at, for a reason that is a finding of its own. */
export type Level = 'ok' | 'warning' | 'problem' | 'unknown'

export type Check =
  | 'config'
  | 'state directory'
  | 'runner'
  | 'state'
  | 'agent'
  | 'feed'
  | 'mesh'
  | 'user'
  | 'certificate'
  | 'clock'
  | 'names'
  | 'permit'

export type Finding = {
  readonly check: Check
  readonly level: Level
  /** Null: it is about all accounts. */
  readonly account: AccountId | null
  /** One sentence. */
  readonly message: string
  /** One sentence; null where there is nothing to do. */
  readonly remedy: string | null
}

/** Makes the findings of one account, or of all. */
export const findingsOf = (account: AccountId | null) => ({
  ok: (check: Check, message: string): Finding => ({ check, level: 'ok', account, message, remedy: null }),
  warning: (check: Check, message: string, remedy: string | null = null): Finding => ({
    check,
    level: 'warning',
    account,
    message,
    remedy,
  }),
  problem: (check: Check, message: string, remedy: string | null = null): Finding => ({
    check,
    level: 'problem',
    account,
    message,
    remedy,
  }),
  unknown: (check: Check, message: string): Finding => ({ check, level: 'unknown', account, message, remedy: null }),
})
