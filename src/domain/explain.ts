/**
 * A decision in words that need no knowledge of the program: which rules were asked, which one decided, and what would have to be
 * different for another outcome. What is claimed about other outcomes is computed by the policy itself.
 */
import type { Action, Decision, DirectFacts, DmPolicy, Facts, Gate, GroupFacts, GroupPolicy } from './decision.ts'
import { BY_PAIRING, decide } from './policy.ts'

/** One rule, in the order of the policy's table. */
export type Rule = { readonly question: string; readonly answer: string; readonly decides: boolean }
/** Changes that would together, and only together, lead to this action. */
export type Otherwise = { readonly action: Action; readonly changes: readonly string[] }
export type Explanation = {
  /** The outcome and its cause in one sentence. */
  readonly sentence: string
  /** As far as the rules were asked; the last one decided. */
  readonly rules: readonly Rule[]
  /** The smallest changes first; empty when nothing that people can change would help. */
  readonly otherwise: readonly Otherwise[]
}

const OTHERWISE_MAX = 3
/** More changes at once are no advice. */
const CHANGES_MAX = 5

export function explain(facts: Facts, decision: Decision): Explanation {
  return {
    sentence: sentenceOf(facts, decision),
    rules: rulesOf(facts, decision),
    otherwise: facts.gate ? [] : otherwiseOf(facts, decision.action),
  }
}

/** Of a message that was kept back, once that has ended: what it ended with. The rules stay those that were asked when it came. */
export function explainEnd(held: Explanation, sender: string, ending: Decision): Explanation {
  return { ...held, sentence: `It was kept back, and then ${endOf(nameOf(sender), ending)}.`, otherwise: [] }
}

const endOf = (who: string, { action, reason, detail }: Decision): string => {
  if (action === 'process') {
    const cause = detail === BY_PAIRING.detail ? `the bot’s owner approved ${who}` : `the bot’s settings were changed and let ${who} in`
    return `passed on to the assistant, because ${cause}`
  }
  if (reason === 'pairing_rejected') return `not answered, because the bot’s owner refused to let ${who} in`
  if (reason === 'pairing_expired') return `not answered, because the code that ${who} was given expired before the bot’s owner approved it`
  return `not answered, because more messages of people who are not let in yet were waiting than the bot keeps`
}

// The sentence.

const OUTCOMES: Readonly<Record<Action, string>> = {
  process: 'It was passed on to the assistant',
  ignore: 'It was not answered',
  pairing: 'It is kept back and not answered yet',
}

const sentenceOf = (facts: Facts, decision: Decision): string => `${OUTCOMES[decision.action]}, because ${causeOf(facts, decision)}.`

const GATES: Readonly<Record<Gate, string>> = {
  own_message: 'the bot wrote it itself',
  unsupported_content: 'it has neither text nor a file that can be read, or does not say when it was written',
  history: 'it was written before the bot was started for the first time',
  too_old:
    'it reached the bot too long after it was written (a day, unless limits.ageFenceMs says otherwise), or after very many newer ones of its writer',
  future_dated: 'its writer’s clock is wrong: too many of that writer’s messages are dated in the future',
}

function causeOf({ gate, conversation }: Facts, { action, reason, detail }: Decision): string {
  if (gate) return GATES[gate]
  const who = nameOf(conversation.sender)
  if (reason === 'loop_guard') return `${who} and the bot had answered each other so often and so fast that ${who} seems to be a bot, too`
  if (reason === 'denied' && conversation.sender.trim() === '') return 'it came without the name of its writer'
  return conversation.kind === 'direct'
    ? directCause(conversation, who, reason, detail)
    : groupCause(conversation, who, action, reason, detail)
}

function directCause(facts: DirectFacts, who: string, reason: Decision['reason'], detail: string): string {
  switch (reason) {
    case 'disabled':
      return 'direct messages to this bot are switched off for everybody'
    case 'whitelisted':
      return facts.listed ? `${who} is on the list of people who may always write to the bot` : `the bot’s owner has approved ${who}`
    case 'allowed':
      return 'everybody may write to this bot directly'
    case 'denied':
      return isDirectPolicy(facts.policy)
        ? `only people on the list may write to this bot, and ${who} is not on it`
        : `the setting dmPolicy, which says who may write to the bot, has an unknown value (${nameOf(facts.policy)}), and until that is put right nobody new is let in`
    case 'pending':
      return `the bot does not know ${who} yet: it has sent ${who} a code, and answers as soon as the bot’s owner approves that code`
    default:
      return detail
  }
}

function groupCause(facts: GroupFacts, who: string, action: Action, reason: Decision['reason'], detail: string): string {
  switch (reason) {
    case 'groups_disabled':
      return 'this bot does not take part in groups'
    case 'not_a_member':
      return `${who} is not a member of this group`
    case 'membership_unknown':
      return `the bot could not find out in time whether ${who} is a member of this group`
    case 'denied':
      return isGroupPolicy(facts.policy)
        ? `in this group the bot listens only to the person who created it, and ${who} did not`
        : `the setting groupPolicy, which says who may talk to the bot in groups, has an unknown value (${nameOf(facts.policy)}), and until that is put right the bot listens only to the person who created a group`
    case 'whitelisted':
      return action === 'process'
        ? `${who} is on this group’s list of people whom the bot may answer`
        : `in this group the bot answers only people on the group’s list, and ${who} is not on it`
    case 'mention_required':
      return `in this group the bot answers only when somebody mentions it (writes @ and its name), and ${who} did not`
    case 'creator':
      return `${who} created this group, and the bot listens to the person who did`
    case 'allowed':
      return 'every member of this group may talk to the bot'
    default:
      return detail
  }
}

