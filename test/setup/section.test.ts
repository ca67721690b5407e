import { describe, expect, test } from 'vitest'
import { effectiveOptions, ownOptions, withOptions } from '../../src/setup/section.ts'

describe('options of an account', () => {
  test.each([
    ['the only account stands at the root', {}, 'default', { meshName: 'home' }, { meshName: 'home' }],
    ['null takes an option away', { meshName: 'home', feed: 'poll' }, 'default', { feed: null }, { meshName: 'home' }],
    ['a named account of an empty config stands below accounts', {}, 'work', { meshName: 'w' }, { accounts: { work: { meshName: 'w' } } }],
    [
      'the bot at the root stays one when a named account joins it',
      { meshName: 'home', username: 'bot', allowFrom: ['alice'] },
      'work',
      { username: 'w' },
      { meshName: 'home', username: 'bot', allowFrom: ['alice'], accounts: { default: {}, work: { username: 'w' } } },
    ],
    [
      'what is no bot at the root are defaults only',
      { meshName: 'home', allowFrom: ['alice'] },
      'work',
      { username: 'w' },
      { meshName: 'home', allowFrom: ['alice'], accounts: { work: { username: 'w' } } },
    ],
    [
      'an account keeps the spelling of its id, and the others stay as they are',
      { accounts: { Work: { username: 'w', feed: 'poll' }, home: null } },
      'work',
      { username: 'x' },
      { accounts: { Work: { username: 'x', feed: 'poll' }, home: null } },
    ],
    [
      'the default account beside others is one of them',
      { accounts: { work: { username: 'w' } } },
      'default',
      { username: 'd' },
      { accounts: { work: { username: 'w' }, default: { username: 'd' } } },
    ],
  ])('%s', (_, section, id, options, expected) => {
    expect(withOptions(section, id, options)).toEqual(expected)
  })
})

test('an account has of the root what it does not say itself', () => {
  const section = { meshName: 'home', feed: 'poll', defaultAccount: 'work', accounts: { Work: { feed: 'push', meshName: null } } }

  expect(effectiveOptions(section, 'work')).toEqual({ meshName: 'home', feed: 'push' })
  expect(ownOptions(section, 'work')).toEqual({ feed: 'push', meshName: null })
  expect(ownOptions(section, 'default')).toEqual({})
})
