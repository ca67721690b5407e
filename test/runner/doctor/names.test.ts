import { describe, expect, test } from 'vitest'
import { lookAtNames } from '../../../src/runner/doctor/names.ts'
import type { KnownGroup, People } from '../../../src/runner/doctor/people.ts'
import { settingsOf } from '../../plugin/stand-ins.ts'

const team: KnownGroup = { creator: 'alice', group: 't-1', name: 'Team', members: ['alice', 'bob', 'my-bot'] }
const people: People = { users: new Set(['alice', 'bob', 'carol', 'José', 'the boss']), groups: [team] }

/** `level: sentence` of each finding. */
const found = (config: object, known: People = people): readonly string[] =>
  lookAtNames(settingsOf(config), known).map(({ level, message }) => `${level}: ${message}`)
const inGroup = (permission: object, key = 'alice/t-1') => ({ enableGroups: true, groupPermissions: { [key]: permission } })

const WELL = ['ok: No name in the lists looks like a misspelt name of the mesh.']

describe('names in the lists', () => {
  test.each<[string, object]>([
    ['everyone', { allowFrom: ['*'] }],
    ['users as the mesh writes them', { allowFrom: ['alice', 'José', 'the boss'] }],
    ['the same letters in another form of Unicode', { allowFrom: ['Jose\u0301'] }],
    ['somebody who is away, and like nobody else', { allowFrom: ['zoe'] }],
    ['a group and its members', inGroup({ allowFrom: ['bob'], toolsBySender: { alice: { allow: [] } } })],
  ])('are well: %s', (_, config) => {
    expect(found(config)).toEqual(WELL)
  })

  const ZERO_WIDTH = 'ali\u200Bce'
  test.each<[object, string]>([
    [{ allowFrom: ['Alice'] }, 'problem: allowFrom has "Alice", which differs from the mesh user "alice" only in capital letters.'],
    [
      { allowFrom: ['@alice'] },
      'problem: allowFrom has "@alice", which differs from the mesh user "alice" only in white space, unseen characters or a prefix.',
    ],
    [
      { allowFrom: [ZERO_WIDTH] },
      `problem: allowFrom has "${ZERO_WIDTH}", which differs from the mesh user "alice" only in white space, unseen characters or a prefix.`,
    ],
    [
      { allowFrom: ['dora, zoe'] },
      'problem: allowFrom has "dora, zoe", with white space or unseen characters in it; the mesh shows no such user.',
    ],
    [{ allowFrom: ['alcie'] }, 'warning: allowFrom has "alcie", whom the mesh does not show now; it shows "alice".'],
    [
      inGroup({ allowFrom: ['Bob'] }),
      'problem: groupPermissions["alice/t-1"].allowFrom has "Bob", which differs from the mesh user "bob" only in capital letters.',
    ],
    [
      inGroup({ toolsBySender: { 'bob ': { deny: ['exec'] } } }),
      'problem: groupPermissions["alice/t-1"].toolsBySender has "bob ", which differs from the mesh user "bob" only in white space, unseen characters or a prefix.',
    ],
    [
      inGroup({ allowFrom: ['carol'] }),
      'warning: groupPermissions["alice/t-1"].allowFrom has "carol", who is no member of that group: the bot does not answer such a user there.',
    ],
    [
      inGroup({}, 'Alice/T-1'),
      'problem: groupPermissions["Alice/T-1"] differs from the group "alice/t-1" only in capital letters, white space or unseen characters.',
    ],
    [
      inGroup({}, 'alice/Team'),
      'problem: groupPermissions["alice/Team"] has the title of a group where its id belongs: "Team" of alice has the id "t-1".',
    ],
    [
      inGroup({}, 'Bob/other'),
      'problem: groupPermissions["Bob/other"] has "Bob", which differs from the mesh user "bob" only in capital letters.',
    ],
    [inGroup({}, 'zoe/garden'), 'warning: groupPermissions["zoe/garden"]: the mesh shows no such group to the bot; it shows alice/t-1.'],
  ])('%j is pointed out', (config, sentence) => {
    expect(found(config)).toEqual([sentence])
  })

  test('two mesh users that differ only in capital letters are two, and each may be in a list', () => {
    const both: People = { users: new Set(['alice', 'Alice']), groups: [] }

    expect(found({ allowFrom: ['alice', 'Alice'] }, both)).toEqual(WELL)
    expect(found({ allowFrom: ['ALICE'] }, both)).toEqual([
      'problem: allowFrom has "ALICE", which differs from the mesh user "alice" and "Alice" only in capital letters.',
    ])
  })

  test('permissions of groups while groups are off have no effect', () => {
    expect(found({ groupPermissions: { 'alice/t-1': {} } })).toEqual(['warning: groupPermissions has no effect: enableGroups is false.'])
  })

  test('every finding says what to do', () => {
    const findings = lookAtNames(
      settingsOf({ allowFrom: ['Alice', 'alcie', 'a b'], ...inGroup({ allowFrom: ['carol'] }, 'zoe/x') }),
      people,
    )

    expect(findings.length).toBeGreaterThan(3)
    for (const { remedy } of findings) expect(remedy).not.toBeNull()
  })
})
