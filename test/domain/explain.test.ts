import { describe, expect, test } from 'vitest'
import type { Decision, DirectFacts, Facts, Gate, GroupFacts } from '../../src/domain/decision.ts'
import { explain, explainEnd } from '../../src/domain/explain.ts'
import { BY_PAIRING, decide } from '../../src/domain/policy.ts'

const direct = (facts: Partial<DirectFacts>, rest: Partial<Facts> = {}): Facts => ({
  gate: null,
  looping: false,
  ...rest,
  conversation: { kind: 'direct', sender: 'alice', policy: 'pairing', listed: false, paired: false, ...facts },
})
const group = (facts: Partial<GroupFacts>, rest: Partial<Facts> = {}): Facts => ({
  gate: null,
  looping: false,
  ...rest,
  conversation: {
    kind: 'group',
    sender: 'bob',
    enabled: true,
    isCreator: false,
    membership: 'member',
    policy: 'allowlist',
    listed: true,
    requireMention: true,
    mentioned: true,
    ...facts,
  },
})
const gated = (gate: Gate) => direct({}, { gate })
const ended = (reason: Decision['reason']): Decision => ({ action: 'ignore', reason, detail: 'held for pairing, which ended' })
const explained = (facts: Facts) => explain(facts, decide(facts))

/** Every row of the two policies: what is said of it, and what would change it. */
const rows: readonly (readonly [row: string, facts: Facts, sentence: string, otherwise: readonly string[]])[] = [
  ['direct 1, no name', direct({ sender: ' ' }), 'It was not answered, because it came without the name of its writer.', []],
  [
    'direct 2, switched off',
    direct({ policy: 'disabled' }),
    'It was not answered, because direct messages to this bot are switched off for everybody.',
    ['everybody may write to the bot (dmPolicy "open")'],
  ],
  [
    'direct 2, switched off, for a listed person',
    direct({ policy: 'disabled', listed: true }),
    'It was not answered, because direct messages to this bot are switched off for everybody.',
    [
      'everybody may write to the bot (dmPolicy "open")',
      'strangers may ask to be let in (dmPolicy "pairing")',
      'only people on the list may write to the bot (dmPolicy "allowlist")',
    ],
  ],
  [
    'direct 3, listed',
    direct({ listed: true, policy: 'allowlist' }),
    'It was passed on to the assistant, because “alice” is on the list of people who may always write to the bot.',
    [
      'neither “alice” nor "*" is on the list of people who may always write (allowFrom)',
      'nobody may write to the bot directly (dmPolicy "disabled")',
    ],
  ],
  [
    'direct 4, approved',
    direct({ paired: true }),
    'It was passed on to the assistant, because the bot’s owner has approved “alice”.',
    ['nobody may write to the bot directly (dmPolicy "disabled")'],
  ],
  [
    'direct 5, open',
    direct({ policy: 'open' }),
    'It was passed on to the assistant, because everybody may write to this bot directly.',
    ['only people on the list may write to the bot (dmPolicy "allowlist")', 'nobody may write to the bot directly (dmPolicy "disabled")'],
  ],
  [
    'direct 6, not listed',
    direct({ policy: 'allowlist' }),
    'It was not answered, because only people on the list may write to this bot, and “alice” is not on it.',
    [
      '“alice” is on the list of people who may always write (allowFrom)',
      'the bot’s owner approves “alice” (pairing)',
      'everybody may write to the bot (dmPolicy "open")',
    ],
  ],
  [
    'direct 7, a stranger',
    direct({}),
    'It is kept back and not answered yet, because the bot does not know “alice” yet: it has sent “alice” a code, and answers as soon as the bot’s owner approves that code.',
    [
      '“alice” is on the list of people who may always write (allowFrom)',
      'the bot’s owner approves “alice” (pairing)',
      'everybody may write to the bot (dmPolicy "open")',
    ],
  ],
  [
    'direct –, unknown policy',
    direct({ policy: 'friends' }),
    'It was not answered, because the setting dmPolicy, which says who may write to the bot, has an unknown value (“friends”), and until that is put right nobody new is let in.',
    [
      '“alice” is on the list of people who may always write (allowFrom)',
      'the bot’s owner approves “alice” (pairing)',
      'everybody may write to the bot (dmPolicy "open")',
    ],
  ],
  [
    'group 0, groups off',
    group({ enabled: false }),
    'It was not answered, because this bot does not take part in groups.',
    ['the bot takes part in groups (enableGroups true)'],
  ],
  [
    'group 0, groups off, without a mention',
    group({ enabled: false, mentioned: false }),
    'It was not answered, because this bot does not take part in groups.',
    [
      '“bob” mentions the bot + the bot takes part in groups (enableGroups true)',
      'the bot need not be mentioned in this group (requireMention false) + the bot takes part in groups (enableGroups true)',
    ],
  ],
  ['group 1, no name', group({ sender: '' }), 'It was not answered, because it came without the name of its writer.', []],
  [
    'group 1b, no member',
    group({ membership: 'outsider' }),
    'It was not answered, because “bob” is not a member of this group.',
    ['“bob” is a member of the group'],
  ],
  [
    'group 1b, membership unknown',
    group({ membership: 'unknown' }),
    'It was not answered, because the bot could not find out in time whether “bob” is a member of this group.',
    ['“bob” is a member of the group'],
  ],
  [
    'group 2, the creator',
    group({ isCreator: true, policy: 'disabled' }),
    'It was passed on to the assistant, because “bob” created this group, and the bot listens to the person who did.',
    ['“bob” does not mention the bot', 'the bot takes no part in groups (enableGroups false)'],
  ],
  [
    'group 3, disabled',
    group({ policy: 'disabled' }),
    'It was not answered, because in this group the bot listens only to the person who created it, and “bob” did not.',
    [
      'every member of this group may talk to the bot (groupPolicy "open")',
      'people on this group’s list may talk to the bot (groupPolicy "allowlist")',
    ],
  ],
  [
    'group 4, not listed',
    group({ listed: false }),
    'It was not answered, because in this group the bot answers only people on the group’s list, and “bob” is not on it.',
    ['“bob” is on the group’s list (allowFrom)', 'every member of this group may talk to the bot (groupPolicy "open")'],
  ],
  [
    'group 4, listed',
    group({}),
    'It was passed on to the assistant, because “bob” is on this group’s list of people whom the bot may answer.',
    ['“bob” does not mention the bot', 'neither “bob” nor "*" is on the group’s list (allowFrom)', '“bob” leaves the group'],
  ],
  [
    'group 5, open',
    group({ policy: 'open' }),
    'It was passed on to the assistant, because every member of this group may talk to the bot.',
    [
      '“bob” does not mention the bot',
      '“bob” leaves the group',
      'only the person who created this group may talk to the bot (groupPolicy "disabled")',
    ],
  ],
  [
    'group 6, not mentioned',
    group({ mentioned: false }),
    'It was not answered, because in this group the bot answers only when somebody mentions it (writes @ and its name), and “bob” did not.',
    ['“bob” mentions the bot', 'the bot need not be mentioned in this group (requireMention false)'],
  ],
  [
    'group 6, not mentioned by the creator',
    group({ isCreator: true, mentioned: false }),
    'It was not answered, because in this group the bot answers only when somebody mentions it (writes @ and its name), and “bob” did not.',
    ['“bob” mentions the bot', 'the bot need not be mentioned in this group (requireMention false)'],
  ],
  [
    'group –, unknown policy',
    group({ policy: 'friends' }),
    'It was not answered, because the setting groupPolicy, which says who may talk to the bot in groups, has an unknown value (“friends”), and until that is put right the bot listens only to the person who created a group.',
    [
      'every member of this group may talk to the bot (groupPolicy "open")',
      'people on this group’s list may talk to the bot (groupPolicy "allowlist")',
    ],
  ],
  [
    'the loop guard',
    direct({ policy: 'open' }, { looping: true }),
    'It was not answered, because “alice” and the bot had answered each other so often and so fast that “alice” seems to be a bot, too.',
    ['a minute has gone by without an exchange'],
  ],
  ['before any policy: own message', gated('own_message'), 'It was not answered, because the bot wrote it itself.', []],
  [
    'before any policy: nothing to read',
    gated('unsupported_content'),
    'It was not answered, because it has neither text nor a file that can be read, or does not say when it was written.',
    [],
  ],
  [
    'before any policy: history',
    gated('history'),
    'It was not answered, because it was written before the bot was started for the first time.',
    [],
  ],
  [
    'before any policy: too old',
    gated('too_old'),
    'It was not answered, because it reached the bot too long after it was written (a day, unless limits.ageFenceMs says otherwise), or after very many newer ones of its writer.',
    [],
  ],
  [
    'before any policy: dated in the future',
    gated('future_dated'),
    'It was not answered, because its writer’s clock is wrong: too many of that writer’s messages are dated in the future.',
    [],
  ],
]

