/** What OpenClaw asks about a group before it lets a turn use tools. Asked many times a turn: pure, and from settings at hand. */
import { parseChat } from '../domain/ids.ts'
import { type AccountSettings, type GroupPermission, permissionOf as permissionOfGroup } from '../domain/settings.ts'
import { mergeTools } from '../domain/tools.ts'
import type { ResolveAccount } from './accounts.ts'
import type { Channel, GroupQuery, GroupToolPolicy } from './host.ts'
import { markOf } from './names.ts'
import { chatOf } from './targets.ts'

/** Sender of a run that no sender started: OpenClaw then wants the group's own tools. */
const NOBODY = ''

/** The host names a group `creator/group` where it has the bare id, and `group:creator/group` where it has a target. */
export function groupKeyOf(groupId: string): string | null {
  // In a session key, marks of ours follow the name.
  const bare = groupId.split('/').slice(0, 2).join('/')
  const chat = chatOf(bare.includes(':') ? bare : `group:${bare}`)
  if (chat === null) return null
  const place = parseChat(chat)
  return place.kind === 'group' ? `${place.creator}/${place.group}` : null
}

/** In a session key a name is folded to lower case; the mark behind it tells which one it was. Null: none that the config names. */
function exactKeyOf(settings: AccountSettings, groupId: string): string | null {
  const key = groupKeyOf(groupId)
  const mark = groupId.split('/')[2]
  if (key === null || mark === undefined || mark.startsWith('@')) return key
  return Object.keys(settings.groupPermissions).find(each => each.toLowerCase() === key.toLowerCase() && markOf(each) === mark) ?? null
}

export function permissionOf(settings: AccountSettings, groupId: string): GroupPermission {
  const key = exactKeyOf(settings, groupId) ?? ''
  const slash = key.indexOf('/')
  // A group that cannot be named is one that the config does not name.
  return permissionOfGroup(settings, key.slice(0, Math.max(0, slash)), key.slice(slash + 1))
}

export function groupsAdapter(resolveAccount: ResolveAccount): NonNullable<Channel['groups']> {
  const permissionFor = ({ cfg, accountId, groupId }: GroupQuery): GroupPermission | undefined => {
    const { settings } = resolveAccount(cfg, accountId)
    return settings && groupId ? permissionOf(settings, groupId) : undefined
  }
  return {
    resolveRequireMention: query => permissionFor(query)?.requireMention,
    resolveToolPolicy(query): GroupToolPolicy | undefined {
      const permission = permissionFor(query)
      if (permission === undefined) return undefined
      const merged =
        query.senderPolicyMode === 'never'
          ? mergeTools({ ...permission, toolsBySender: {} }, NOBODY)
          : mergeTools(permission, query.senderId ?? NOBODY)
      return { ...(merged.allow && { allow: [...merged.allow] }), ...(merged.deny && { deny: [...merged.deny] }) }
    },
  }
}
