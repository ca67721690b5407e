/** One account at a feeder: what its chats are told, how far it has come, and what is posted. */
import { describe, expect, test } from 'vitest'
import { createAccountFeed } from '../../../src/cluster/feeder/account-feed.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import type { ChatId } from '../../../src/domain/ids.ts'
import type { Json } from '../../../src/domain/json.ts'
import type { RuntimeEvent } from '../../../src/runtime/runtime.ts'
import { CALM, REAL } from '../../../src/simulator/mesh/quirks.ts'
import { away, createGate } from './engine-stand-in.ts'
import { createStage, jobFor, START_MS } from './stage.ts'

const settings = parseConfig({ meshName: 'home', username: 'my-bot', dmPolicy: 'open' }).accounts[0]!
const SESSION = 's1'

function open({ quirks = CALM, entry = null as Json } = {}) {
  const stage = createStage(quirks)
  const { there, clock, mesh } = stage
  mesh.bot = 'my-bot'
  const alice = mesh.user('alice')
  const events: RuntimeEvent[] = []
  const taken = { times: 0 }
  there.holders.set('default', SESSION)
  const feed = createAccountFeed({
    ...stage.ports,
    settings,
    agent: stage.agentOf(settings, () => true),
    entry,
    feeder: { address: '10.0.0.7:9090', session: SESSION },
    emit: event => events.push(event),
    onTaken: () => {
      taken.times += 1
    },
  })
  feed.start()
  const stop = async () => {
    const stopped = feed.stop()
    await clock.advance(2_000)
    await stopped
  }
  const notes = () =>
    there.called('account/note').flatMap(({ input }) => (input as { changes: readonly { event: { type: string } }[] }).changes)
  const texts = () =>
    there
      .called('chat/receive')
      .flatMap(({ input }) => (input as { messages: readonly { message: unknown }[] }).messages.map(one => one.message))
  return { ...stage, alice, feed, events, taken, stop, notes, texts }
}

async function live(options: Parameters<typeof open>[0] = {}) {
  const world = open(options)
  await world.clock.advance(10_000)
  expect(world.feed.status().state).toBe('live')
  return world
}

test('how the account is, is told as its feeder knows it', async () => {
  const { feed, clock, mesh, stop } = await live({ quirks: REAL })
  const liveStatus = feed.status()
  mesh.user('my-bot').agent.answer('error500')
  await clock.advance(120_000)

  expect(liveStatus).toMatchObject({ account: 'default', state: 'live', reason: null, feed: 'push', warnings: [], chats: 0 })
  expect(liveStatus.sinceMs).toBeGreaterThanOrEqual(START_MS)
  expect(feed.status()).toMatchObject({ state: 'degraded', feed: null, reason: expect.stringContaining('500') })
  await stop()
})

describe('what is read', () => {
  test('is told to its chat, once', async () => {
    const { alice, clock, there, texts, stop } = await live()

    await alice.says('one')
    await alice.says('two')
    await clock.advance(60_000)

    expect(texts()).toEqual([{ text: 'one' }, { text: 'two' }])
    expect(there.called('chat/receive').every(({ key }) => key === 'default/peer:alice')).toBe(true)
    await stop()
    expect(clock.pending()).toBe(0)
  })

  test('is told again when the chat could not be reached', async () => {
    const { alice, clock, there, stop } = await live()

    there.before = away
    await alice.says('one')
    await clock.advance(20_000)
    there.before = () => {}
    const before = there.called('chat/receive').length
    await clock.advance(60_000)

    expect(before).toBeGreaterThan(0)
    const heard = there.called('chat/receive').slice(before)
    const sources = heard.map(({ input }) => (input as { source: string }).source)
    expect(heard[0]).toMatchObject({ input: { messages: [{ message: { text: 'one' } }] } })
    // Once from each place where it stands.
    expect(sources).toEqual([...new Set(sources)])
    await stop()
  })

  test('and found no room in its chat is told again, a second later', async () => {
    const { alice, clock, there, texts, stop } = await live()

    there.receive = () => ({ taken: 0 })
    await alice.says('one')
    await clock.advance(10_000)
    there.receive = ({ input }) => ({ taken: (input as { messages: readonly unknown[] }).messages.length })
    const before = texts().length
    await clock.advance(2_000)

    expect(texts().slice(before)).toEqual([{ text: 'one' }])
    await stop()
  })

  test('and was not taken yet keeps the account where it is: whoever has it next reads from there', async () => {
    const { alice, clock, there, notes, stop } = await live()
    await clock.advance(120_000)
    there.receive = () => ({ taken: 0 })

    await alice.says('one')
    await clock.advance(10_000)
    const before = notes().filter(({ event }) => event.type === 'account.lived').length
    await clock.advance(600_000)

    expect(before).toBeGreaterThan(0)
    expect(notes().filter(({ event }) => event.type === 'account.lived').length).toBe(before)
    await stop()
  })
})

