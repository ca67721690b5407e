/** Who may talk to the assistant. Facts in, a decision with its reason out; the first rule that fits wins. */
import type { Action, Decision, DirectFacts, Facts, Gate, GroupFacts, Reason } from './decision.ts'

/** Exact, after Unicode NFC: mesh names are case-sensitive, and `*` is everyone. */
export function matchesAllowFrom(sender: string, allowFrom: readonly string[]): boolean {
  const name = sender.normalize('NFC')
  return allowFrom.some(entry => entry === '*' || entry.normalize('NFC') === name)
}

export function decide(facts: Facts): Decision {
  if (facts.gate) return { action: 'ignore', reason: facts.gate, detail: GATE_DETAILS[facts.gate] }
  const { conversation } = facts
  const decision = conversation.kind === 'direct' ? decideDirect(conversation) : decideGroup(conversation)
  if (!facts.looping || decision.action !== 'process') return decision
  return because('ignore', 'loop_guard', `${named(conversation.sender)} and this bot answered each other too often and too fast`)
}

/** Nothing kept it out but that the bot was not mentioned. */
export function lacksOnlyMention(facts: Facts): boolean {
  const { conversation } = facts
  if (conversation.kind === 'direct' || decide(facts).reason !== 'mention_required') return false
  return decide({ ...facts, conversation: { ...conversation, mentioned: true } }).action === 'process'
}

function decideDirect({ sender, policy, listed, paired }: DirectFacts): Decision {
  const who = named(sender)
  if (isBlank(sender)) return because('ignore', 'denied', 'the sender has no name')
  if (policy === 'disabled') return because('ignore', 'disabled', 'dmPolicy is "disabled", which holds for allowFrom, too')
  if (listed) return because('process', 'whitelisted', `${who} is in allowFrom`)
  if (paired) return because('process', 'whitelisted', `${who} was approved by pairing`)
  switch (policy) {
    case 'open':
    case 'allow':
      return because('process', 'allowed', `dmPolicy is "${policy}"`)
    case 'allowlist':
    case 'deny':
      return because('ignore', 'denied', `${who} is not in allowFrom and not approved by pairing, and dmPolicy is "${policy}"`)
    case 'pairing':
      return because('pairing', 'pending', `${who} is not in allowFrom and not approved by pairing yet`)
    default:
      return because('ignore', 'denied', `dmPolicy is ${named(policy)}, which is no known policy`)
  }
}

function decideGroup(facts: GroupFacts): Decision {
  const { sender, policy, isCreator, listed } = facts
  const who = named(sender)
  if (!facts.enabled) return because('ignore', 'groups_disabled', 'enableGroups is false')
  if (isBlank(sender)) return because('ignore', 'denied', 'the sender has no name')
  if (!isCreator) {
    // The mesh itself shows what removed members and outsiders post into a group.
    if (facts.membership === 'outsider') {
      return because('ignore', 'not_a_member', `${who} is neither the creator nor in the member list of the group`)
    }
    if (facts.membership !== 'member') {
      return because('ignore', 'membership_unknown', `whether ${who} is a member of the group could not be learnt`)
    }
    switch (policy) {
      case 'disabled':
        return because('ignore', 'denied', 'groupPolicy is "disabled", and only the creator is heard')
      case 'allowlist':
        // The reason is the older plugin's code for this row, and means the list, not the outcome.
        if (!listed) return because('ignore', 'whitelisted', `${who} is not in allowFrom of the group`)
        break
      case 'open':
        break
      default:
        return because('ignore', 'denied', `groupPolicy is ${named(policy)}, which is no known policy`)
    }
  }
  if (facts.requireMention && !facts.mentioned) {
    return because('ignore', 'mention_required', `requireMention is on, and ${who} did not mention the bot`)
  }
  if (isCreator) return because('process', 'creator', `${who} is the creator of the group`)
  if (policy === 'allowlist') return because('process', 'whitelisted', `${who} is in allowFrom of the group`)
  return because('process', 'allowed', 'groupPolicy is "open"')
}

const GATE_DETAILS: Readonly<Record<Gate, string>> = {
  own_message: 'the bot wrote it itself',
  unsupported_content: 'it has no text and no file that can be read, or no usable time',
  history: 'it was on the mesh before the first start',
  too_old: 'it is older than the age fence allows',
  future_dated: 'its sender has too many messages dated in the future',
}

/** What becomes of the messages that were held for a stranger who is approved. */
export const BY_PAIRING: Decision = { action: 'process', reason: 'whitelisted', detail: 'approved by pairing' }

const because = (action: Action, reason: Reason, detail: string): Decision => ({ action, reason, detail })

const isBlank = (name: string): boolean => name.trim() === ''

/** Longer names are shortened in sentences. */
const NAME_CHARACTERS_MAX = 64

/** A foreign name for the middle of a sentence: short, and without what a terminal would obey. */
function named(name: string): string {
  const short = name.length > NAME_CHARACTERS_MAX ? `${name.slice(0, NAME_CHARACTERS_MAX)}…` : name
  return `"${short.replace(/[\p{C}\p{Zl}\p{Zp}"]/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)}"`
}
