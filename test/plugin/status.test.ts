import { describe, expect, test } from 'vitest'
import { createAccountResolver } from '../../src/plugin/accounts.ts'
import { buildSnapshot, statusIssues, statusPatch } from '../../src/plugin/status.ts'
import type { AccountStatus } from '../../src/runtime/runtime.ts'
import { quietStatus } from './stand-ins.ts'

const words = {
  ready: (extras: object) => ({ lifecycle: 'ready' as const, connected: true, lastError: null, ...extras }),
  blocked: (lastError: string) => ({ lifecycle: 'blocked' as const, terminalDisconnect: true, lastError }),
}
const patch = (status: Partial<AccountStatus>) => statusPatch({ ...quietStatus, ...status }, words)
/** The whole status goes with every patch. */
const told = (status: Partial<AccountStatus>) => ({ application: { ...quietStatus, ...status } })

describe('an account', () => {
  test('that is live is ready, with the moments of its last traffic', () => {
    const status = { state: 'live', sinceMs: 5, feed: 'poll', lastFeedAtMs: 7, lastInboundAtMs: 8, lastOutboundAtMs: 9 } as const
    expect(patch(status)).toEqual({
      ...told(status),
      lifecycle: 'ready',
      connected: true,
      lastError: null,
      lastConnectedAt: 5,
      lastDisconnect: null,
      mode: 'poll',
      lastTransportActivityAt: 7,
      lastInboundAt: 8,
      lastOutboundAt: 9,
    })
  })

  test('that mends itself is recovering, and neither connected nor disconnected, so that the gateway does not restart it', () => {
    const status = { state: 'degraded', sinceMs: 5, reason: 'No answer.' } as const
    expect(patch(status)).toEqual({
      ...told(status),
      lifecycle: 'recovering',
      connected: undefined,
      lastError: 'No answer.',
      lastDisconnect: { at: 5, error: 'No answer.' },
    })
  })

  test('that waits for people is blocked', () => {
    const status = { state: 'blocked', sinceMs: 5, reason: 'Set username.' } as const
    expect(patch(status)).toEqual({
      ...told(status),
      lifecycle: 'blocked',
      terminalDisconnect: true,
      connected: undefined,
      lastError: 'Set username.',
    })
  })

  test('that has just begun is starting', () => {
    expect(patch({ state: 'connecting' })).toEqual({
      ...told({ state: 'connecting' }),
      lifecycle: 'starting',
      connected: undefined,
      lastError: null,
    })
  })
})

const account = createAccountResolver()({ channels: { 'ztm-chat': { meshName: 'home', username: 'bot', name: 'Bot' } } })

test('a snapshot is what the config says, what the account told, and what the probe found', () => {
  const probe = { ok: true, agentVersion: 'v1', mesh: 'home', user: 'bot' } as const
  expect(buildSnapshot({ account, runtime: { accountId: 'default', connected: true, lastError: 'slow' }, probe })).toEqual({
    accountId: 'default',
    name: 'Bot',
    enabled: true,
    configured: true,
    connected: true,
    baseUrl: 'http://localhost:7777',
    dmPolicy: 'pairing',
    allowFrom: [],
    identity: 'bot',
    lastError: 'slow',
    probe,
  })
})

describe('a trouble becomes an issue with its remedy', () => {
  const well = { accountId: 'work', enabled: true, configured: true, lastError: null }
  const issue = (kind: string, message: string, fix: unknown = expect.any(String)) => ({
    channel: 'ztm-chat',
    accountId: 'work',
    kind,
    message,
    fix,
  })

  test.each([
    ['nothing', {}, []],
    ['an agent that is away', { lastError: 'No answer.', lifecycle: 'recovering' }, [issue('runtime', 'No answer.')]],
    ['what people have to mend, which the host points out by itself', { lastError: 'Set username.', lifecycle: 'blocked' }, []],
    ['a bad config', { lastError: 'meshName is missing.', configured: false }, [issue('config', 'meshName is missing.')]],
    ['an account that is switched off', { lastError: 'No answer.', enabled: false }, []],
    [
      'dead letters',
      { application: { ...quietStatus, counters: { ...quietStatus.counters, deadLetters: 2 } } },
      [issue('runtime', '2 messages or replies were given up after their last attempt', 'openclaw ztm-chat deadletter list')],
    ],
    [
      'replies of which nobody knows whether they arrived',
      { application: { ...quietStatus, uncertain: 1 } },
      [issue('runtime', '1 replies are neither confirmed nor proven lost')],
    ],
    [
      'a warning of the account',
      { application: { ...quietStatus, warnings: ['A file was set aside.'] } },
      [{ channel: 'ztm-chat', accountId: 'work', kind: 'runtime', message: 'A file was set aside.' }],
    ],
  ] as const)('%s', (_, snapshot, issues) => {
    expect(statusIssues([{ ...well, ...snapshot }])).toEqual(issues)
  })
})
