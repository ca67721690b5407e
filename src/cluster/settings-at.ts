/** Which account a key is of, and which of its chats. */
import { TerminalError } from '@restatedev/restate-sdk'
import type { AccountId, ChatId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import { isChatId } from '../runtime/parse-record.ts'
import { parseKey } from './contracts.ts'

export type SettingsAt = ReadonlyMap<AccountId, AccountSettings>

/** Asking again would bring the same. */
const notFound = (sentence: string) => new TerminalError(sentence, { errorCode: 404 })

export function settingsOf(accounts: SettingsAt, account: AccountId): AccountSettings {
  const settings = accounts.get(account)
  if (!settings) throw notFound(`There is no account "${account}" here.`)
  return settings
}

export function chatAt(
  accounts: SettingsAt,
  key: string,
): { readonly account: AccountId; readonly chat: ChatId; readonly settings: AccountSettings } {
  const { account, name } = parseKey(key)
  if (!isChatId(name)) throw notFound(`"${key}" is no chat; its key is ACCOUNT/peer:USER or ACCOUNT/group:CREATOR/GROUP.`)
  return { account, chat: name, settings: settingsOf(accounts, account) }
}
