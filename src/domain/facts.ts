/** What the policy is asked with: the settings of this moment, what was written, and what others know of its sender. */
import type { DirectFacts, GroupFacts } from './decision.ts'
import type { Group, UserName } from './ids.ts'
import { findMention } from './mention.ts'
import { matchesAllowFrom } from './policy.ts'
import { type AccountSettings, permissionOf } from './settings.ts'

/** Nobody need ask about an approval that changes nothing. */
export const countsApproval = ({ allowFrom, dmPolicy }: AccountSettings, sender: UserName): boolean =>
  !matchesAllowFrom(sender, allowFrom) && (dmPolicy === 'pairing' || dmPolicy === 'allowlist')

export const directFacts = ({ allowFrom, dmPolicy }: AccountSettings, sender: UserName, paired: boolean): DirectFacts => ({
  kind: 'direct',
  sender,
  policy: dmPolicy,
  listed: matchesAllowFrom(sender, allowFrom),
  paired,
})

type InGroup = Pick<GroupFacts, 'sender' | 'mentioned' | 'membership'>

export function groupFacts(settings: AccountSettings, { creator, group }: Group, { sender, mentioned, membership }: InGroup): GroupFacts {
  const { groupPolicy, allowFrom, requireMention } = permissionOf(settings, creator, group)
  return {
    kind: 'group',
    sender,
    enabled: settings.enableGroups,
    isCreator: sender === creator,
    membership,
    policy: groupPolicy,
    listed: matchesAllowFrom(sender, allowFrom),
    requireMention,
    mentioned,
  }
}

/** By name, or by one of the patterns. */
export function mentions({ username, mentionPatterns }: AccountSettings): (text: string) => boolean {
  const patterns = mentionPatterns.map(pattern => new RegExp(pattern, 'i'))
  return text => findMention(text, username).mentioned || patterns.some(pattern => pattern.test(text))
}