describe('how far it has come', () => {
  test('is noted in order, each until it is there', async () => {
    const { clock, there, notes, stop } = await live()
    await clock.advance(120_000)
    const whole = notes().map(({ event }) => event.type)

    const other = open()
    let failures = 0
    other.there.before = ({ what }) => {
      if (what !== 'account/note' || failures === 5) return
      failures += 1
      away()
    }
    await other.clock.advance(130_000)
    const heard = other.notes().map(({ event }) => event.type)

    expect(new Set(whole)).toContain('account.opened')
    expect(failures).toBe(5)
    // The first of them six times, and then as if nothing had been.
    expect(heard.slice(5)).toEqual(whole)
    expect(heard.slice(0, 5)).toEqual(Array(5).fill(whole[0]))
    expect(there.called('account/note').every(({ input }) => (input as { session: string }).session === SESSION)).toBe(true)
    await stop()
    await other.stop()
  })

  test('is where the next one begins: nothing of before is read as new', async () => {
    const first = await live()
    await first.alice.says('one')
    await first.clock.advance(120_000)
    const lived = first.notes().filter(({ event }) => event.type === 'account.lived')
    expect(lived.at(-1)).toMatchObject({ event: { atMs: expect.any(Number) } })
    await first.stop()

    const entry = { openedAtMs: START_MS - 3_600_000, liveAtMs: START_MS - 1_000, loaded: true }
    const { there, alice, clock, stop } = await live({ entry })
    await alice.says('two')
    await clock.advance(20_000)

    expect(there.called('chat/receive').at(0)).toMatchObject({
      input: { openedAtMs: START_MS - 3_600_000, isFirstLoad: false },
    })
    await stop()
  })

  test('is not tried again of an account that is another’s by now, which is told', async () => {
    const { clock, there, taken, stop } = await live()
    const before = there.called('account/note').length

    there.holders.set('default', 'another')
    await clock.advance(120_000)

    expect(taken.times).toBeGreaterThan(0)
    expect(taken.times).toBe(there.called('account/note').length - before)
    await stop()
  })
})