describe('a decision is explained in a sentence, with what would change it', () => {
  test.each(rows)('%s', (_row, facts, sentence, otherwise) => {
    const { sentence: said, otherwise: ways } = explained(facts)
    expect(said).toBe(sentence)
    expect(ways.map(({ changes }) => changes.join(' + '))).toEqual(otherwise)
  })
})

test.each<[string, Decision, string]>([
  ['approved', BY_PAIRING, 'passed on to the assistant, because the bot’s owner approved “alice”'],
  ['let in', decide(direct({ listed: true })), 'passed on to the assistant, because the bot’s settings were changed and let “alice” in'],
  [
    'let in with everybody',
    decide(direct({ policy: 'open' })),
    'passed on to the assistant, because the bot’s settings were changed and let “alice” in',
  ],
  ['refused', ended('pairing_rejected'), 'not answered, because the bot’s owner refused to let “alice” in'],
  [
    'too late',
    ended('pairing_expired'),
    'not answered, because the code that “alice” was given expired before the bot’s owner approved it',
  ],
  [
    'too many',
    ended('pairing_overflow'),
    'not answered, because more messages of people who are not let in yet were waiting than the bot keeps',
  ],
])('what was kept back is told by its end: %s', (_end, decision, told) => {
  const { sentence, otherwise } = explainEnd(explained(direct({})), 'alice', decision)
  expect(sentence).toBe(`It was kept back, and then ${told}.`)
  expect(otherwise).toEqual([])
})

