import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DmPolicy, Facts, Gate, GroupFacts, GroupPolicy } from '../../src/domain/decision.ts'
import { decide, lacksOnlyMention, matchesAllowFrom } from '../../src/domain/policy.ts'

const verdict = (facts: Facts): string => {
  const { action, reason } = decide(facts)
  return `${action}:${reason}`
}

/** What the loop guard makes of a row: only what would be let through is held. */
const guarded = (expected: string, looping: boolean): string =>
  looping && expected.startsWith('process:') ? 'ignore:loop_guard' : expected

const gates: Record<Gate, true> = { own_message: true, unsupported_content: true, history: true, too_old: true, future_dated: true }
const allGates: readonly (Gate | null)[] = [null, ...(Object.keys(gates) as Gate[])]
const unknownPolicies = ['', 'OPEN', ' open', 'friends', 'constructor', '__proto__', 'toString']

describe('a direct message', () => {
  type Row = readonly [noName: string, listed: string, paired: string, both: string, neither: string]
  // biome-ignore format: a table is read by its columns
  const canonical: Record<DmPolicy, Row> = {
    //          no name         in allowFrom           paired                 both                   neither
    pairing:   ['ignore:denied', 'process:whitelisted', 'process:whitelisted', 'process:whitelisted', 'pairing:pending'],
    open:      ['ignore:denied', 'process:whitelisted', 'process:whitelisted', 'process:whitelisted', 'process:allowed'],
    allowlist: ['ignore:denied', 'process:whitelisted', 'process:whitelisted', 'process:whitelisted', 'ignore:denied'],
    disabled:  ['ignore:denied', 'ignore:disabled',     'ignore:disabled',     'ignore:disabled',     'ignore:disabled'],
  }
  // biome-ignore format: a table is read by its columns
  const otherNames: readonly (readonly [string, Row])[] = [
    ['allow',  ['ignore:denied', 'process:whitelisted', 'process:whitelisted', 'process:whitelisted', 'process:allowed']],
    ['deny',   ['ignore:denied', 'process:whitelisted', 'process:whitelisted', 'process:whitelisted', 'ignore:denied']],
    ...unknownPolicies.map(policy => [policy,
               ['ignore:denied', 'process:whitelisted', 'process:whitelisted', 'process:whitelisted', 'ignore:denied']] as const),
  ]
  const senders = [
    { column: 0, sender: '', listed: false, paired: false },
    { column: 0, sender: ' \t\u3000\n', listed: true, paired: true },
    { column: 1, sender: 'alice', listed: true, paired: false },
    { column: 2, sender: 'alice', listed: false, paired: true },
    { column: 3, sender: 'alice', listed: true, paired: true },
    { column: 4, sender: 'alice', listed: false, paired: false },
  ] as const

  test.each([...Object.entries(canonical), ...otherNames])('under dmPolicy "%s" is decided as its row says', (policy, row) => {
    for (const { column, sender, listed, paired } of senders) {
      for (const looping of [false, true]) {
        const conversation = { kind: 'direct', sender, policy, listed, paired } as const
        expect(verdict({ gate: null, looping, conversation })).toBe(guarded(row[column], looping))
        expect(lacksOnlyMention({ gate: null, looping, conversation })).toBe(false)
        for (const gate of Object.keys(gates) as Gate[]) expect(verdict({ gate, looping, conversation })).toBe(`ignore:${gate}`)
      }
    }
  })
})

