import { expect, test } from 'vitest'
import {
  configAdapter,
  createAccountResolver,
  defaultAccountId,
  deleteAccount,
  listAccountIds,
  setAccountEnabled,
} from '../../src/plugin/accounts.ts'

const config = (section: unknown) => ({ channels: { 'ztm-chat': section, other: { kept: true } } })
const single = { meshName: 'home', username: 'bot', dmPolicy: 'open', allowFrom: ['alice'] }
const two = {
  meshName: 'home',
  dmPolicy: 'allowlist',
  defaultAccount: 'work',
  accounts: { Work: { username: 'w' }, play: { username: 'p', allowFrom: ['bob'] } },
}

test('without accounts the section itself is the account default', () => {
  expect(listAccountIds(config(single))).toEqual(['default'])
  const { enabled, settings } = createAccountResolver()(config(single))
  expect({ enabled, user: settings?.username, policy: settings?.dmPolicy }).toEqual({ enabled: true, user: 'bot', policy: 'open' })
})

test('an account inherits what stands at the root, and is found whatever its case', () => {
  const resolve = createAccountResolver()
  expect(listAccountIds(config(two))).toEqual(['work', 'play'])
  expect(defaultAccountId(config(two))).toBe('work')
  expect(resolve(config(two)).settings).toMatchObject({ id: 'work', username: 'w', meshName: 'home', dmPolicy: 'allowlist', allowFrom: [] })
  expect(resolve(config(two), 'play').settings).toMatchObject({ id: 'play', username: 'p', allowFrom: ['bob'] })
})

test('the same config is worked out once', () => {
  const resolve = createAccountResolver()
  const cfg = config(single)
  expect(resolve(cfg, 'default')).toBe(resolve(cfg, 'default'))
})

test('an account whose config is wrong is reported with what is wrong, and does not stand in its sibling’s way', () => {
  const resolve = createAccountResolver()
  const cfg = config({ ...two, accounts: { ...two.accounts, play: { username: 'p', dmPolicy: 'friends' } } })
  expect(resolve(cfg, 'work').settings?.username).toBe('w')
  const broken = resolve(cfg, 'play')
  expect(broken.settings).toBeNull()
  expect(broken.problems.join()).toContain('friends')
  expect(configAdapter(resolve).isConfigured?.(broken, cfg)).toBe(false)
})

test('of accounts that are one bot the first runs, and the others are told: both would answer', () => {
  const resolve = createAccountResolver()
  const same = { username: 'w', agentUrl: 'http://127.0.0.1:7777/' }
  const cfg = config({ ...two, accounts: { ...two.accounts, twin: same, third: same, off: { ...same, enabled: false } } })
  for (const id of ['work', 'play', 'off']) expect(resolve(cfg, id)).toMatchObject({ accountId: id, problems: [] })
  for (const id of ['twin', 'third'])
    expect(resolve(cfg, id)).toMatchObject({
      settings: null,
      enabled: true,
      problems: [
        `channels.ztm-chat.accounts.${id} is the same bot as account "work" (w on mesh home at http://127.0.0.1:7777) and both would answer; remove one, or set enabled: false.`,
      ],
    })
})

test('of very many accounts with a mistake each is worked out, and who is the same bot as one before it is told', () => {
  const resolve = createAccountResolver()
  const others = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`bot${at}`, { username: `u${at}` }]))
  const cfg = config({
    ...two,
    accounts: { ...two.accounts, wrong: { username: 'x', dmPolicy: 'friends' }, ...others, twin: { username: 'u39' } },
  })
  expect(resolve(cfg, 'bot39')).toMatchObject({ settings: { username: 'u39' }, problems: [] })
  expect(resolve(cfg, 'twin').problems).toEqual([expect.stringContaining('is the same bot as account "bot39"')])
})

test('a section that says nothing is an account that is not configured', () => {
  const account = createAccountResolver()(config({}))
  expect(account.settings).toBeNull()
  expect(account.problems).not.toEqual([])
})

test('an account with a secret that nobody resolved is not usable, and the secret is not quoted', () => {
  const cfg = config({
    ...single,
    agentUrl: 'https://agent.example',
    tls: { cert: 'cert.pem', key: { source: 'env', provider: 'default', id: 'TOP_SECRET' } },
  })
  const account = createAccountResolver()(cfg)
  expect(account.settings).toBeNull()
  expect(account.problems).toEqual([expect.stringMatching(/tls\.key.*secret reference/)])
  expect(account.problems.join()).not.toContain('TOP_SECRET')
})

test('what is shown of an account holds no settings beyond the harmless ones', () => {
  const { inspectAccount } = configAdapter(createAccountResolver())
  expect(inspectAccount?.(config(single), 'default')).toEqual({
    accountId: 'default',
    enabled: true,
    configured: true,
    baseUrl: 'http://localhost:7777',
    dmPolicy: 'open',
    allowFrom: ['alice'],
  })
})

test('enabling and disabling writes to the account that is meant, and to nothing else', () => {
  expect(setAccountEnabled({ cfg: config(two), accountId: 'work', enabled: false })).toEqual(
    config({ ...two, accounts: { ...two.accounts, Work: { username: 'w', enabled: false } } }),
  )
  expect(setAccountEnabled({ cfg: config(single), accountId: 'default', enabled: false })).toEqual(config({ ...single, enabled: false }))
})

test('deleting takes one account, and with the last one the whole section', () => {
  const left = deleteAccount({ cfg: config(two), accountId: 'work' })
  expect(left).toEqual(config({ ...two, accounts: { play: two.accounts.play } }))
  expect(deleteAccount({ cfg: left, accountId: 'play' })).toEqual({ channels: { other: { kept: true } } })
})

test('an account as it is inspected, which commands without a gateway hand over, is answered for like the account itself', () => {
  const cfg = { channels: { 'ztm-chat': { meshName: 'home', username: 'my-bot', dmPolicy: 'open' } } }
  const resolve = createAccountResolver()
  const config = configAdapter(resolve)
  const account = resolve(cfg, 'default')
  const { problems: _, settings: __, ...bare } = account
  const inspected = Object.assign(Object.create(null), bare)

  expect(config.isConfigured?.(inspected, cfg)).toBe(true)
  expect(config.unconfiguredReason?.(inspected, cfg)).toBe('')
  expect(config.describeAccount?.(inspected, cfg)).toEqual(config.describeAccount?.(account, cfg))
})
