/** From a config as somebody wrote it to the settings of every account, or to all of its problems at once. */
import type { z } from 'zod'
import { type Making, makeAccount, retiredAt } from './config/account.ts'
import { nameOf, type Path, sentencesOf, shown, valueAt, without } from './config/problems.ts'
import { type AccountInput, accountShape, type ConfigInput, configSchema, KEY_EXPECTED, type SecretRef } from './config/schema.ts'
import { sameAddress } from './config/url.ts'
import { ConfigInvalid } from './errors.ts'
import type { AccountId } from './ids.ts'
import type { AccountSettings } from './settings.ts'
import { plain } from './shown.ts'

export { configJsonSchema, configTable, configUiHints, type DescribedOption, limitsTable, rootOptions } from './config/documents.ts'
export { accountFlags, type Flag, optionsOfFlags } from './config/flags.ts'
export { expandHome } from './config/home.ts'
export { type AccountInput, RETIRED_OPTIONS, type SecretRef } from './config/schema.ts'
export { isLoopback, isPlainHttp, maskUrl } from './config/url.ts'

/** Id of the only account of a config without `accounts`. */
export const DEFAULT_ACCOUNT: AccountId = 'default'

export type ParsedConfig = {
  readonly accounts: readonly AccountSettings[]
  readonly defaultAccount: AccountId
  readonly warnings: readonly string[]
  /** `port` is null when any free one will do. */
  readonly inspector: { readonly enabled: boolean; readonly port: number | null }
  /** Secret references that are not resolved: these options are null in the settings, and their account must not be started. */
  readonly unresolvedSecrets: readonly { readonly account: AccountId; readonly option: string }[]
}

export type ParseOptions = {
  /** What stands before every path in the problems. */
  readonly prefix?: string
  /** The text of a secret, or null when it cannot be had here. */
  readonly secret?: (ref: SecretRef) => string | null
}

/** @throws {ConfigInvalid} with every problem that was found. */
export function parseConfig(input: unknown, { prefix = 'channels.ztm-chat', secret = () => null }: ParseOptions = {}): ParsedConfig {
  const problems: string[] = [...reservedKeys(input, prefix)]
  const { config, refused } = structure(input, prefix, problems)
  if (config === null) throw new ConfigInvalid(sentences(problems))

  const written = Object.entries(config.accounts ?? {}).map(([key, own]) => ({ key, own: own ?? {} }))
  const unresolvedSecrets: { account: AccountId; option: string }[] = []
  const warnings = [...retiredAt([], config, prefix), ...written.flatMap(({ key, own }) => retiredAt(['accounts', key], own, prefix))]
  const making: Making = { prefix, root: config, problems, warnings, refused, secret, unresolved: unresolvedSecrets }
  // The id in lower case is the one that OpenClaw hands back.
  const accounts = written.map(({ key, own }) => makeAccount(key.toLowerCase(), ['accounts', key], own, making))
  if (hasNoAccounts(input)) accounts.push(makeAccount(DEFAULT_ACCOUNT, [], config, making))
  if (config.username && written.length > 0 && written.every(({ own }) => own.username)) {
    warnings.push(`${nameOf(prefix, ['username'])} is used by no account; add "default: {}" to accounts to keep that bot.`)
  }

  problems.push(...sameBots(accounts, prefix), ...sameIds(written, prefix))
  const defaultAccount = chooseDefault(config, input, accounts, prefix, problems)
  if (problems.length > 0) throw new ConfigInvalid(sentences(problems))
  return {
    accounts,
    defaultAccount,
    warnings: sentences(warnings),
    inspector: { enabled: config.inspector?.enabled ?? false, port: config.inspector?.port ?? null },
    unresolvedSecrets,
  }
}

/** What is wrong with one option of an account, in the same words as in a whole config; null when it is good. */
export function optionFault(name: keyof AccountInput, value: unknown): string | null {
  const result = accountShape[name].safeParse(value)
  if (result.success) return null
  const [issue] = result.error.issues
  const [sentence] = issue ? sentencesOf({ ...issue, path: [name, ...issue.path] }, { [name]: value }, '') : []
  return sentence === undefined ? null : plain(sentence)
}

/** Each once, and without what a terminal or a page would obey: keys and values are quoted in them. */
const sentences = (found: readonly string[]): readonly string[] => [...new Set(found)].map(plain)

/** A round takes away what does not fit, and nearly always one is enough. */
const ROUNDS_MAX = 4

