/** One account's settings, made of what it says itself and of what the root says for all. */
import type { AccountId } from '../ids.ts'
import { LIMITS, type Limits } from '../limits.ts'
import type { AccountSettings, GroupPermission, SenderTools } from '../settings.ts'
import type { ToolPolicy } from '../tools.ts'
import { durationMs } from './duration.ts'
import { nameOf, type Path, shown } from './problems.ts'
import { type AccountInput, configSchema, optionNotes, RETIRED_OPTIONS, type SecretRef } from './schema.ts'
import { canonicalUrl, isLoopback, isPlainHttp } from './url.ts'

type Option = keyof AccountInput
type Given<Name extends Option> = NonNullable<AccountInput[Name]>
type PermissionInput = Given<'groupPermissions'>[string]

/** What is known while the accounts are made, and where their faults go. */
export type Making = {
  readonly prefix: string
  readonly root: AccountInput
  readonly problems: string[]
  readonly warnings: string[]
  /** Options that were refused already, by name: nothing more is said about them. */
  readonly refused: ReadonlySet<string>
  readonly secret: (ref: SecretRef) => string | null
  readonly unresolved: { account: AccountId; option: string }[]
}

/** The options as one account sees them. */
type View = {
  readonly id: AccountId
  /** The account's own value, or else the root's; null when neither says anything. */
  readonly get: <Name extends Option>(name: Name) => Given<Name> | null
  /** The same, or else the default of the schema. */
  readonly or: <Name extends Option>(name: Name) => Given<Name>
  /** The name of the option where its value was written. */
  readonly where: (name: Option, ...rest: Path) => string
  readonly isRefused: (name: Option) => boolean
  readonly making: Making
}

function view(id: AccountId, path: Path, own: AccountInput, making: Making): View {
  const { prefix, root, refused } = making
  const isSet = (from: AccountInput, name: Option): boolean => (from[name] ?? null) !== null
  const get = <Name extends Option>(name: Name) => (own[name] ?? root[name] ?? null) as Given<Name> | null
  const standard = <Name extends Option>(name: Name) => optionNotes.get(configSchema.shape[name])?.default as Given<Name>
  return {
    id,
    get,
    or: name => get(name) ?? standard(name),
    where: (name, ...rest) => nameOf(prefix, [...(isSet(own, name) || !isSet(root, name) ? path : []), name, ...rest]),
    isRefused: name => refused.has(nameOf(prefix, [...path, name])) || refused.has(nameOf(prefix, [name])),
    making,
  }
}

/** `path` leads to the account. */
export function makeAccount(id: AccountId, path: Path, own: AccountInput, making: Making): AccountSettings {
  const account = view(id, path, own, making)
  const { get, or } = account
  // Off at the root is off everywhere: that is how the gateway switches a channel off.
  const enabled = (own.enabled ?? true) && (making.root.enabled ?? true)
  const agentUrl = agentUrlOf(account)
  return {
    id,
    name: get('name'),
    enabled,
    agentUrl,
    permit: permitOf(account),
    meshName: required(account, enabled, 'meshName', 'set it to the mesh that the ZTM agent has joined or is to join, such as "home"'),
    username: required(account, enabled, 'username', `set it to the bot's own user on the mesh, such as "my-bot"`),
    enableGroups: or('enableGroups'),
    dmPolicy: DM_POLICY_NAMES[or('dmPolicy')],
    allowFrom: nfc(or('allowFrom')),
    apiTimeoutMs: or('apiTimeout'),
    groupPolicy: or('groupPolicy'),
    requireMention: or('requireMention'),
    historyLimit: get('historyLimit'),
    groupPermissions: byName(Object.entries(or('groupPermissions')).map(([key, said]) => [key, permissionOf(account, key, said)])),
    mentionPatterns: or('mentionPatterns'),
    mediaMaxMb: or('mediaMaxMb'),
    tls: tlsOf(account, agentUrl),
    feed: or('feed'),
    selfHeal: or('selfHeal'),
    notifyOnFailure: or('notifyOnFailure'),
    pollIntervalMs: or('pollInterval'),
    firstSyncMs: durationMs(or('firstSync')) ?? 0,
    limits: limitsOf(account),
  }
}

/** The older plugin's options that stand here. */
export function retiredAt(path: Path, own: AccountInput, prefix: string): readonly string[] {
  return RETIRED_OPTIONS.filter(name => (own[name] ?? null) !== null).map(
    name => `${nameOf(prefix, [...path, name])} is an option of the older plugin and has no effect; you can remove it.`,
  )
}

const DM_POLICY_NAMES = {
  pairing: 'pairing',
  allow: 'open',
  open: 'open',
  deny: 'allowlist',
  allowlist: 'allowlist',
  disabled: 'disabled',
} as const

/** An account that is switched off may be half written: its name is '' then. */
function required({ get, where, isRefused, making }: View, enabled: boolean, name: 'meshName' | 'username', remedy: string): string {
  const value = get(name)
  if (value === null && enabled && !isRefused(name)) making.problems.push(`${where(name)} is missing; ${remedy}.`)
  return value ?? ''
}

