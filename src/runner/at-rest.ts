import type { AccountSettings } from '../domain/settings.ts'
import { loadConfigFile } from './config-file.ts'
import type { AtRest } from './control/offline.ts'
import { openLog } from './open-log.ts'
import { UsageError } from './usage-error.ts'

export type StateOptions = { readonly config: string; readonly stateDir: string; readonly account?: string; readonly json: boolean }

/** What a command needs that opens the state itself: nobody runs who would know the accounts. */
export async function atRestOf({ config, stateDir, account }: StateOptions): Promise<AtRest> {
  const { accounts, defaultAccount } = await loadConfigFile(config)
  const sender = named(accounts, account ?? defaultAccount)
  return { accounts: account === undefined ? accounts : [sender], sender, stateDir, log: openLog() }
}

function named(accounts: readonly AccountSettings[], id: string): AccountSettings {
  const found = accounts.find(account => account.id === id.toLowerCase())
  if (found) return found
  throw new UsageError(`The config has no account "${id}"; expected ${accounts.map(account => JSON.stringify(account.id)).join(' or ')}.`)
}
