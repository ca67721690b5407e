import { describe, expect, test } from 'vitest'
import { createWorld, type World, type WorldOptions } from '../../src/simulator/world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const pollWorld = ({ config, ...options }: WorldOptions = {}) => createWorld({ ...options, config: { feed: 'poll', ...config } })

/** Requests to the bot's agent from now on, with the moment of each. */
const record = (world: World, agent = world.bot.agent) => {
  const requests: { readonly route: string; readonly atMs: number }[] = []
  agent.answer(({ method, target }) => {
    const route = /\/chats$|\/peers\/[^/]+\/messages|\/groups\/[^/]+\/[^/]+\/messages/.exec(target)?.[0] ?? target
    requests.push({ route: `${method} ${route}`, atMs: world.clock.monotonic() })
    return null
  })
  const of = (route: string) => requests.filter(request => request.route === route).map(({ atMs }) => atMs)
  return { of, routes: () => requests.map(({ route }) => route), clear: () => requests.splice(0) }
}
const rests = (atMs: readonly number[]) => atMs.slice(1).map((ms, n) => ms - atMs[n]!)

/** As many chats that rest, written long ago. */
const withOldChats = async (count: number, options: WorldOptions = {}) => {
  const world = pollWorld(options)
  for (let n = 0; n < count; n++) await world.mesh.user(`user${n}`).says('hi')
  await world.settle(48 * HOUR_MS)
  await world.start()
  await world.settle(10 * MINUTE_MS)
  return world
}

describe('polling', () => {
  test('slows down from one second to five while nothing happens, and comes back at once', async () => {
    const world = await withOldChats(3)
    const requests = record(world)
    await world.settle(MINUTE_MS)
    for (const restMs of rests(requests.of('GET /chats'))) expect(restMs).toBeGreaterThan(4_900)

    await world.mesh.user('user0').says('news')
    await world.settle(6_000)
    requests.clear()
    await world.settle(3_000)
    expect(Math.min(...rests(requests.of('GET /chats')))).toBeLessThan(1_500)
    expect(world.answers('user0').at(-1)).toBe('echo: news')
    await world.stop()
  })

  test.each([1, 200])('asks once an interval for the list, and for the messages of a changed chat alone, with %i chats', async count => {
    const world = await withOldChats(count)
    const requests = record(world)
    await world.settle(10 * MINUTE_MS)
    expect(
      requests
        .routes()
        .filter(route => !route.startsWith('GET /chats'))
        .filter(route => route.includes('/messages')),
    ).toEqual([])
    expect(requests.of('GET /chats').length).toBeLessThanOrEqual(125)

    requests.clear()
    await world.mesh.user('user0').says('news')
    await world.settle(MINUTE_MS)
    const read = new Set(requests.routes().filter(route => route.startsWith('GET') && route.includes('/messages')))
    expect([...read]).toEqual(['GET /peers/user0/messages'])
    expect(requests.of('GET /chats').length).toBeLessThanOrEqual(62)
    await world.stop()
  })

  test('reads a chat that a wrong clock has pinned in the future at every full check: what comes later shows nowhere else', async () => {
    const world = pollWorld()
    const alice = world.mesh.user('alice')
    await world.start()
    await world.settle(MINUTE_MS)
    // Not only the chat's time is pinned: somebody else's client has taken its hint away, too.
    await alice.agent.setSkew(6 * HOUR_MS)
    await alice.says('from tomorrow')
    await world.settle(MINUTE_MS)
    alice.agent.setSkew(0)
    await world.settle(2_000)
    world.bot.agent.answer(
      async (_, pass) => {
        const answer = await pass()
        const text = new TextDecoder().decode(answer.body as Uint8Array).replace(/"updated":\d+/g, '"updated":0')
        return { ...answer, body: new TextEncoder().encode(text) }
      },
      { when: ({ target }) => target.endsWith('/chats') },
    )
    await alice.says('from today')
    await world.settle(45_000)

    expect(world.answers('alice').toSorted()).toEqual(['echo: from today', 'echo: from tomorrow'])
    await world.stop()
  })

  test('reads recently active chats over the whole fence every few minutes: a sender whose clock is behind changes neither time nor hint', async () => {
    const world = pollWorld({ config: { enableGroups: true, groupPolicy: 'open', requireMention: false } })
    const alice = world.mesh.user('alice')
    const bob = world.mesh.user('bob', { skewMs: -2 * HOUR_MS })
    await world.start()
    await alice.creates('team', { name: 'Team', members: ['alice', 'bob', 'my-bot'] })
    await world.settle(MINUTE_MS)
    await alice.says('hello', 'group:alice/team')
    await world.settle(5 * MINUTE_MS)
    world.bot.agent.answer(
      async (_, pass) => {
        const answer = await pass()
        const text = new TextDecoder().decode(answer.body as Uint8Array).replace(/"updated":\d+/g, '"updated":0')
        return { ...answer, body: new TextEncoder().encode(text) }
      },
      { when: ({ target }) => target.endsWith('/chats') },
    )
    await bob.says('I am late', 'group:alice/team')
    await world.settle(4 * MINUTE_MS)

    expect(world.answers('alice', 'group:alice/team').toSorted()).toEqual(['echo: I am late', 'echo: hello'])
    await world.stop()
  })

  test('finds what was written while the agent was away, when it comes back', async () => {
    const world = pollWorld()
    world.mesh.user('alice')
    await world.start()
    await world.settle(MINUTE_MS)
    world.bot.agent.down()
    await world.mesh.user('alice').says('meanwhile')
    await world.settle(HOUR_MS)
    world.bot.agent.up()
    await world.settle(MINUTE_MS)
    expect(world.answers('alice')).toEqual(['echo: meanwhile'])
    await world.stop()
  })
})

test.each([0, 1_000])('with push and %i chats at rest, at most ten requests a minute are made', async count => {
  const world = createWorld()
  world.mesh.remember(
    'my-bot',
    Array.from({ length: count }, (_, n) => ({
      peer: `user${n}`,
      messages: [{ time: world.clock.now() - 48 * HOUR_MS, message: { text: 'hi' } }],
    })),
  )
  await world.start()
  await world.settle(20 * MINUTE_MS)
  const requests = record(world, world.mesh.user('my-bot').agent)
  await world.settle(HOUR_MS)

  expect(world.account.status()).toMatchObject({ state: 'live', feed: 'push' })
  expect(requests.routes().length / 60).toBeLessThanOrEqual(10)
  expect(requests.routes().length / 60).toBeGreaterThan(3)
  await world.stop()
})
