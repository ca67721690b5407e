import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SenderTools } from '../../src/domain/settings.ts'
import { mergeTools, type ToolPolicy } from '../../src/domain/tools.ts'

const none: ToolPolicy = { allow: [], deny: ['*'] }
const usual = ['group:messaging', 'group:sessions']

describe('the tools of alice in a group', () => {
  type Case = readonly [what: string, tools: ToolPolicy | null, bySender: Record<string, SenderTools>, expected: ToolPolicy]
  const cases: readonly Case[] = [
    ['nothing configured', null, {}, { allow: usual }],
    ['a key with nothing after it', {}, {}, { allow: usual }],
    ['allow alone', { allow: ['read'] }, {}, { allow: ['read'] }],
    ['an empty allow', { allow: [] }, {}, none],
    ['deny alone', { deny: ['exec'] }, {}, { deny: ['exec'] }],
    ['an empty deny', { deny: [] }, {}, { deny: [] }],
    ['a deny of everything', { deny: ['*'] }, {}, none],
    ['both', { allow: ['read', 'write'], deny: ['write'] }, {}, { allow: ['read'], deny: ['write'] }],
    ['both, and nothing left', { allow: ['read'], deny: ['read'] }, {}, none],
    ['an allow of everything', { allow: ['*'] }, {}, { allow: ['*'] }],
    ['an allow of everything but one', { allow: ['*'], deny: ['exec'] }, {}, { deny: ['exec'] }],
    ['an allow and a deny of everything', { allow: ['*'], deny: ['*'] }, {}, none],

    ['the sender adds to nothing configured', null, { alice: { alsoAllow: ['read'] } }, { allow: [...usual, 'read'] }],
    ['the sender adds to an allow', { allow: ['read'] }, { alice: { alsoAllow: ['exec'] } }, { allow: ['read', 'exec'] }],
    ['the sender adds to a deny alone', { deny: ['exec'] }, { alice: { alsoAllow: ['read'] } }, { deny: ['exec'] }],
    ['the sender replaces an allow', { allow: ['read'] }, { alice: { allow: ['exec'] } }, { allow: ['exec'] }],
    ['the sender replaces nothing configured', null, { alice: { allow: ['exec'] } }, { allow: ['exec'] }],
    ['the sender replaces and adds', { allow: ['read'] }, { alice: { allow: ['exec'], alsoAllow: ['tts'] } }, { allow: ['exec', 'tts'] }],
    ['the sender replaces with nothing', { allow: ['read'] }, { alice: { allow: [] } }, none],
    ['the sender replaces under a deny', { deny: ['exec'] }, { alice: { allow: ['exec', 'read'] } }, { allow: ['read'], deny: ['exec'] }],
    [
      'the sender cannot add what the group denies',
      { allow: ['read'], deny: ['exec'] },
      { alice: { alsoAllow: ['exec'] } },
      { allow: ['read'], deny: ['exec'] },
    ],
    ['the sender loses one', { allow: ['read', 'write'] }, { alice: { deny: ['write'] } }, { allow: ['read'], deny: ['write'] }],
    [
      'the sender loses one of the usual',
      null,
      { alice: { deny: ['sessions'] } },
      { allow: ['group:messaging'], deny: ['group:sessions'] },
    ],
    ['the sender loses one more', { deny: ['exec'] }, { alice: { deny: ['write'] } }, { deny: ['exec', 'write'] }],
    ['the sender loses all', null, { alice: { deny: ['*'] } }, none],
    [
      'a deny beats an allow of the same entry',
      null,
      { alice: { allow: ['read', 'exec'], deny: ['exec'] } },
      { allow: ['read'], deny: ['exec'] },
    ],

    ['somebody else is named', null, { bob: { allow: ['exec'] }, Alice: { allow: ['exec'] } }, { allow: usual }],
    ['everybody is named', null, { '*': { allow: ['read'] } }, { allow: ['read'] }],
    ['her own entry comes before everybody', null, { '*': { allow: ['read'] }, alice: { allow: ['tts'] } }, { allow: ['tts'] }],
    [
      'a deny for everybody holds for her, too',
      null,
      { '*': { deny: ['exec'] }, alice: { allow: ['exec', 'tts'] } },
      { allow: ['tts'], deny: ['exec'] },
    ],
    ['a prefix: id', null, { 'id:alice': { allow: ['tts'] } }, { allow: ['tts'] }],
    ['a prefix: username', null, { 'username:alice': { allow: ['tts'] } }, { allow: ['tts'] }],
    ['a prefix: name', null, { 'name:alice': { allow: ['tts'] } }, { allow: ['tts'] }],
    ['a prefix comes before the bare name', null, { alice: { allow: ['read'] }, 'id:alice': { allow: ['tts'] } }, { allow: ['tts'] }],
    [
      'a deny holds under each of her names',
      null,
      { alice: { deny: ['read'] }, 'id:alice': { allow: ['tts', 'read'] } },
      { allow: ['tts'], deny: ['read'] },
    ],
    ['an unknown prefix is a name', null, { 'e164:alice': { allow: ['tts'] } }, { allow: usual }],

    ['the bare name of a group', { allow: ['fs', 'Web'] }, {}, { allow: ['group:fs', 'group:web'] }],
    ['one spelled twice', { allow: ['fs', 'group:fs', ' read ', 'read', ''] }, {}, { allow: ['group:fs', 'read'] }],
    ['a denied group takes its members', { allow: ['exec', 'read'], deny: ['runtime'] }, {}, { allow: ['read'], deny: ['group:runtime'] }],
    ['a group without its only member', { allow: ['messaging'], deny: ['message'] }, {}, none],
    ['a group without one of its members', { allow: ['fs'], deny: ['write'] }, {}, { allow: ['group:fs'], deny: ['write'] }],
    ['a group without any of its members', { allow: ['web'], deny: ['web_*', 'X_search'] }, {}, none],
    ['another name of the same tool', { allow: ['bash'], deny: ['exec'] }, {}, none],
    ['another case of the same tool', { allow: ['Exec'], deny: ['exec'] }, {}, none],
    ['a pattern within a denied pattern', { allow: ['mcp__a*'], deny: ['mcp__*'] }, {}, none],
    ['a pattern whose ends would overlap', { allow: ['ab'], deny: ['ab*b'] }, {}, { allow: ['ab'], deny: ['ab*b'] }],
    [
      'a pattern in several pieces',
      { allow: ['a1b2c', 'a1c2b', 'a1c'], deny: ['a*b*c'] },
      {},
      { allow: ['a1c2b', 'a1c'], deny: ['a*b*c'] },
    ],
    ['a pattern wider than the denied one', { allow: ['mcp__*'], deny: ['mcp__a*'] }, {}, { allow: ['mcp__*'], deny: ['mcp__a*'] }],
  ]

  test.each(cases)('%s', (_, tools, toolsBySender, expected) => {
    expect(mergeTools({ tools, toolsBySender }, 'alice')).toEqual(expected)
  })

  test('are nothing that she could take by calling herself like a key', () => {
    expect(mergeTools({ tools: null, toolsBySender: { 'id:alice': { allow: ['exec'] } } }, 'id:alice')).toEqual({ allow: usual })
    expect(mergeTools({ tools: null, toolsBySender: { 'id:id:alice': { allow: ['exec'] } } }, 'id:alice')).toEqual({ allow: ['exec'] })
    for (const name of ['__proto__', 'constructor', 'toString', '']) {
      expect(mergeTools({ tools: null, toolsBySender: {} }, name)).toEqual({ allow: usual })
    }
  })

  test('are found by her name in any Unicode form', () => {
    expect(mergeTools({ tools: null, toolsBySender: { 'zoe\u0308': { allow: ['tts'] } } }, 'zo\u00eb')).toEqual({ allow: ['tts'] })
  })
})

