import { expect, onTestFinished, test } from 'vitest'
import { createHub, UPDATE_MS } from '../../src/inspector/hub.ts'
import type { ToClient, Wants } from '../../src/inspector/protocol.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

type Tick = Extract<ToClient, { t: 'tick' }>
const ALICE = { account: 'default', chat: 'peer:alice' } as const
const NOTHING: Wants = { list: null, actor: null, chat: null, log: false }

async function watched(world: World) {
  await world.start()
  onTestFinished(() => world.stop())
  const ticks = new Set<() => void>()
  const hub = createHub({
    accounts: () => world.runtime.accounts(),
    now: world.clock.now,
    every(ms, run) {
      expect(ms).toBe(UPDATE_MS)
      ticks.add(run)
      return () => void ticks.delete(run)
    },
  })
  world.runtime.events.subscribe(event => hub.note(event))
  const client = (unread = 0) => {
    const got: Tick[] = []
    const state = { unread }
    const joined = hub.join({ send: message => message.t === 'tick' && got.push(message), unreadBytes: () => state.unread })
    return { got, state, ...joined }
  }
  /** One tenth of a second of the hub. */
  const tick = async () => {
    for (const run of [...ticks]) run()
    // What was asked for at a tick is there at the next.
    await new Promise(resolve => setImmediate(resolve))
  }
  return { hub, client, tick, isTicking: () => ticks.size > 0 }
}

test('charts are listened to while somebody looks, and not a moment longer', async () => {
  const world = createWorld()
  const { hub, client, isTicking } = await watched(world)
  expect([hub.listening(), isTicking()]).toEqual([0, false])
  const one = client()
  const other = client()
  expect([hub.listening(), isTicking()]).toEqual([1, true])
  one.leave()
  expect(hub.listening()).toBe(1)
  other.leave()
  expect([hub.listening(), isTicking()]).toEqual([0, false])
})

test('whatever happens between two updates, a client gets one, with the newest state', async () => {
  const world = createWorld()
  const { client, tick } = await watched(world)
  const { got, want } = client()
  want({ ...NOTHING, log: true, actor: { account: 'default', actor: 'chat:peer:alice' } })
  for (let n = 0; n < 50; n++) await world.mesh.user('alice').says(`message ${n}`)
  await world.settle()
  expect(got).toEqual([])
  await tick()
  expect(got.length).toBe(1)
  expect(got[0]?.actor?.view).toMatchObject({ kind: 'chat', name: 'peer:alice', value: { door: 'deciding', turn: 'idle' } })
  expect(got[0]?.log?.lines.length).toBe(40)
  expect(got[0]?.log?.skipped).toBeGreaterThan(100)
  await tick()
  expect(got.length).toBe(1)
})

test('a step tells which guards said no and which let it through, and where it is in the drawing', async () => {
  const world = createWorld({ config: { dmPolicy: 'pairing' } })
  const { client, tick } = await watched(world)
  const { got, want } = client()
  want({ ...NOTHING, actor: { account: 'default', actor: 'chat:peer:mallory' } })
  await world.mesh.user('mallory').says('let me in')
  await world.settle()
  await tick()
  const received = got[0]?.actor?.steps.find(({ event }) => event === 'message.received')
  expect(received?.guards).toEqual([
    { name: 'isAllowed', passed: false },
    { name: 'needsPairing', passed: true },
  ])
  expect(received?.taken).toEqual([expect.objectContaining({ source: 'chat.door', index: 1, actions: ['commit'] })])
})

test('a client that does not read is left alone, and then told how things are', async () => {
  const world = createWorld()
  const { client, tick } = await watched(world)
  const slow = client(10_000_000)
  const quick = client()
  for (let n = 0; n < 30; n++) {
    await world.mesh.user('alice').says(`message ${n}`)
    await world.settle(1_000)
    await tick()
  }
  expect(slow.got).toEqual([])
  expect(quick.got.length).toBeGreaterThan(5)
  slow.state.unread = 0
  await tick()
  expect(slow.got.length).toBe(1)
  expect(slow.got[0]?.overview?.[0]?.status.counters.seen).toBe(30)
})

test('chats at rest are listed, found and drawn from their records', async () => {
  const world = createWorld()
  const { client, tick } = await watched(world)
  for (let n = 0; n < 30; n++) await world.mesh.user(`user-${n}`).says('hello')
  await world.settle(120_000)
  const { got, want } = client()
  const list = { account: 'default', search: 'USER-2', busyOnly: false, offset: 2, limit: 3 }
  want({ ...NOTHING, list, actor: { account: 'default', actor: 'chat:peer:user-7' } })
  await tick()
  expect(got[0]?.list).toMatchObject({ total: 11, offset: 2 })
  expect(got[0]?.list?.rows.map(({ kind, isRunning }) => `${kind} ${isRunning}`)).toEqual(['chat false', 'chat false', 'chat false'])
  expect(got[0]?.actor?.view).toMatchObject({ isRunning: false, value: { door: 'deciding', turn: 'idle' } })
  want({ ...NOTHING, list: { ...list, busyOnly: true, search: '', offset: 0 }, actor: { account: 'default', actor: 'chat:peer:nobody' } })
  await tick()
  expect(got[1]?.list).toMatchObject({ total: 0, rows: [] })
  expect(got[1]?.actor?.view).toBeNull()
})

test('a conversation begins with its history and goes on by itself, without a gap and without a double', async () => {
  const world = createWorld()
  const { client, tick } = await watched(world)
  await world.mesh.user('alice').says('before')
  await world.settle()
  const { got, want, leave } = client()
  want({ ...NOTHING, chat: ALICE })
  await tick()
  await tick()
  await world.mesh.user('alice').says('after')
  await world.settle()
  await tick()
  const last = got.findLast(({ chat }) => chat)?.chat
  expect(last?.lives.map(({ text, moments }) => [text, moments.map(({ what }) => what)])).toEqual(
    ['before', 'after'].map(text => [text, ['accepted', 'answered', 'reply queued', 'reply posted', 'reply confirmed']]),
  )
  leave()
})

test('rates and latencies are counted, and the overview says them', async () => {
  const world = createWorld()
  const { hub } = await watched(world)
  for (let n = 0; n < 5; n++) {
    await world.mesh.user('alice').says(`message ${n}`)
    await world.settle(1_000)
  }
  await world.settle(5_000)
  const [one] = hub.overview()
  expect(one?.perSecond.decided.reduce((sum, count) => sum + count, 0)).toBe(5)
  expect(one?.perSecond.confirmed.reduce((sum, count) => sum + count, 0)).toBe(5)
  expect(one?.latency.confirmed?.p95).toBeGreaterThanOrEqual(one?.latency.posted?.p50 ?? Number.POSITIVE_INFINITY)
})
