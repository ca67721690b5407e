import type { UserName } from './ids.ts'

/** The names of OpenClaw; the config also takes the older plugin's (`allow` = open, `deny` = allowlist). */
export const DM_POLICIES = ['pairing', 'open', 'allowlist', 'disabled'] as const
export type DmPolicy = (typeof DM_POLICIES)[number]
export const GROUP_POLICIES = ['allowlist', 'open', 'disabled'] as const
export type GroupPolicy = (typeof GROUP_POLICIES)[number]

/** What makes a message none of the policy's business. Decided before any policy. */
export type Gate =
  | 'own_message'
  | 'unsupported_content'
  /** Was on the mesh before the first start, or answered before the state was lost. */
  | 'history'
  | 'too_old'
  | 'future_dated'

export type Reason =
  | Gate
  | 'loop_guard'
  | 'whitelisted'
  | 'allowed'
  | 'creator'
  | 'denied'
  | 'disabled'
  | 'pending'
  | 'groups_disabled'
  | 'not_a_member'
  | 'membership_unknown'
  | 'mention_required'
  | 'pairing_expired'
  | 'pairing_rejected'
  | 'pairing_overflow'

export type Action = 'process' | 'ignore' | 'pairing'

/** `detail` is one short sentence for people: what was compared with what. It never contains message text. */
export type Decision = { readonly action: Action; readonly reason: Reason; readonly detail: string }

export type DirectFacts = {
  readonly kind: 'direct'
  readonly sender: UserName
  /** One of DM_POLICIES; anything else fails closed. */
  readonly policy: string
  /** The sender, or `*`, is in `allowFrom`. */
  readonly listed: boolean
  /** The sender was approved by pairing. */
  readonly paired: boolean
}

export type GroupFacts = {
  readonly kind: 'group'
  readonly sender: UserName
  /** `enableGroups`. */
  readonly enabled: boolean
  readonly isCreator: boolean
  readonly membership: 'member' | 'outsider' | 'unknown'
  /** One of GROUP_POLICIES; anything else fails closed. */
  readonly policy: string
  /** The sender, or `*`, is in the group's own `allowFrom`. */
  readonly listed: boolean
  readonly requireMention: boolean
  readonly mentioned: boolean
}

/** Everything a decision depends on, so that it can be made again from the journal. */
export type Facts = {
  readonly gate: Gate | null
  /** The loop guard has tripped for this sender; it only stops what the policy would let through. */
  readonly looping: boolean
  readonly conversation: DirectFacts | GroupFacts
}