describe('a post', () => {
  test('is made once for each try, however often it is asked for, and wakes the look for it', async () => {
    const { alice, feed, clock, events, stop } = await live()

    const asked = [feed.posts.post(jobFor('default', SESSION)), feed.posts.post(jobFor('default', SESSION))]
    await clock.advance(5_000)
    const again = jobFor('default', SESSION, 'k1', { tried: { id: 'try of k1', begunAtMs: START_MS, isAgain: true } })

    expect(await Promise.all(asked)).toMatchObject([{ type: 'post.accepted' }, { type: 'post.accepted' }])
    expect(await feed.posts.post(again)).toMatchObject({ type: 'post.accepted' })
    expect(alice.inbox().map(({ sender }) => sender)).toEqual(['my-bot'])
    expect(events.filter(({ event }) => event === 'posted')).toEqual([
      { event: 'posted', account: 'default', atMs: expect.any(Number), chat: 'peer:alice', key: 'k1' },
    ])
    await stop()
  })

  test('is seen on the mesh, and the chat is told so', async () => {
    const { feed, clock, there, stop } = await live()

    void feed.posts.post(jobFor('default', SESSION))
    await clock.advance(20_000)

    expect(there.called('chat/receive').map(({ input }) => (input as { seen: readonly string[] }).seen)).toContainEqual(['k1'])
    await stop()
  })

  test('that names another session is nobody’s here', async () => {
    const { feed, alice, clock, stop } = await live()

    expect(await feed.posts.post(jobFor('default', 'another'))).toBeNull()
    expect(await feed.posts.post(jobFor('default', SESSION, 'k1', { feeder: null }))).toBeNull()
    await clock.advance(5_000)

    expect(alice.inbox()).toEqual([])
    await stop()
  })

  test('is nobody’s after the stop, and so are a look and a check', async () => {
    const { feed, alice, clock, stop } = await live()
    const job = jobFor('default', SESSION)

    await stop()

    expect(await feed.posts.post(job)).toBeNull()
    expect(await feed.posts.look({ ...job, sinceMs: 0 })).toBeNull()
    expect(await feed.posts.check({ ...job, sinceMs: 0, nowMs: START_MS, answeredAtMs: null })).toBeNull()
    expect(alice.inbox()).toEqual([])
    expect(clock.pending()).toBe(0)
  })

  test('of a feeder before this one is one of several, until it is known which others there are: the oldest tells of the rest', async () => {
    const { feed, alice, mesh, clock, stop } = await live()
    for (const user of [alice, mesh.user('bob')]) await user.says('hello', 'peer:my-bot')
    const checked = async (chat: ChatId, key: string, answeredAtMs: number) => {
      const job = { ...jobFor('default', SESSION, key), chat, sinceMs: 0, nowMs: clock.now(), answeredAtMs }
      const checking = feed.posts.check(job)
      await clock.advance(2_000)
      return await checking
    }
    const toAlice = () => checked('peer:alice', 'k1', START_MS - 80_000)
    const toBob = () => checked('peer:bob', 'k2', START_MS - 70_000)

    expect([await toAlice(), await toBob()]).toMatchObject([{ otherUnconfirmed: 1 }, { otherUnconfirmed: 1 }])
    await clock.advance(20_000)
    expect([await toBob(), await toAlice(), await toBob()]).toMatchObject([
      { type: 'ledger.absent', otherUnconfirmed: 1 },
      { type: 'ledger.absent', otherUnconfirmed: 0 },
      { type: 'ledger.absent', otherUnconfirmed: 1 },
    ])
    await clock.advance(60_000)
    expect(await toBob()).toMatchObject({ otherUnconfirmed: 0 })
    await stop()
  })

  test('is not made while the agent is made to join again, which is noted before it happens; afterwards it is', async () => {
    const { mesh, feed, alice, clock, there, stop } = await live({ quirks: REAL })
    const gate = createGate()
    const heals = () => there.called('account/note').filter(({ input }) => JSON.stringify(input).includes('account.healed'))
    there.before = ({ what, input }) =>
      what === 'account/note' && JSON.stringify(input).includes('account.healed') ? gate.closed : undefined
    mesh.user('my-bot').agent.freeze()
    let joins = 0
    mesh.user('my-bot').agent.answer(({ method, target }) => {
      if (method === 'POST' && target.endsWith('/api/meshes/home')) joins += 1
      return null
    })

    for (let n = 0; n < 60 && heals().length === 0; n++) {
      await alice.says(`message ${n}`)
      await clock.advance(9_000)
    }
    expect(heals().length).toBe(1)
    const posted = feed.posts.post(jobFor('default', SESSION))
    expect(await posted).toEqual({ type: 'post.not-sent', key: 'k1' })
    expect(joins).toBe(0)
    gate.open()
    await clock.advance(5 * 60_000)

    expect(joins).toBe(1)
    const later = feed.posts.post(jobFor('default', SESSION, 'k2'))
    await clock.advance(5_000)
    expect(await later).toMatchObject({ type: 'post.accepted', key: 'k2' })
    await stop()
  })
})

test('a stop does not wait longer than a second for an engine that does not hear how far it came', async () => {
  const { feed, clock, there } = await live()
  await clock.advance(120_000)
  there.before = () => new Promise(() => {})
  let hasStopped = false

  void feed.stop().then(() => {
    hasStopped = true
  })
  await clock.advance(999)
  expect(hasStopped).toBe(false)
  await clock.advance(1)
  await clock.drain()

  expect(hasStopped).toBe(true)
  expect(clock.pending()).toBe(0)
})
