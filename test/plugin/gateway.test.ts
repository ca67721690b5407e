import { expect, test } from 'vitest'
import { createMemoryDisk } from '../../src/adapters/memory/memory-disk.ts'
import { openStore } from '../../src/adapters/store/store.ts'
import { StoreUnusable } from '../../src/domain/errors.ts'
import { createAccountResolver } from '../../src/plugin/accounts.ts'
import { createGateway, STOP_MS_MAX, type World, withinHost } from '../../src/plugin/gateway.ts'
import type { GatewayContext, PluginRuntime, StatusPatch } from '../../src/plugin/host.ts'
import { createRunningAccounts } from '../../src/plugin/running.ts'
import { createTurns } from '../../src/plugin/turns.ts'
import type { Store } from '../../src/ports/store.ts'
import { createSimulation, settingsOf } from './stand-ins.ts'

const refuse = (what: string) => () => {
  throw new Error(`${what} is not expected in this test.`)
}
const host: PluginRuntime = {
  config: { current: () => ({}) },
  state: { resolveStateDir: () => '/state' },
  agent: { session: { getSessionEntry: refuse('A session'), patchSessionEntry: refuse('A session') } },
  channel: {
    routing: { resolveAgentRoute: refuse('A route') },
    pairing: { upsertPairingRequest: refuse('Pairing'), readAllowFromStore: async () => [] },
    commands: { isControlCommandMessage: () => false, shouldHandleTextCommands: () => true },
    activity: { record: () => {} },
    inbound: { ingress: { resolveStable: refuse('Ingress') }, buildContext: refuse('A context'), run: refuse('A turn') },
  },
}

function scene(openStoreOf: (store: Promise<Store>) => Promise<Store> = store => store) {
  const { clock, random, agentOf } = createSimulation()
  const disk = createMemoryDisk({ random })
  const opened: { root: string; account: string }[] = []
  const world: World = {
    clock,
    random,
    environment: {},
    agent: settings => agentOf(settings),
    store: options => {
      opened.push(options)
      return openStoreOf(openStore({ disk }))
    },
    permits: refuse('A permit'),
    formerState: async () => new Map(),
    inspector: { enter: async () => async () => {} },
    ready: extras => ({ lifecycle: 'ready', connected: true, ...extras }),
    blocked: lastError => ({ lifecycle: 'blocked', lastError }),
  }
  const running = createRunningAccounts()
  const gateway = createGateway({
    host,
    running,
    outbound: { deliver: refuse('A delivery'), takeOver: refuse('A delivery'), message: {}, outbound: { deliveryMode: 'gateway' } },
    turns: createTurns(),
    world,
    loadTranscript: async () => [],
    saveMedia: refuse('A file'),
    isOnlyAccount: () => true,
  })
  const start = (section: object = { meshName: 'home', username: 'my-bot' }) => {
    const cfg = { channels: { 'ztm-chat': section } }
    const patches: StatusPatch[] = []
    const stop = new AbortController()
    const ctx: GatewayContext = {
      cfg,
      accountId: 'default',
      account: createAccountResolver()(cfg),
      abortSignal: stop.signal,
      setStatus: patch => void patches.push(patch),
    }
    const end = { state: 'pending' }
    const settled = gateway.startAccount(ctx).then(
      () => {
        end.state = 'over'
      },
      (error: Error) => {
        end.state = `failed: ${error.message}`
      },
    )
    return { patches, end, settled, stop: () => stop.abort() }
  }
  return { clock, running, gateway, opened, start }
}

test('an account becomes ready, stays pending until it is stopped, and then closes its state', async () => {
  const { clock, running, gateway, opened, start } = scene()
  const account = start()
  await clock.advance(5_000)
  expect(account.patches.at(-1)).toMatchObject({ lifecycle: 'ready', connected: true, lastTransportActivityAt: expect.any(Number) })
  expect(opened).toEqual([{ root: '/state/ztm-chat', account: 'default' }])
  expect([account.end.state, running.get('default') === undefined]).toEqual(['pending', false])

  account.stop()
  await clock.advance(STOP_MS_MAX)
  await Promise.all([account.settled, gateway.stopAccount('default')])
  expect([account.end.state, running.get('default'), clock.pending()]).toEqual(['over', undefined, 0])
})

test('news of the feed reach the status without a change of state', async () => {
  const { clock, start } = scene()
  const account = start()
  await clock.advance(60_000)
  const last = account.patches.at(-1)?.lastTransportActivityAt ?? 0
  expect(clock.now() - last).toBeLessThanOrEqual(15_000)
})

test('an account with a wrong config is blocked, with what is wrong, until it is stopped', async () => {
  const { clock, opened, start } = scene()
  const account = start({ meshName: 'home' })
  await clock.drain()
  expect(account.patches).toEqual([{ accountId: 'default', lifecycle: 'blocked', lastError: expect.stringContaining('username') }])
  expect([account.end.state, opened]).toEqual(['pending', []])
  account.stop()
  await account.settled
  expect(account.end.state).toBe('over')
})

test('state that cannot be used blocks the account; state that is in use fails the start, so that the gateway tries again', async () => {
  const broken = scene(() => Promise.reject(new StoreUnusable('Written by a newer version.', false))).start()
  const inUse = scene(() => Promise.reject(new StoreUnusable('In use by process 7.', true))).start()
  await inUse.settled
  expect(inUse.end.state).toBe('failed: In use by process 7.')
  expect([broken.end.state, broken.patches.at(-1)]).toEqual([
    'pending',
    { accountId: 'default', lifecycle: 'blocked', lastError: 'Written by a newer version.' },
  ])
  broken.stop()
  await broken.settled
})

test('a second start waits until the first has closed its state', async () => {
  const { clock, opened, start } = scene()
  const first = start()
  await clock.advance(1_000)
  const second = start()
  await clock.advance(1_000)
  expect(opened).toHaveLength(1)
  first.stop()
  await clock.advance(STOP_MS_MAX)
  expect([first.end.state, opened.length]).toEqual(['over', 2])
  second.stop()
  await clock.advance(STOP_MS_MAX)
  expect(second.end.state).toBe('over')
})

test('a stop answers in time though the disk does not, and so does the stop of an account that waits for it', async () => {
  const { clock, start } = scene(async opening => ({ ...(await opening), close: () => new Promise(() => {}) }))
  const stuck = start()
  await clock.advance(1_000)
  const waiting = start()
  stuck.stop()
  await clock.advance(STOP_MS_MAX)
  expect([stuck.end.state, waiting.end.state]).toEqual(['over', 'pending'])
  waiting.stop()
  await clock.drain()
  expect(waiting.end.state).toBe('over')
})

test('an account that is stopped while it starts tells nothing any more: it would stand for the next start', async () => {
  const disk = Promise.withResolvers<void>()
  const { clock, start } = scene(async opening => {
    await disk.promise
    return opening
  })
  const account = start()
  await clock.drain()
  account.stop()
  disk.resolve()
  await clock.advance(STOP_MS_MAX)
  expect([account.end.state, account.patches]).toEqual(['over', []])
})

test.each([
  [3, { agents: { defaults: { maxConcurrent: 3 } } }],
  [8, { agents: { defaults: { maxConcurrent: 64 } } }],
  // At least 8 by the host's own default.
  [8, {}],
  [8, { agents: { defaults: { maxConcurrent: 'many' } } }],
])('no more than %i messages are dispatched at once, when the gateway’s config is %j', (dispatches, cfg) => {
  expect(withinHost(settingsOf(), cfg).limits.dispatches).toBe(dispatches)
})