function agentUrlOf({ or, where, making }: View): string {
  const url = canonicalUrl(or('agentUrl'))
  if (isPlainHttp(url) && !isLoopback(url)) {
    making.warnings.push(
      `${where('agentUrl')} is plain http to another machine: whoever is on the way can read along and write as the bot; use https, or a tunnel.`,
    )
  }
  return url
}

function permitOf({ get, where, isRefused, making }: View): AccountSettings['permit'] {
  const url = get('permitUrl')
  const path = get('permitFilePath')
  // The older plugin has no permitSource in its first versions: the option that is there tells.
  const source = get('permitSource') ?? (url !== null ? 'server' : path !== null ? 'file' : null)
  if (source === 'server' && url !== null) return { source, url }
  if (source === 'file' && path !== null) return { source, path }
  if (source === 'server' && !isRefused('permitUrl')) {
    making.problems.push(`${where('permitSource')} is "server", but permitUrl is missing; set it to the https URL of the permit server.`)
  }
  if (source === 'file' && !isRefused('permitFilePath')) {
    making.problems.push(`${where('permitSource')} is "file", but permitFilePath is missing; set it to the path of the permit file.`)
  }
  return null
}

const PEMS = ['ca', 'cert', 'key'] as const

function tlsOf({ id, get, where, isRefused, making }: View, agentUrl: string): AccountSettings['tls'] {
  const given = get('tls') ?? {}
  const isSet = (name: (typeof PEMS)[number]): boolean => (given[name] ?? null) !== null
  if (!PEMS.some(isSet)) return null
  if (isSet('cert') !== isSet('key') && !isRefused('tls')) {
    const [there, missing] = isSet('cert') ? ['cert', 'key'] : ['key', 'cert']
    making.problems.push(`${where('tls')} has ${there}, but no ${missing}; set both, or neither.`)
  }
  if (isPlainHttp(agentUrl)) making.warnings.push(`${where('tls')} has no effect: agentUrl is plain http.`)
  const resolved = (name: (typeof PEMS)[number]): string | null => {
    const value = given[name] ?? null
    if (value === null || typeof value === 'string') return value
    const text = making.secret(value)
    if (text !== null) return text
    making.unresolved.push({ account: id, option: where('tls', name) })
    making.warnings.push(`${where('tls', name)} is a secret reference (${value.source}) that is not resolved here.`)
    return null
  }
  return { ca: resolved('ca'), cert: resolved('cert'), key: resolved('key') }
}

function limitsOf({ get, where, making }: View): Limits {
  const limits = new Map<string, number>(Object.entries({ ...LIMITS, ...setOnly(get('limits') ?? {}) }))
  for (const [name, first] of limits) {
    const longest = limits.get(`${name}Max`)
    if (longest !== undefined && first > longest) {
      making.problems.push(`${where('limits', name)} is ${first}; expected at most ${name}Max, which is ${longest}.`)
    }
  }
  return Object.fromEntries(limits) as Limits
}

function permissionOf({ or, where, making }: View, key: string, said: PermissionInput): GroupPermission {
  const slash = key.indexOf('/')
  const parts = { creator: key.slice(0, slash), group: key.slice(slash + 1) }
  for (const name of ['creator', 'group'] as const) {
    const inside = said?.[name] ?? parts[name]
    if (inside.normalize('NFC') === parts[name].normalize('NFC')) continue
    making.problems.push(
      `${where('groupPermissions', key, name)} is ${shown(inside)}; expected ${JSON.stringify(parts[name])}, as in the key, or nothing.`,
    )
  }
  const tools: ToolPolicy = setOnly(said?.tools ?? {})
  const senders = Object.entries(said?.toolsBySender ?? {})
  return {
    groupPolicy: said?.groupPolicy ?? or('groupPolicy'),
    requireMention: said?.requireMention ?? or('requireMention'),
    // Never the account's list: whom the bot trusts in private opens no group.
    allowFrom: nfc(said?.allowFrom ?? []),
    tools: Object.keys(tools).length === 0 ? null : tools,
    toolsBySender: byName<SenderTools>(senders.map(([user, theirs]) => [user, setOnly(theirs ?? {})])),
  }
}

const nfc = (names: readonly string[]): readonly string[] => names.map(name => name.normalize('NFC'))

/** Without the keys that are not set. */
function setOnly<Value>(input: Readonly<Record<string, Value | null | undefined>>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(input).flatMap(([key, value]): [string, Value][] => (value === null || value === undefined ? [] : [[key, value]])),
  )
}

/** A map by names that people choose: it has no prototype, so that looking up `constructor` finds nothing. */
function byName<Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> {
  const map: Record<string, Value> = Object.create(null)
  for (const [name, value] of entries) map[name.normalize('NFC')] = value
  return map
}
