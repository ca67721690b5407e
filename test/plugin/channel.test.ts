import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createPlugin } from '../../src/plugin/channel.ts'
import { createRunningAccounts } from '../../src/plugin/running.ts'
import { createTurns } from '../../src/plugin/turns.ts'
import type { AccountStatus } from '../../src/runtime/runtime.ts'
import { defineSetup } from './define-setup.ts'
import { slotTable } from './slots.ts'
import { handleOf, quietStatus } from './stand-ins.ts'

const running = createRunningAccounts()
const { channel } = createPlugin(defineSetup, { running, turns: createTurns() })
const cfg = {
  channels: {
    'ztm-chat': { meshName: 'home', username: 'my-bot', allowFrom: ['alice'], groupPermissions: { 'bob/team': { allowFrom: ['carol'] } } },
  },
}

describe('the table of slots in docs/openclaw.md', () => {
  test('says of every slot of the channel that it is given, and of no other', () => {
    const given = slotTable().filter(({ isGiven }) => isGiven)

    expect(given.map(({ slot }) => slot).sort()).toEqual(Object.keys(channel).sort())
  })

  test('names a test for every slot that is given, and the test is there', () => {
    const root = join(import.meta.dirname, '..', '..')
    const missing = slotTable().flatMap(({ slot, isGiven, shownBy }) => {
      const named = [...shownBy.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path)
      if (isGiven && named.length === 0) return [slot]
      return named.filter(path => !existsSync(join(root, path.includes('/') ? path : join('test/e2e/gateway', path))))
    })

    expect(missing).toEqual([])
  })
})

test('the lists of an account are shown as they are in force', async () => {
  expect(await channel.allowlist?.readConfig?.({ cfg })).toEqual({
    dmAllowFrom: ['alice'],
    dmPolicy: 'pairing',
    groupPolicy: 'allowlist',
    groupOverrides: [{ label: 'bob/team', entries: ['carol'] }],
  })
})

test('the model is told how a target is spelled', () => {
  expect(channel.agentPrompt?.messageToolHints?.({ cfg })).toEqual([expect.stringContaining('group:CREATOR/GROUP')])
})

describe('a heartbeat', () => {
  const ready = async (status: Partial<AccountStatus> | null) => {
    const entry = {
      handle: { ...handleOf({ send: async () => ({ keys: [] }) }), status: () => ({ ...quietStatus, ...status }) },
      enter: <T>(work: () => T) => work(),
      gone: new AbortController().signal,
    }
    if (status !== null) running.set('default', entry)
    const answer = await channel.heartbeat?.checkReady?.({ cfg })
    running.delete('default', entry)
    return answer
  }

  test('waits until its account runs and is live', async () => {
    expect(await ready(null)).toEqual({ ok: false, reason: 'account "default" is not running' })
    expect(await ready({ state: 'degraded', reason: 'No answer.' })).toEqual({ ok: false, reason: 'No answer.' })
    expect(await ready({ state: 'live' })).toEqual({ ok: true, reason: 'live' })
  })

  test('goes to the only user who may write, where nobody is named', () => {
    expect(channel.config.resolveDefaultTo?.({ cfg })).toBe('alice')
    const several = { channels: { 'ztm-chat': { ...cfg.channels['ztm-chat'], allowFrom: ['alice', 'bob'] } } }
    expect(channel.config.resolveDefaultTo?.({ cfg: several })).toBeUndefined()
    const everybody = { channels: { 'ztm-chat': { ...cfg.channels['ztm-chat'], allowFrom: ['*'] } } }
    expect(channel.config.resolveDefaultTo?.({ cfg: everybody })).toBeUndefined()
  })
})
