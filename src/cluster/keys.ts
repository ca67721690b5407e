/** Names of objects. A key begins with the account, so that bots share no chat. */
import type { AccountId, ChatId, UserName } from '../domain/ids.ts'

const SEPARATOR = '/'

export const keyIn = (account: AccountId, name: ChatId | UserName): string => encodeURIComponent(account) + SEPARATOR + name

/** Null: it is not as `keyIn` writes it. Under a second key a chat would be a second object, and answer everything once more. */
export function parseKey(key: string): { readonly account: AccountId; readonly name: string } | null {
  const end = key.indexOf(SEPARATOR)
  try {
    const parsed = { account: decodeURIComponent(key.slice(0, end)), name: key.slice(end + SEPARATOR.length) }
    return keyIn(parsed.account, parsed.name) === key ? parsed : null
  } catch {
    return null
  }
}
