/** Accounts as OpenClaw sees them: found in its config, and reported even when something in them is wrong. */
import { DEFAULT_ACCOUNT, type ParsedConfig, parseConfig, sameBots } from '../domain/config.ts'
import { ConfigInvalid } from '../domain/errors.ts'
import type { AccountId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import { keyOf, type Section, sectionAt } from '../setup/section.ts'
import type { Channel, OpenClawConfig, Snapshot } from './host.ts'
import { CHANNEL_ID } from './names.ts'
import { targetOf } from './targets.ts'

export interface PluginAccount {
  readonly accountId: AccountId
  /** Null when the config of this account cannot be used; `problems` says why. */
  readonly settings: AccountSettings | null
  readonly enabled: boolean
  readonly problems: readonly string[]
}

export const channelSection = (cfg: OpenClawConfig): Section => sectionAt(cfg.channels, CHANNEL_ID)

export function listAccountIds(cfg: OpenClawConfig): string[] {
  const ids = Object.keys(sectionAt(channelSection(cfg), 'accounts')).map(id => id.toLowerCase())
  return ids.length === 0 ? [DEFAULT_ACCOUNT] : ids
}

export function defaultAccountId(cfg: OpenClawConfig): string {
  const ids = listAccountIds(cfg)
  const chosen = channelSection(cfg).defaultAccount
  const wanted = typeof chosen === 'string' ? chosen.toLowerCase() : DEFAULT_ACCOUNT
  return ids.includes(wanted) ? wanted : (ids[0] ?? DEFAULT_ACCOUNT)
}

export type ResolveAccount = (cfg: OpenClawConfig, accountId?: string | null) => PluginAccount

/** OpenClaw asks many times a turn, so what a config section says is worked out once; a changed config is another object. */
export function createAccountResolver(): ResolveAccount {
  const known = new WeakMap<object, Map<AccountId, PluginAccount>>()
  return (cfg, accountId) => {
    const section = channelSection(cfg)
    const id = accountId?.toLowerCase() ?? defaultAccountId(cfg)
    const accounts = known.get(section) ?? new Map<AccountId, PluginAccount>()
    known.set(section, accounts)
    const account = accounts.get(id) ?? resolveIn(section, id)
    accounts.set(id, account)
    return account
  }
}

function resolveIn(section: Section, id: AccountId): PluginAccount {
  try {
    return found(parseConfig(section), id)
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    const alone = onlyAccount(section, id)
    if (alone === null) return unusable(id, error.problems, isEnabled(section, id))
    // Another account's mistake is not this one's, but for one that both have made: to be the same bot.
    try {
      return unlessTwin(section, found(parseConfig(alone), id))
    } catch (own) {
      if (!(own instanceof ConfigInvalid)) throw own
      return unusable(id, own.problems, isEnabled(section, id))
    }
  }
}

/** The first of accounts that are one bot runs. */
function unlessTwin(section: Section, account: PluginAccount): PluginAccount {
  if (account.settings === null) return account
  const ids = Object.keys(sectionAt(section, 'accounts')).map(key => key.toLowerCase())
  const earlier = ids.slice(0, ids.indexOf(account.accountId)).flatMap(id => settingsAlone(section, id) ?? [])
  const problemsOf = (bots: readonly AccountSettings[]) => sameBots(bots, `channels.${CHANNEL_ID}`)
  const problems = problemsOf([...earlier, account.settings]).slice(problemsOf(earlier).length)
  return problems.length === 0 ? account : unusable(account.accountId, problems, account.enabled)
}

/** Null when it cannot run, whatever the others say. */
function settingsAlone(section: Section, id: AccountId): AccountSettings | null {
  try {
    const alone = onlyAccount(section, id)
    return alone && found(parseConfig(alone), id).settings
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    return null
  }
}

function found(parsed: ParsedConfig, id: AccountId): PluginAccount {
  const settings = parsed.accounts.find(account => account.id === id) ?? null
  if (settings === null) return unusable(id, [`channels.${CHANNEL_ID}.accounts has no account "${id}".`], false)
  const secrets = parsed.unresolvedSecrets.filter(secret => secret.account === id)
  const problems = secrets.map(secret => `${secret.option} of account "${id}" is a secret reference that OpenClaw did not resolve.`)
  return { accountId: id, settings: problems.length === 0 ? settings : null, enabled: settings.enabled, problems }
}

const unusable = (accountId: AccountId, problems: readonly string[], enabled: boolean): PluginAccount => ({
  accountId,
  settings: null,
  enabled,
  problems,
})

function onlyAccount(section: Section, id: AccountId): Section | null {
  const key = keyOf(section, id)
  if (key === undefined) return null
  const { defaultAccount: _, ...shared } = section
  return { ...shared, accounts: { [key]: sectionAt(section, 'accounts')[key] } }
}

function isEnabled(section: Section, id: AccountId): boolean {
  const key = keyOf(section, id)
  const own = key === undefined ? undefined : sectionAt(sectionAt(section, 'accounts'), key).enabled
  return (own ?? section.enabled) !== false
}

export function accountSnapshot(account: PluginAccount): Snapshot {
  const { accountId, settings, enabled, problems } = account
  return {
    accountId,
    enabled,
    configured: settings !== null,
    ...(settings === null ? { lastError: problems[0] ?? null } : describe(settings)),
  }
}

const describe = (settings: AccountSettings): Omit<Snapshot, 'accountId'> => ({
  ...(settings.name === null ? {} : { name: settings.name }),
  baseUrl: settings.agentUrl,
  dmPolicy: settings.dmPolicy,
  allowFrom: [...settings.allowFrom],
})

export function withSection(cfg: OpenClawConfig, section: Section): OpenClawConfig {
  return { ...cfg, channels: { ...cfg.channels, [CHANNEL_ID]: section } }
}

export function setAccountEnabled({
  cfg,
  accountId,
  enabled,
}: {
  cfg: OpenClawConfig
  accountId: string
  enabled: boolean
}): OpenClawConfig {
  const section = channelSection(cfg)
  const key = keyOf(section, accountId.toLowerCase())
  if (key === undefined) return withSection(cfg, { ...section, enabled })
  const accounts = sectionAt(section, 'accounts')
  return withSection(cfg, { ...section, accounts: { ...accounts, [key]: { ...sectionAt(accounts, key), enabled } } })
}

/** The last account takes the whole section with it: what stands at the root would else become the account `default`. */
export function deleteAccount({ cfg, accountId }: { cfg: OpenClawConfig; accountId: string }): OpenClawConfig {
  const section = channelSection(cfg)
  const key = keyOf(section, accountId.toLowerCase())
  const accounts = Object.entries(sectionAt(section, 'accounts')).filter(([name]) => name !== key)
  if (accounts.length > 0) return withSection(cfg, { ...section, accounts: Object.fromEntries(accounts) })
  const { [CHANNEL_ID]: _, ...channels } = cfg.channels ?? {}
  return { ...cfg, channels }
}

/** Commands that run without a gateway hand over the account as it is inspected in place of the account: it has no settings. */
export const wholeAccount =
  (resolveAccount: ResolveAccount) =>
  (account: PluginAccount, cfg: OpenClawConfig): PluginAccount =>
    'problems' in account ? account : resolveAccount(cfg, accountIdOf(account))

const accountIdOf = (inspected: { readonly accountId?: string }): string | null => inspected.accountId ?? null

export function configAdapter(resolveAccount: ResolveAccount): Channel['config'] {
  const whole = wholeAccount(resolveAccount)
  return {
    listAccountIds,
    resolveAccount,
    inspectAccount: (cfg, accountId) => accountSnapshot(resolveAccount(cfg, accountId)),
    defaultAccountId,
    setAccountEnabled,
    deleteAccount,
    isEnabled: account => account.enabled,
    isConfigured: (account, cfg) => whole(account, cfg).settings !== null,
    unconfiguredReason: (account, cfg) => whole(account, cfg).problems.join(' '),
    disabledReason: account => `Account "${account.accountId}" is switched off (enabled: false).`,
    describeAccount: (account, cfg) => accountSnapshot(whole(account, cfg)),
    resolveAllowFrom: ({ cfg, accountId }) => [...(resolveAccount(cfg, accountId).settings?.allowFrom ?? [])],
    // A bot with one owner: what nobody has addressed is meant for them.
    resolveDefaultTo({ cfg, accountId }) {
      const [owner, ...others] = resolveAccount(cfg, accountId).settings?.allowFrom ?? []
      return owner === undefined || owner === '*' || others.length > 0 ? undefined : targetOf(`peer:${owner}`)
    },
  }
}
