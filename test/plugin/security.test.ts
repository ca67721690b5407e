import { expect, test } from 'vitest'
import { createAccountResolver } from '../../src/plugin/accounts.ts'
import { createPlugin } from '../../src/plugin/channel.ts'
import { securityFindings } from '../../src/plugin/security.ts'
import { defineSetup } from './define-setup.ts'

const findingsOf = (config: object) =>
  securityFindings(
    createAccountResolver()({ channels: { 'ztm-chat': { meshName: 'home', username: 'my-bot', ...config } } }, 'default'),
  ).map(({ checkId, severity }) => `${severity} ${checkId}`)

test.each([
  ['the defaults', {}, []],
  ['direct messages of everybody', { dmPolicy: 'open' }, ['critical channels.ztm-chat.dm.open.default']],
  ['the same by the older name', { dmPolicy: 'allow' }, ['critical channels.ztm-chat.dm.open.default']],
  ['a list with everybody in it', { allowFrom: ['*'] }, ['critical channels.ztm-chat.dm.open.default']],
  ['a list with everybody in it, and no direct messages', { allowFrom: ['*'], dmPolicy: 'disabled' }, []],
  ['open groups that want a mention', { enableGroups: true, groupPolicy: 'open' }, []],
  [
    'open groups without a mention',
    { enableGroups: true, groupPolicy: 'open', requireMention: false },
    ['warn channels.ztm-chat.groups.open_without_mention.default'],
  ],
  [
    'one such group',
    { enableGroups: true, groupPermissions: { 'alice/team': { groupPolicy: 'open', requireMention: false } } },
    ['warn channels.ztm-chat.groups.open_without_mention.default'],
  ],
  ['groups that are off', { groupPolicy: 'open', requireMention: false }, []],
  ['plain http to another machine', { agentUrl: 'http://10.0.0.1:7777' }, ['critical channels.ztm-chat.agent.plain_http.default']],
  ['https to another machine', { agentUrl: 'https://agent.example' }, []],
  ['plain http on this machine', { agentUrl: 'http://127.0.0.1:7777' }, []],
] as const)('%s', (_, config, findings) => {
  expect(findingsOf(config)).toEqual(findings)
})

test('the security audit, which hands over the account as it is inspected, gets the same answers', () => {
  const cfg = { channels: { 'ztm-chat': { meshName: 'home', username: 'my-bot', dmPolicy: 'open' } } }
  const { channel } = createPlugin(defineSetup)
  const inspected = { ...createAccountResolver()(cfg, 'default'), settings: null }

  expect(channel.security?.resolveDmPolicy?.({ cfg, accountId: 'default', account: inspected })).toMatchObject({ policy: 'open' })
  expect(channel.security?.collectWarnings?.({ cfg, accountId: 'default', account: inspected })).toHaveLength(1)
})
