import { expect, test } from 'vitest'
import { legacyConfigRules, normalizeCompatibilityConfig, previewWarnings } from '../../src/plugin/doctor.ts'

const withChannel = (section: object) => ({ channels: { 'ztm-chat': section, other: {} }, agents: {} })

test('what only the older plugin knew is taken out, and nothing else', () => {
  const { config, changes } = normalizeCompatibilityConfig({
    cfg: withChannel({
      autoReply: true,
      meshName: 'home',
      accounts: { bot: { username: 'bot', messagePath: '/shared', dmPolicy: 'deny' }, empty: null },
    }),
  })

  expect(config).toEqual(withChannel({ meshName: 'home', accounts: { bot: { username: 'bot', dmPolicy: 'deny' }, empty: null } }))
  expect(changes).toEqual([
    'Removed channels.ztm-chat.autoReply, which has no effect.',
    'Removed channels.ztm-chat.accounts.bot.messagePath, which has no effect.',
  ])
})

test('a config of today stays the very same', () => {
  const cfg = withChannel({ meshName: 'home', username: 'bot' })

  expect(normalizeCompatibilityConfig({ cfg })).toEqual({ config: cfg, changes: [] })
  expect(normalizeCompatibilityConfig({ cfg: {} })).toEqual({ config: {}, changes: [] })
})

test('options without effect are pointed out where they stand', () => {
  expect(legacyConfigRules.map(({ path }) => path.join('.'))).toEqual([
    'channels.ztm-chat.autoReply',
    'channels.ztm-chat.messagePath',
    'channels.ztm-chat.pollingInterval',
    'channels.ztm-chat.accounts',
  ])
  const [inAccounts] = legacyConfigRules.flatMap(({ match }) => match ?? [])
  expect(inAccounts?.({ bot: { autoReply: true } })).toBe(true)
  expect(inAccounts?.({ bot: { username: 'bot' }, other: null })).toBe(false)
})

test('doctor says what is worth a word, and what keeps an account from running', () => {
  const good = { meshName: 'home', username: 'bot' }

  expect(previewWarnings({ cfg: {} })).toEqual([])
  expect(previewWarnings({ cfg: withChannel(good) })).toEqual([])
  expect(previewWarnings({ cfg: withChannel({ ...good, agentUrl: 'http://10.0.0.1' }) })).toEqual([
    expect.stringContaining('plain http to another machine'),
  ])
  expect(previewWarnings({ cfg: withChannel({ ...good, dmPolicy: 'friends' }) })).toEqual([
    expect.stringContaining('dmPolicy is "friends"'),
  ])
})