const both = [false, true]
const everything: readonly Facts[] = [null, 'own_message' as const].flatMap(gate =>
  both.flatMap(looping =>
    ['alice', ' '].flatMap(sender => [
      ...['pairing', 'open', 'allow', 'allowlist', 'deny', 'disabled', 'friends'].flatMap(policy =>
        both.flatMap(listed => both.map(paired => direct({ sender, policy, listed, paired }, { gate, looping }))),
      ),
      ...['allowlist', 'open', 'disabled', 'friends'].flatMap(policy =>
        (['member', 'outsider', 'unknown'] as const).flatMap(membership =>
          both.flatMap(listed =>
            both.flatMap(enabled =>
              both.flatMap(isCreator =>
                both.flatMap(requireMention =>
                  both.map(mentioned =>
                    group({ sender, policy, membership, listed, enabled, isCreator, requireMention, mentioned }, { gate, looping }),
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
    ]),
  ),
)

/** The rule that leads to this decision, by its reason. */
const DECIDING: Readonly<Record<string, RegExp>> = {
  loop_guard: /^Have the two answered each other too often/,
  groups_disabled: /^Are groups switched off/,
  not_a_member: /no member of the group/,
  membership_unknown: /no member of the group/,
  mention_required: /^Must the bot be mentioned/,
  creator: /create the group/,
  disabled: /^Are direct messages switched off/,
  pending: /^May strangers ask to be let in/,
  denied: /no name|dmPolicy|groupPolicy/,
  allowed: /dmPolicy "open"|groupPolicy "open"/,
  whitelisted: /allowFrom|owner approved .* \(pairing\)/,
  own_message: /can and should look at/,
}

test('of the rules that were asked exactly the last one decides, whatever the facts, and it is the one of the policy', () => {
  expect(everything.length).toBeGreaterThan(1_000)
  for (const facts of everything) {
    const { rules, sentence } = explained(facts)
    expect(rules.at(-1)?.question, JSON.stringify(facts)).toMatch(DECIDING[decide(facts).reason] ?? /^$/)
    expect(rules.map(({ decides }) => decides).indexOf(true), JSON.stringify(facts)).toBe(rules.length - 1)
    // No decision is left to the technical detail.
    expect(sentence, JSON.stringify(facts)).not.toMatch(/enableGroups|requireMention|allowFrom/)
  }
})

test('whatever is not answered for a reason that people can change has a way to be answered', () => {
  for (const facts of everything) {
    const { action } = decide(facts)
    const { otherwise } = explained(facts)
    const isHelpless = facts.gate !== null || facts.conversation.sender.trim() === ''
    expect(otherwise.length > 0, JSON.stringify(facts)).toBe(!isHelpless)
    for (const way of otherwise) expect(way.action).toBe(action === 'process' ? 'ignore' : 'process')
  }
})

test('a hostile name cannot leave its quotes or move the cursor', () => {
  const { sentence, rules } = explained(direct({ sender: 'a\u001b[31m”\u202e' }))
  expect(`${sentence}${rules.map(({ question }) => question).join('')}`).not.toMatch(/\p{C}|m”[^ :]/u)
  expect(explained(direct({ sender: 'x'.repeat(10_000) })).sentence.length).toBeLessThan(400)
})
