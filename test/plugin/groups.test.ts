import { expect, test } from 'vitest'
import { createAccountResolver } from '../../src/plugin/accounts.ts'
import { groupKeyOf, groupsAdapter } from '../../src/plugin/groups.ts'
import { exactSessionKey } from '../../src/plugin/sessions.ts'

const groups = groupsAdapter(createAccountResolver())
const cfg = {
  channels: {
    'ztm-chat': {
      meshName: 'home',
      username: 'bot',
      requireMention: true,
      groupPermissions: {
        'alice/team': {
          requireMention: false,
          tools: { allow: ['group:fs'] },
          toolsBySender: { bob: { alsoAllow: ['exec'] }, '*': { deny: ['write'] } },
        },
      },
    },
  },
}
const ask = (groupId: string, senderId?: string, senderPolicyMode?: 'always' | 'never') =>
  groups.resolveToolPolicy?.({
    cfg,
    accountId: 'default',
    groupId,
    ...(senderId && { senderId }),
    ...(senderPolicyMode && { senderPolicyMode }),
  })

test('a group without configured tools may send messages and see sessions, no more', () => {
  expect(ask('carol/other', 'bob')).toEqual({ allow: ['group:messaging', 'group:sessions'] })
})

test('what a sender may besides is added to what the group may, not put in its place', () => {
  expect(ask('alice/team', 'bob')).toEqual({ allow: ['group:fs', 'exec'], deny: ['write'] })
})

test('a run that no sender started gets the group’s own tools, whatever is said of senders', () => {
  expect(ask('alice/team', 'bob', 'never')).toEqual({ allow: ['group:fs'] })
})

test('the host may name a group with its kind or its channel in front', () => {
  expect(ask('group:alice/team', 'bob')).toEqual(ask('alice/team', 'bob'))
  expect(ask('ztm-chat:group:alice/team', 'bob')).toEqual(ask('alice/team', 'bob'))
})

test('group names are compared exactly', () => {
  expect(ask('Alice/team', 'bob')).toEqual({ allow: ['group:messaging', 'group:sessions'] })
})

test('a group whose name the host has folded in a session key is told apart by the mark behind it', () => {
  const named = (key: string) => ({
    channels: { 'ztm-chat': { ...cfg.channels['ztm-chat'], groupPermissions: { [key]: { tools: { allow: ['write'] } } } } },
  })
  const tools = (key: string, groupId: string) => groups.resolveToolPolicy?.({ cfg: named(key), accountId: 'default', groupId })
  const folded = (id: string) =>
    exactSessionKey(`agent:main:ztm-chat:group:${id.toLowerCase()}`, { kind: 'group', id }, 'work').slice(
      'agent:main:ztm-chat:group:'.length,
    )

  expect(tools('alice/Team', folded('alice/Team'))).toEqual({ allow: ['write'] })
  expect(tools('alice/team', folded('alice/team'))).toEqual({ allow: ['write'] })
  expect(tools('alice/team', folded('alice/Team'))).toEqual({ allow: ['group:messaging', 'group:sessions'] })
  expect(tools('alice/Team', folded('alice/team'))).toEqual({ allow: ['group:messaging', 'group:sessions'] })
})

test('whether a mention is needed is the group’s to say, or else the account’s', () => {
  expect(groups.resolveRequireMention?.({ cfg, groupId: 'alice/team' })).toBe(false)
  expect(groups.resolveRequireMention?.({ cfg, groupId: 'carol/other' })).toBe(true)
})

test.each([
  ['carol/team', 'carol/team'],
  ['group:carol/team', 'carol/team'],
  // As they stand in session keys.
  ['carol/team/@work', 'carol/team'],
  ['carol/team/0123456789ab/@work', 'carol/team'],
  ['team', null],
])('%s names the group %s', (groupId, key) => {
  expect(groupKeyOf(groupId)).toBe(key)
})
