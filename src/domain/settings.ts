import type { DmPolicy, GroupPolicy } from './decision.ts'
import type { AccountId, UserName } from './ids.ts'
import type { Limits } from './limits.ts'
import type { ToolPolicy } from './tools.ts'

export type SenderTools = { readonly allow?: readonly string[]; readonly alsoAllow?: readonly string[]; readonly deny?: readonly string[] }

/** What a group may do. `groupPolicy` and `requireMention` come from the account when the group sets none; `allowFrom` never does. */
export type GroupPermission = {
  readonly groupPolicy: GroupPolicy
  readonly requireMention: boolean
  readonly allowFrom: readonly UserName[]
  readonly tools: ToolPolicy | null
  readonly toolsBySender: Readonly<Record<UserName, SenderTools>>
}

/** One account, everything resolved: names canonical, defaults filled in, times in ms. config.ts makes it. */
export type AccountSettings = {
  readonly id: AccountId
  readonly name: string | null
  readonly enabled: boolean
  readonly agentUrl: string
  readonly permit: { readonly source: 'server'; readonly url: string } | { readonly source: 'file'; readonly path: string } | null
  readonly meshName: string
  readonly username: UserName
  readonly enableGroups: boolean
  readonly dmPolicy: DmPolicy
  readonly allowFrom: readonly UserName[]
  readonly apiTimeoutMs: number
  readonly groupPolicy: GroupPolicy
  readonly requireMention: boolean
  /** Messages kept of a group for the next mention; null when the config does not say. */
  readonly historyLimit: number | null
  /** By `creator/group`. */
  readonly groupPermissions: Readonly<Record<string, GroupPermission>>
  readonly mentionPatterns: readonly string[]
  readonly mediaMaxMb: number
  /** PEM files, or null for plain HTTP and the system's authorities. */
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null } | null
  readonly feed: 'auto' | 'push' | 'poll'
  readonly selfHeal: boolean
  readonly notifyOnFailure: boolean
  readonly pollIntervalMs: number
  readonly firstSyncMs: number
  readonly limits: Limits
}

const BYTES_PER_MB = 1_048_576

/** Largest file, both ways. */
export const fileBytesMaxOf = ({ mediaMaxMb }: Pick<AccountSettings, 'mediaMaxMb'>): number => mediaMaxMb * BYTES_PER_MB

/** Unless the config says otherwise, as in OpenClaw's own channels. */
export const HISTORY_LIMIT = 50

/** What the config says of this group, or what holds for a group that it does not name. The config's names are in NFC; the mesh's need not be. */
export const permissionOf = (
  settings: Pick<AccountSettings, 'groupPolicy' | 'requireMention' | 'groupPermissions'>,
  creator: UserName,
  group: string,
): GroupPermission =>
  settings.groupPermissions[`${creator}/${group}`.normalize('NFC')] ?? {
    groupPolicy: settings.groupPolicy,
    requireMention: settings.requireMention,
    allowFrom: [],
    tools: null,
    toolsBySender: {},
  }
