/** The config section as an object, and an account's place in it. Nothing here is checked; `parseConfig` does that. */
import { DEFAULT_ACCOUNT } from '../domain/config.ts'
import type { AccountId } from '../domain/ids.ts'

export type Section = { readonly [key: string]: unknown }
/** Options of one account as they are written; null takes one away. */
export type Options = { readonly [option: string]: unknown }

export const isSection = (value: unknown): value is Section => typeof value === 'object' && value !== null && !Array.isArray(value)
export const sectionAt = (value: unknown, key: string): Section => (isSection(value) && isSection(value[key]) ? value[key] : {})

/** The key as it is written: ids are compared in lower case. */
export const keyOf = (section: Section, id: AccountId): string | undefined =>
  Object.keys(sectionAt(section, 'accounts')).find(key => key.toLowerCase() === id)

export const hasAccounts = (section: Section): boolean => Object.keys(sectionAt(section, 'accounts')).length > 0

/** What the account says itself, without what it has from the root. */
export function ownOptions(section: Section, id: AccountId): Options {
  const key = keyOf(section, id)
  if (key !== undefined) return sectionAt(sectionAt(section, 'accounts'), key)
  if (hasAccounts(section) || id !== DEFAULT_ACCOUNT) return {}
  const { accounts: _, defaultAccount: __, inspector: ___, ...own } = section
  return own
}

/** What holds for the account: its own word, or else the root's. */
export function effectiveOptions(section: Section, id: AccountId): Options {
  const { accounts: _, defaultAccount: __, inspector: ___, ...root } = section
  return { ...root, ...withoutUnset(ownOptions(section, id)) }
}

const isSet = (value: unknown): boolean => value !== null && value !== undefined
const withoutUnset = (options: Options): Options => Object.fromEntries(Object.entries(options).filter(([, value]) => isSet(value)))

/**
 * Writes options of an account. The only account, `default`, stands at the root. When a named one joins it, the root stays as it is
 * and keeps its bot: `accounts.default` says so.
 */
export function withOptions(section: Section, id: AccountId, options: Options): Section {
  if (!hasAccounts(section) && id === DEFAULT_ACCOUNT) return changed(section, options)
  const accounts = sectionAt(section, 'accounts')
  const isBot = typeof section.username === 'string' && typeof section.meshName === 'string'
  const before = hasAccounts(section) || !isBot ? accounts : { [DEFAULT_ACCOUNT]: {} }
  const key = keyOf(section, id) ?? id
  return { ...section, accounts: { ...before, [key]: changed(sectionAt(before, key), options) } }
}

const changed = (own: Section, options: Options): Section =>
  Object.fromEntries(Object.entries({ ...own, ...options }).filter(([name]) => !(name in options) || isSet(options[name])))