/** What fits the schema once the options that do not are taken away, so that one fault hides no other. */
function structure(input: unknown, prefix: string, problems: string[]): { config: ConfigInput | null; refused: ReadonlySet<string> } {
  const refused = new Set<string>()
  let rest = input
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const result = configSchema.safeParse(rest)
    if (result.success) return { config: result.data, refused }
    const { issues } = result.error
    for (const issue of issues) problems.push(...sentencesOf(issue, rest, prefix))
    if (issues.some(issue => issue.path.length === 0 && issue.code !== 'unrecognized_keys')) break
    const bad = issues.flatMap(culprits)
    for (const path of bad) for (let length = 1; length <= path.length; length++) refused.add(nameOf(prefix, path.slice(0, length)))
    rest = without(rest, bad)
  }
  return { config: null, refused }
}

/** What to take away; a list with one bad entry goes as a whole. */
function culprits(issue: z.core.$ZodIssue): readonly Path[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => [...issue.path, key])
  const index = issue.path.findIndex(key => typeof key === 'number')
  return [index === -1 ? issue.path : issue.path.slice(0, index)]
}

/** zod passes over the key `__proto__` without a word; a typing error it is not. */
function reservedKeys(input: unknown, prefix: string): readonly string[] {
  const keysAt = (path: Path): readonly string[] => Object.keys(Object(valueAt(input, path)))
  const scopes: readonly Path[] = [[], ...keysAt(['accounts']).map(id => ['accounts', id])]
  const groupMaps = scopes.map(scope => [...scope, 'groupPermissions'])
  const senderMaps = groupMaps.flatMap(map => keysAt(map).map(group => [...map, group, 'toolsBySender']))
  const expected = [
    ...[['accounts']].map(map => ({ map, text: KEY_EXPECTED.accounts })),
    ...groupMaps.map(map => ({ map, text: KEY_EXPECTED.groupPermissions })),
    ...senderMaps.map(map => ({ map, text: KEY_EXPECTED.toolsBySender })),
  ]
  return expected.flatMap(({ map, text }) =>
    keysAt(map).includes('__proto__') ? [`${nameOf(prefix, [...map, '__proto__'])} is ${text}.`] : [],
  )
}

/** No account was meant: one that was refused was meant all the same. */
function hasNoAccounts(input: unknown): boolean {
  const accounts = valueAt(input, ['accounts']) ?? {}
  return typeof accounts === 'object' && Object.keys(accounts).length === 0
}

/** Two accounts that are one bot would both answer: a problem of each but the first. */
export function sameBots(accounts: readonly AccountSettings[], prefix: string): readonly string[] {
  const problems: string[] = []
  const bots = new Map<string, AccountId>()
  for (const { id, enabled, agentUrl, meshName, username } of accounts) {
    if (!enabled || meshName === '' || username === '') continue
    const bot = JSON.stringify([sameAddress(agentUrl), meshName, username])
    const first = bots.get(bot)
    if (first === undefined) bots.set(bot, id)
    else {
      problems.push(
        `${nameOf(prefix, ['accounts', id])} is the same bot as account "${first}" (${username} on mesh ${meshName} at ${agentUrl}) and both would answer; remove one, or set enabled: false.`,
      )
    }
  }
  return problems
}

/** OpenClaw, and folders on some systems, do not tell capital letters apart. */
function sameIds(written: readonly { readonly key: string }[], prefix: string): readonly string[] {
  return written.flatMap(({ key }, index) => {
    const first = written.slice(0, index).find(other => other.key.toLowerCase() === key.toLowerCase())
    return first
      ? [`${nameOf(prefix, ['accounts', key])} differs from account "${first.key}" only in capital letters; give it another id.`]
      : []
  })
}

function chooseDefault(
  config: ConfigInput,
  input: unknown,
  accounts: readonly AccountSettings[],
  prefix: string,
  problems: string[],
): AccountId {
  const ids = accounts.map(account => account.id)
  const chosen = config.defaultAccount?.toLowerCase()
  if (chosen === undefined) return ids.includes(DEFAULT_ACCOUNT) ? DEFAULT_ACCOUNT : (ids[0] ?? DEFAULT_ACCOUNT)
  const meant = Object.keys(Object(valueAt(input, ['accounts']))).map(id => id.toLowerCase())
  if (!ids.includes(chosen) && !meant.includes(chosen)) {
    const known = ids.map(id => JSON.stringify(id)).join(' or ')
    problems.push(`${nameOf(prefix, ['defaultAccount'])} is ${shown(config.defaultAccount)}; expected the id of an account: ${known}.`)
  }
  return chosen
}