/** The matching of OpenClaw 2026.9, put down apart: an empty allow means everything, a deny wins. */
const members: Record<string, readonly string[]> = { 'group:web': ['web_search', 'web_fetch', 'x_search'], 'group:messaging': ['message'] }
const may = ({ allow = [], deny = [] }: ToolPolicy, tool: string): boolean => {
  const matches = (names: readonly string[]) =>
    names.flatMap(name => members[name] ?? [name]).some(name => new RegExp(`^${name.replaceAll('*', '.*')}$`).test(tool))
  return !matches(deny) && (allow.length === 0 || matches(allow))
}

describe('whatever is configured', () => {
  const universe = ['web_search', 'web_fetch', 'x_search', 'message', 'read', 'exec']
  const list = fc.option(fc.array(fc.constantFrom(...universe, 'web', 'group:web', 'messaging', 'web_*', '*'), { maxLength: 4 }), {
    nil: undefined,
  })
  const optional = { requiredKeys: [] }
  const group = fc.record({ allow: list, deny: list }, optional) as fc.Arbitrary<ToolPolicy>
  const entry = fc.record({ allow: list, alsoAllow: list, deny: list }, optional) as fc.Arbitrary<SenderTools>
  const permission = fc.record({
    tools: fc.option(group),
    toolsBySender: fc.dictionary(fc.constantFrom('alice', 'id:alice', '*', 'bob'), entry),
  })

  test('a denied tool is never allowed, and an empty result never means every tool or no answer', () => {
    fc.assert(
      fc.property(permission, ({ tools, toolsBySender }) => {
        const merged = mergeTools({ tools, toolsBySender }, 'alice')
        const grouped = (names: readonly string[] = []) =>
          names.map(name => (name === 'web' || name === 'messaging' ? `group:${name}` : name))
        const levels: readonly SenderTools[] = [
          tools ?? {},
          ...Object.entries(toolsBySender).flatMap(([key, level]) => (key === 'bob' ? [] : [level])),
        ]

        const denied = levels.flatMap(level => grouped(level.deny))
        for (const tool of universe) if (!may({ deny: denied }, tool)) expect(may(merged, tool), tool).toBe(false)

        // What is allowed was named somewhere, unless the group forbids some and so allows the rest.
        const named = [...levels.flatMap(level => [...grouped(level.allow), ...grouped(level.alsoAllow)]), 'message']
        const isOpen = tools?.allow === undefined && tools?.deny !== undefined
        for (const tool of universe) if (!isOpen && may(merged, tool)) expect(may({ allow: named }, tool), tool).toBe(true)

        // With names in `allow` of which none is left there is no answer. The usual sessions group lies outside this
        // universe, and a pattern may match tools that nobody here knows.
        const isLeft =
          universe.some(tool => may(merged, tool)) || merged.allow?.some(name => name === 'group:sessions' || name.includes('*'))
        if (!isLeft && merged.allow) expect(merged).toEqual(none)
      }),
      { numRuns: 2_000 },
    )
  })
})
