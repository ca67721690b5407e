/**
 * The policy as SPEC-like tables, read a second time: the oracle must not ask the code that it judges. It says which outcomes
 * are right for a message; more than one where it cannot know what the runtime knew at that moment.
 */

export type Policy = {
  readonly dmPolicy: 'open' | 'pairing' | 'allowlist' | 'disabled'
  readonly allowFrom: readonly string[]
  readonly enableGroups: boolean
  readonly groupPolicy: 'open' | 'allowlist' | 'disabled'
  readonly requireMention: boolean
  /** What is configured for the one group. */
  readonly group: { readonly allowFrom: readonly string[]; readonly requireMention?: boolean } | null
}

/** `maybe`: an approval was under way, or its outcome got lost in a crash. */
export type Approval = 'no' | 'maybe' | 'yes'

/** `action reason`, as it is recorded. */
export type Outcome = `${'process' | 'ignore' | 'pairing'} ${string}`

/** What may become of a message that was held for pairing, beside being let in. */
export type Held = readonly Outcome[]

export function directOutcomes(policy: Policy, sender: string, approval: Approval, held: Held): readonly Outcome[] {
  if (policy.dmPolicy === 'disabled') return ['ignore disabled']
  if (policy.allowFrom.includes(sender) || policy.allowFrom.includes('*')) return ['process whitelisted']
  if (policy.dmPolicy === 'open') return ['process allowed']
  const stranger: readonly Outcome[] = policy.dmPolicy === 'allowlist' ? ['ignore denied'] : held
  switch (approval) {
    case 'yes':
      return ['process whitelisted']
    case 'maybe':
      return ['process whitelisted', ...stranger]
    case 'no':
      return stranger
    default:
      return approval satisfies never
  }
}

export function groupOutcomes(policy: Policy, sender: string, creator: string, isMentioned: boolean): readonly Outcome[] {
  if (!policy.enableGroups) return ['ignore groups_disabled']
  const isListed = policy.group?.allowFrom.includes(sender) ?? false
  if (sender !== creator) {
    if (policy.groupPolicy === 'disabled') return ['ignore denied']
    if (policy.groupPolicy === 'allowlist' && !isListed) return ['ignore whitelisted']
  }
  const needsMention = policy.group?.requireMention ?? policy.requireMention
  if (needsMention && !isMentioned) return ['ignore mention_required']
  if (sender === creator) return ['process creator']
  return [policy.groupPolicy === 'allowlist' ? 'process whitelisted' : 'process allowed']
}

/** As they are written in a config. */
export const configOf = ({ group, ...policy }: Policy, groupKey: string): Readonly<Record<string, unknown>> => ({
  ...policy,
  ...(group ? { groupPermissions: { [groupKey]: group } } : {}),
})