describe('a group message', () => {
  type Row = readonly [creator: string, listed: string, unlisted: string, outsider: string, unknown: string]
  // biome-ignore format: a table is read by its columns
  const spokenTo: Record<GroupPolicy, Row> = {
    //          creator            listed member          other member          neither member nor creator  member list unknown
    allowlist: ['process:creator', 'process:whitelisted', 'ignore:whitelisted', 'ignore:not_a_member',      'ignore:membership_unknown'],
    open:      ['process:creator', 'process:allowed',     'process:allowed',    'ignore:not_a_member',      'ignore:membership_unknown'],
    disabled:  ['process:creator', 'ignore:denied',       'ignore:denied',      'ignore:not_a_member',      'ignore:membership_unknown'],
  }
  // biome-ignore format: a table is read by its columns
  const notSpokenTo: Record<GroupPolicy, Row> = {
    //          creator                    listed member              other member               neither                 member list unknown
    allowlist: ['ignore:mention_required', 'ignore:mention_required', 'ignore:whitelisted',      'ignore:not_a_member', 'ignore:membership_unknown'],
    open:      ['ignore:mention_required', 'ignore:mention_required', 'ignore:mention_required', 'ignore:not_a_member', 'ignore:membership_unknown'],
    disabled:  ['ignore:mention_required', 'ignore:denied',           'ignore:denied',           'ignore:not_a_member', 'ignore:membership_unknown'],
  }
  // biome-ignore format: a table is read by its columns
  const unknownSpokenTo: Row =
               ['process:creator', 'ignore:denied',       'ignore:denied',      'ignore:not_a_member',      'ignore:membership_unknown']
  // biome-ignore format: a table is read by its columns
  const unknownNotSpokenTo: Row =
               ['ignore:mention_required', 'ignore:denied',           'ignore:denied',           'ignore:not_a_member', 'ignore:membership_unknown']

  const policies: readonly (readonly [string, Row, Row])[] = [
    ...(Object.keys(spokenTo) as GroupPolicy[]).map(policy => [policy, spokenTo[policy], notSpokenTo[policy]] as const),
    // The aliases are those of dmPolicy alone.
    ...[...unknownPolicies, 'allow', 'deny', 'pairing'].map(policy => [policy, unknownSpokenTo, unknownNotSpokenTo] as const),
  ]
  const both = [false, true]
  const senders: readonly (Pick<GroupFacts, 'isCreator' | 'membership' | 'listed'> & { column: 0 | 1 | 2 | 3 | 4 })[] = [
    // The creator needs no list: neither the members' nor allowFrom.
    ...(['member', 'outsider', 'unknown'] as const).flatMap(membership =>
      both.map(listed => ({ column: 0, isCreator: true, membership, listed }) as const),
    ),
    { column: 1, isCreator: false, membership: 'member', listed: true },
    { column: 2, isCreator: false, membership: 'member', listed: false },
    { column: 3, isCreator: false, membership: 'outsider', listed: true },
    { column: 3, isCreator: false, membership: 'outsider', listed: false },
    { column: 4, isCreator: false, membership: 'unknown', listed: true },
    { column: 4, isCreator: false, membership: 'unknown', listed: false },
  ]

  test.each(policies)('under groupPolicy "%s" is decided as its row says', (policy, addressed, unaddressed) => {
    for (const { column, ...who } of senders) {
      for (const [requireMention, mentioned] of [
        [false, false],
        [false, true],
        [true, false],
        [true, true],
      ] as const) {
        for (const enabled of both) {
          for (const looping of both) {
            for (const gate of allGates) {
              for (const sender of ['alice', '', ' \t ']) {
                const row = !requireMention || mentioned ? addressed : unaddressed
                const named = sender.trim() ? guarded(row[column], looping) : 'ignore:denied'
                const expected = gate ? `ignore:${gate}` : enabled ? named : 'ignore:groups_disabled'
                const conversation = { kind: 'group', sender, policy, enabled, requireMention, mentioned, ...who } as const
                expect(verdict({ gate, looping, conversation }), JSON.stringify({ gate, looping, conversation })).toBe(expected)
                // Only who would be heard with a mention.
                const isMissing = expected === 'ignore:mention_required' && guarded(addressed[column], looping).startsWith('process:')
                expect(lacksOnlyMention({ gate, looping, conversation })).toBe(isMissing)
              }
            }
          }
        }
      }
    }
  })
})

describe('the detail of a decision', () => {
  const direct = (sender: string, policy: string): Facts => ({
    gate: null,
    looping: false,
    conversation: { kind: 'direct', sender, policy, listed: false, paired: false },
  })

  test('says what was compared with what', () => {
    expect(decide(direct('alice', 'deny')).detail).toBe('"alice" is not in allowFrom and not approved by pairing, and dmPolicy is "deny"')
    expect(decide(direct('alice', 'friends')).detail).toBe('dmPolicy is "friends", which is no known policy')
  })

  test('shows a foreign name without what a terminal would obey, and not at length', () => {
    expect(decide(direct('a\u001b[31m"\u202e', 'pairing')).detail).toBe(
      '"a\\u{1b}[31m\\u{22}\\u{202e}" is not in allowFrom and not approved by pairing yet',
    )
    expect(decide(direct('x'.repeat(10_000), 'pairing')).detail.length).toBeLessThan(200)
  })

  test('of a row that ignores with the code `whitelisted` says that the sender is not on the list', () => {
    const decision = decide({
      gate: null,
      looping: false,
      conversation: {
        kind: 'group',
        sender: 'bob',
        enabled: true,
        isCreator: false,
        membership: 'member',
        policy: 'allowlist',
        listed: false,
        requireMention: false,
        mentioned: false,
      },
    })
    expect(decision).toEqual({ action: 'ignore', reason: 'whitelisted', detail: '"bob" is not in allowFrom of the group' })
  })
})

describe('allowFrom', () => {
  test.each([
    ['alice', ['alice'], true],
    ['alice', ['bob', 'alice'], true],
    ['alice', [], false],
    ['alice', ['Alice'], false],
    ['alice', ['ALICE'], false],
    ['alice', [' alice'], false],
    ['alice', ['alice '], false],
    ['alice', ['ali'], false],
    ['ali', ['alice'], false],
    ['alice', ['a*'], false],
    ['alice', ['**'], false],
    ['alice', ['*'], true],
    ['alice', ['bob', '*'], true],
    ['*', ['alice'], false],
    ['zo\u00eb', ['zoe\u0308'], true],
    ['zoe\u0308', ['zo\u00eb'], true],
    // Compatibility forms are other names: NFC, not NFKC.
    ['\uff41lice', ['alice'], false],
    ['\u212aim', ['Kim'], true],
    ['аlice', ['alice'], false],
  ])('lets %j in by %j: %s', (sender, allowFrom, expected) => {
    expect(matchesAllowFrom(sender, allowFrom)).toBe(expected)
  })

  test('never matches two names that differ after normalisation', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (sender, entry) => {
        fc.pre(entry !== '*')
        expect(matchesAllowFrom(sender, [entry])).toBe(sender.normalize('NFC') === entry.normalize('NFC'))
      }),
    )
  })
})
