/** Which account a key is of, and which of its chats. */
import { TerminalError } from '@restatedev/restate-sdk'
import type { AccountId, ChatId, UserName } from '../../domain/ids.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import { isChatId } from '../../runtime/parse-record.ts'
import { parseKey } from '../contracts.ts'

export type SettingsAt = ReadonlyMap<AccountId, AccountSettings>

type Place = { readonly account: AccountId; readonly settings: AccountSettings }

/** A plain error, after which Restate tries again: another machine may have the account, or this one once it is enabled. */
export function settingsOf(accounts: SettingsAt, account: AccountId): AccountSettings {
  const settings = accounts.get(account)
  if (!settings) throw new Error(`There is no account "${account}" here, or it is not enabled.`)
  return settings
}

export function chatAt(accounts: SettingsAt, key: string): Place & { readonly chat: ChatId } {
  const parsed = parseKey(key)
  if (parsed === null || !isChatId(parsed.name))
    throw new Error(`"${key}" is no chat; its key is ACCOUNT/peer:USER or ACCOUNT/group:CREATOR/GROUP, the account percent-encoded.`)
  return { account: parsed.account, chat: parsed.name, settings: settingsOf(accounts, parsed.account) }
}

export function strangerAt(accounts: SettingsAt, key: string): Place & { readonly user: UserName } {
  const parsed = parseKey(key)
  if (parsed === null) throw new Error(`"${key}" is no pairing request; its key is ACCOUNT/USER, the account percent-encoded.`)
  return { account: parsed.account, user: parsed.name, settings: settingsOf(accounts, parsed.account) }
}

/** For who waits for an answer at the ingress, and is to hear that there is no such place. Nobody else may give up for that. */
export function refusing<T>(find: () => T): T {
  try {
    return find()
  } catch (error) {
    throw new TerminalError(String((error as Error).message), { errorCode: 404 })
  }
}
