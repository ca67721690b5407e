import { expect, test } from 'vitest'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import type { PluginRuntime } from '../../src/plugin/host.ts'
import { createPairingStore } from '../../src/plugin/pairing.ts'
import { START_MS } from './stand-ins.ts'

type HostPairing = PluginRuntime['channel']['pairing']

function storeOver(answers: Partial<HostPairing>, { accountId = 'default', isOnlyAccount = true } = {}) {
  const pairing: HostPairing = {
    upsertPairingRequest: async () => ({ code: 'ABCD2345', created: true }),
    readAllowFromStore: async () => [],
    ...answers,
  }
  return createPairingStore({ pairing, accountId, isOnlyAccount, clock: createVirtualClock(START_MS) })
}

test('a request of the gateway’s store is a ticket for an hour', async () => {
  expect(await storeOver({}).request('alice')).toEqual({ status: 'created', code: 'ABCD2345', expiresAtMs: START_MS + 3_600_000 })
})

test('a request that is there already keeps its code, and a store without a code is full', async () => {
  const pending = storeOver({ upsertPairingRequest: async () => ({ code: 'ABCD2345', created: false }) })
  expect(await pending.request('alice')).toMatchObject({ status: 'pending', code: 'ABCD2345' })
  const full = storeOver({ upsertPairingRequest: async () => ({ code: '', created: false }) })
  expect(await full.request('alice')).toEqual({ status: 'full' })
})

test('names go to the store exactly as they are, for this account alone', async () => {
  const asked: object[] = []
  const store = storeOver(
    {
      upsertPairingRequest: async request => {
        asked.push(request)
        return { code: 'ABCD2345', created: true }
      },
      readAllowFromStore: async query => {
        asked.push(query)
        return ['Alice']
      },
    },
    { accountId: 'work' },
  )
  await store.request('Alice')
  expect(await store.approved()).toEqual(['Alice'])
  expect(asked).toEqual([
    { channel: 'ztm-chat', accountId: 'work', id: 'Alice', meta: { name: 'Alice' } },
    { channel: 'ztm-chat', accountId: 'work' },
  ])
})

test('the stranger is told the command that approves him, with the account where there are several', () => {
  expect(storeOver({}).instructions('alice', 'ABCD2345')).toMatch(/\nopenclaw pairing approve ztm-chat ABCD2345$/)
  const oneOfSeveral = storeOver({}, { accountId: 'work', isOnlyAccount: false })
  expect(oneOfSeveral.instructions('alice', 'ABCD2345')).toMatch(/\nopenclaw pairing approve ztm-chat ABCD2345 --account work$/)
})