// The rules that were asked.

const isDirectPolicy = (policy: string): boolean => ['open', 'allow', 'allowlist', 'deny', 'pairing', 'disabled'].includes(policy)
const isGroupPolicy = (policy: string): boolean => ['open', 'allowlist', 'disabled'].includes(policy)

type Asked = { readonly question: string; readonly yes: boolean; readonly decides: boolean; readonly answer?: string }

function rulesOf(facts: Facts, decision: Decision): readonly Rule[] {
  const { gate, looping, conversation } = facts
  if (gate) return [{ question: 'Is it a message that the bot can and should look at?', answer: `no: ${GATES[gate]}`, decides: true }]
  const asked = conversation.kind === 'direct' ? askDirect(conversation) : askGroup(conversation)
  const last = asked.findIndex(({ decides }) => decides)
  const rules = asked.slice(0, last + 1)
  const wouldPass = decide({ ...facts, looping: false }).action === 'process'
  const all = wouldPass
    ? [...rules.map(rule => ({ ...rule, decides: rule.decides && !looping })), { question: LOOP, yes: looping, decides: looping }]
    : rules
  // The guard is asked last, and decides only when it trips.
  const shown = decision.reason === 'loop_guard' || !wouldPass ? all : all.slice(0, -1)
  return shown.map(({ question, yes, answer, decides }) => ({ question, answer: answer ?? (yes ? 'yes' : 'no'), decides }))
}

const LOOP = 'Have the two answered each other too often and too fast?'

function askDirect({ sender, policy, listed, paired }: DirectFacts): readonly Asked[] {
  const who = nameOf(sender)
  const open = policy === 'open' || policy === 'allow'
  const closed = policy === 'allowlist' || policy === 'deny'
  return [
    { question: 'Does the writer have no name?', ...when(sender.trim() === '') },
    { question: 'Are direct messages switched off (dmPolicy "disabled")?', ...when(policy === 'disabled') },
    { question: `Is ${who} on the list of people who may always write (allowFrom), or is everybody ("*")?`, ...when(listed) },
    { question: `Has the bot’s owner approved ${who} (pairing)?`, ...when(paired) },
    { question: 'May everybody write (dmPolicy "open")?', ...when(open) },
    { question: 'May only people on the list write (dmPolicy "allowlist")?', ...when(closed) },
    { question: 'May strangers ask to be let in (dmPolicy "pairing")?', ...when(policy === 'pairing') },
    { question: 'Is dmPolicy set to something unknown?', ...when(true), answer: `yes: ${nameOf(policy)}` },
  ]
}

function askGroup({ sender, enabled, isCreator, membership, policy, listed, requireMention, mentioned }: GroupFacts): readonly Asked[] {
  const who = nameOf(sender)
  const open = policy === 'open'
  const mention: Asked = {
    question: 'Must the bot be mentioned here, and was it not?',
    ...when(requireMention && !mentioned),
    answer: requireMention ? (mentioned ? 'no: it was mentioned' : 'yes') : 'no: it need not be mentioned',
  }
  const first: readonly Asked[] = [
    { question: 'Are groups switched off (enableGroups)?', ...when(!enabled) },
    { question: 'Does the writer have no name?', ...when(sender.trim() === '') },
  ]
  if (isCreator) {
    return [
      ...first,
      { question: `Did ${who} create the group?`, yes: true, decides: false },
      mention,
      through(`Did ${who} create the group?`),
    ]
  }
  return [
    ...first,
    { question: `Did ${who} create the group?`, yes: false, decides: false },
    {
      question: `Is ${who} no member of the group?`,
      ...when(membership !== 'member'),
      answer: membership === 'member' ? 'no' : membership === 'outsider' ? 'yes' : 'nobody could tell',
    },
    { question: 'Is everybody but the creator shut out (groupPolicy "disabled")?', ...when(policy === 'disabled') },
    {
      question: `Must ${who} be on the group’s list (allowFrom, as groupPolicy is "allowlist"), and is not?`,
      ...when(policy === 'allowlist' && !listed),
      ...(policy === 'allowlist' && listed ? { answer: `no: ${who} is on it` } : {}),
    },
    {
      question: 'Is groupPolicy set to something unknown?',
      ...when(!isGroupPolicy(policy)),
      answer: isGroupPolicy(policy) ? 'no' : `yes: ${nameOf(policy)}`,
    },
    mention,
    through(open ? 'May every member talk to the bot (groupPolicy "open")?' : `Is ${who} on the group’s list (allowFrom)?`),
  ]
}

