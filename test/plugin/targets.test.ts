import { expect, test } from 'vitest'
import { groupChat, peerChat } from '../../src/domain/ids.ts'
import { chatOf, normalizeTarget, targetOf } from '../../src/plugin/targets.ts'

test.each([
  ['alice', 'peer:alice'],
  ['ztm-chat:alice', 'peer:alice'],
  ['ZTM:alice', 'peer:alice'],
  ['user:alice', 'peer:alice'],
  ['ztm-chat:user:alice', 'peer:alice'],
  ['Alice', 'peer:Alice'],
  ['李 雷', 'peer:李 雷'],
  ['group:alice/team', 'group:alice/team'],
  ['ztm:group:alice/team', 'group:alice/team'],
])('%s is the chat %s', (target, chat) => {
  expect(chatOf(target)).toBe(chat)
})

test.each([
  '',
  ' ',
  'ztm-chat:',
  'alice/team',
  'group:alice',
  'group:/team',
  'group:alice/',
  'group:a/b/c',
  'a#b',
  'a?b',
  '..',
  'group:../team',
  'a\u0000b',
])('%j is no chat', target => {
  expect(chatOf(target)).toBeNull()
  expect(normalizeTarget(target)).toBeUndefined()
})

test.each([peerChat('alice'), peerChat('group:x'), peerChat('ztm:bob'), peerChat('user:carol'), groupChat('alice', 'team')])(
  'the target of %s leads back to it',
  chat => {
    expect(chatOf(targetOf(chat))).toBe(chat)
    expect(chatOf(`ztm-chat:${targetOf(chat)}`)).toBe(chat)
  },
)
