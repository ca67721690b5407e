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

describe('an account', () => {
  test('that is live is ready, with the moments of its last traffic', () => {
    expect(patch({ state: 'live', sinceMs: 5, feed: 'poll', lastFeedAtMs: 7, lastInboundAtMs: 8, lastOutboundAtMs: 9 })).toEqual({
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
    expect(patch({ state: 'degraded', sinceMs: 5, reason: 'No answer.' })).toEqual({
      lifecycle: 'recovering',
      connected: undefined,
      lastError: 'No answer.',
      lastDisconnect: { at: 5, error: 'No answer.' },
    })
  })

  test('that waits for people is blocked', () => {
    expect(patch({ state: 'blocked', sinceMs: 5, reason: 'Set username.' })).toEqual({
      lifecycle: 'blocked',
      terminalDisconnect: true,
      connected: undefined,
      lastError: 'Set username.',
    })
  })

  test('that has just begun is starting', () => {
    expect(patch({ state: 'connecting' })).toEqual({ lifecycle: 'starting', connected: undefined, lastError: null })
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

test('a trouble becomes an issue, unless the account is switched off', () => {
  const trouble = { accountId: 'work', enabled: true, configured: true, lastError: 'No answer.' }
  expect(
    statusIssues([trouble, { ...trouble, enabled: false }, { ...trouble, lastError: null }, { ...trouble, configured: false }]),
  ).toEqual([
    { channel: 'ztm-chat', accountId: 'work', kind: 'runtime', message: 'No answer.' },
    { channel: 'ztm-chat', accountId: 'work', kind: 'config', message: 'No answer.' },
  ])
})