const when = (yes: boolean) => ({ yes, decides: yes })
const through = (question: string): Asked => ({ question, yes: true, decides: true })

// What would have to be different.

/** One thing that somebody can do about the facts. */
type Lever = { readonly change: string; readonly apply: (facts: Facts) => Facts }

function otherwiseOf(facts: Facts, action: Action): readonly Otherwise[] {
  const wanted: Action = action === 'process' ? 'ignore' : 'process'
  const levers = leversOf(facts)
  for (let size = 1; size <= CHANGES_MAX; size++) {
    const found = choose(levers, size).filter(
      chosen => decide(chosen.reduce((changed, lever) => lever.apply(changed), facts)).action === wanted,
    )
    if (found.length > 0) {
      return found.slice(0, OTHERWISE_MAX).map(chosen => ({ action: wanted, changes: chosen.map(({ change }) => change) }))
    }
  }
  return []
}

function choose(levers: readonly Lever[], size: number, from = 0): readonly (readonly Lever[])[] {
  if (size === 0) return [[]]
  return levers.flatMap((lever, at) => (at < from ? [] : choose(levers, size - 1, at + 1).map(rest => [lever, ...rest])))
}

/** Those that change something, the mildest first. */
function leversOf(facts: Facts): readonly Lever[] {
  const { conversation } = facts
  // Nobody can give a name to a message that came without one.
  if (conversation.sender.trim() === '') return []
  const levers = conversation.kind === 'direct' ? directLevers(conversation) : groupLevers(conversation)
  const wait: readonly Lever[] = facts.looping
    ? [{ change: 'a minute has gone by without an exchange', apply: now => ({ ...now, looping: false }) }]
    : []
  return [...wait, ...levers]
}

const DIRECT_WORDS = {
  open: 'everybody may write to the bot',
  pairing: 'strangers may ask to be let in',
  allowlist: 'only people on the list may write to the bot',
  disabled: 'nobody may write to the bot directly',
} as const satisfies Readonly<Record<DmPolicy, string>>
const GROUP_WORDS = {
  open: 'every member of this group may talk to the bot',
  allowlist: 'people on this group’s list may talk to the bot',
  disabled: 'only the person who created this group may talk to the bot',
} as const satisfies Readonly<Record<GroupPolicy, string>>

function directLevers(now: DirectFacts): readonly Lever[] {
  const who = nameOf(now.sender)
  const set = (change: string, to: Partial<DirectFacts>): Lever => ({
    change,
    apply: facts => (facts.conversation.kind === 'direct' ? { ...facts, conversation: { ...facts.conversation, ...to } } : facts),
  })
  return [
    now.listed
      ? set(`neither ${who} nor "*" is on the list of people who may always write (allowFrom)`, { listed: false })
      : set(`${who} is on the list of people who may always write (allowFrom)`, { listed: true }),
    now.paired
      ? set(`the bot’s owner takes the approval of ${who} back`, { paired: false })
      : set(`the bot’s owner approves ${who} (pairing)`, { paired: true }),
    ...(['open', 'pairing', 'allowlist', 'disabled'] as const)
      .filter(policy => policy !== now.policy)
      .map(policy => set(`${DIRECT_WORDS[policy]} (dmPolicy "${policy}")`, { policy })),
  ]
}

function groupLevers(now: GroupFacts): readonly Lever[] {
  const who = nameOf(now.sender)
  const set = (change: string, to: Partial<GroupFacts>): Lever => ({
    change,
    apply: facts => (facts.conversation.kind === 'group' ? { ...facts, conversation: { ...facts.conversation, ...to } } : facts),
  })
  return [
    now.mentioned ? set(`${who} does not mention the bot`, { mentioned: false }) : set(`${who} mentions the bot`, { mentioned: true }),
    now.listed
      ? set(`neither ${who} nor "*" is on the group’s list (allowFrom)`, { listed: false })
      : set(`${who} is on the group’s list (allowFrom)`, { listed: true }),
    now.requireMention
      ? set('the bot need not be mentioned in this group (requireMention false)', { requireMention: false })
      : set('the bot must be mentioned in this group (requireMention true)', { requireMention: true }),
    ...(now.isCreator
      ? []
      : [
          now.membership === 'member'
            ? set(`${who} leaves the group`, { membership: 'outsider' })
            : set(`${who} is a member of the group`, { membership: 'member' }),
        ]),
    ...(['open', 'allowlist', 'disabled'] as const)
      .filter(policy => policy !== now.policy)
      .map(policy => set(`${GROUP_WORDS[policy]} (groupPolicy "${policy}")`, { policy })),
    now.enabled
      ? set('the bot takes no part in groups (enableGroups false)', { enabled: false })
      : set('the bot takes part in groups (enableGroups true)', { enabled: true }),
  ]
}

const NAME_CHARACTERS_MAX = 64

/** A foreign name for the middle of a sentence: short, and without what a terminal would obey. */
function nameOf(name: string): string {
  const short = name.length > NAME_CHARACTERS_MAX ? `${name.slice(0, NAME_CHARACTERS_MAX)}…` : name
  return `“${short.replace(/[\p{C}\p{Zl}\p{Zp}“”]/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)}”`
}
