/** What real meshes were seen to do to messages, all at once. */
import { describe, expect, test } from 'vitest'
import { REAL } from '../../src/simulator/mesh/quirks.ts'
import { createWorld, type World, type WorldOptions } from '../../src/simulator/world.ts'

const PEER = 'peer:my-bot'
const MINUTE_MS = 60_000
/** A fifth of the messages never show in a chat app, and it stands still for up to 36 s. */
const LOSSES = { appDrops: 0.2, appStallMs: [0, 36_000] } as const

const lossyWorld = (options: WorldOptions = {}) => createWorld({ ...options, quirks: { ...REAL, ...LOSSES, ...options.quirks } })

const texts = (world: World, user: string, sender: string) =>
  world.mesh.reached(user, PEER).flatMap(one => (one.sender === sender ? [(one.message as { text: string }).text] : []))

const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin'] as const

/** Everybody writes now and then, for a while; some begin a conversation with an agent that has just started. */
const chatter = async (world: World, rounds: number) => {
  for (let n = 0; n < rounds; n++) {
    const name = NAMES[n % NAMES.length]!
    if (n > 0 && n % 17 === 0) {
      // Its files are listed, and cannot be read for some seconds.
      world.mesh.user(name).agent.restart()
      await world.settle(2_000)
    }
    await world.mesh.user(name).says(`${name} ${n}`)
    await world.settle(700 + 389 * (n % 13))
  }
}

describe('with the push feed, everything that reached the mesh is answered, once,', () => {
  test.each([1, 2, 3])(
    'by a chat app that drops a fifth, stalls, freezes until it is revived, and lists files too early (seed %i)',
    async seed => {
      const world = lossyWorld({ seed })
      for (const name of NAMES) world.mesh.user(name)
      await world.start()
      await world.settle(5_000)

      await chatter(world, 40)
      world.bot.agent.freeze()
      await chatter(world, 60)
      await world.settle(30 * MINUTE_MS)

      for (const name of NAMES) {
        const expected = texts(world, name, name).map(text => `echo: ${text}`)
        expect(expected.length).toBeGreaterThan(10)
        expect(texts(world, name, 'my-bot').toSorted(), name).toEqual(expected.toSorted())
      }
      expect(world.account.status()).toMatchObject({ state: 'live', feed: 'push', outbox: 0, selfHeal: { times: 1 } })
      await world.stop()
    },
  )
})

describe('with polling, everything that the chat app shows', () => {
  test.each([1, 2, 3])('is answered, once, within the check interval (seed %i)', async seed => {
    const world = lossyWorld({ seed, config: { feed: 'poll' } })
    for (const name of NAMES) world.mesh.user(name)
    await world.start()
    await world.settle(60_000)
    /** When the bot's chat app first showed each message. */
    const shownAtMs = new Map<string, number>()
    const look = () => {
      for (const name of NAMES)
        for (const { sender, message } of world.bot.inbox(`peer:${name}`)) {
          const { text } = message as { text: string }
          if (sender === name && !shownAtMs.has(text)) shownAtMs.set(text, world.clock.now())
        }
    }
    let watching = true
    const watch = () => {
      look()
      if (watching) world.clock.after(100, watch)
    }
    watch()

    await chatter(world, 60)
    await world.settle(30 * MINUTE_MS)
    watching = false
    look()

    const decidedAtMs = world.events.flatMap(event => (event.event === 'decision' && event.action === 'process' ? [event.atMs] : []))
    for (const name of NAMES) {
      const shown = texts(world, name, name).filter(text => shownAtMs.has(text))
      expect(shown.length).toBeGreaterThan(3)
      expect(texts(world, name, 'my-bot').toSorted(), name).toEqual(shown.map(text => `echo: ${text}`).toSorted())
    }
    // Each was decided soon after it was shown; the last to be decided is the slowest that can be.
    const sortedShown = [...shownAtMs.values()].toSorted((one, other) => one - other)
    const sortedDecided = decidedAtMs.toSorted((one, other) => one - other)
    expect(sortedDecided).toHaveLength(sortedShown.length)
    for (const [n, atMs] of sortedDecided.entries()) expect(atMs - sortedShown[n]!).toBeLessThanOrEqual(30_000)
    expect(world.account.status()).toMatchObject({ state: 'live', feed: 'poll', outbox: 0 })
    await world.stop()
  })
})

test('a reply whose file is answered by something in between is not taken for lost', async () => {
  const world = createWorld()
  await world.start()
  await world.settle(5_000)
  const answers = (text: string) => () => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: new TextEncoder().encode(text),
  })
  let isHidden = false
  const isRead =
    (what: string) =>
    ({ method, target }: { method: string; target: string }) =>
      isHidden && method === 'GET' && target.includes(what)
  world.bot.agent.answer(
    () => {
      isHidden = true
      return null
    },
    { when: ({ method, target }) => method === 'POST' && target.includes('/messages'), times: 1 },
  )
  world.bot.agent.answer(answers('[]'), { when: isRead('/messages?') })
  world.bot.agent.answer(answers('{"status":"busy"}'), { when: isRead('/file-data') })
  await world.mesh.user('alice').says('hi')
  await world.settle(5 * 60_000)
  isHidden = false
  await world.settle(20 * 60_000)

  expect(world.answers('alice')).toEqual(['echo: hi'])
  expect(world.account.status()).toMatchObject({ outbox: 0, counters: { repeatedPosts: 0 } })
  await world.stop()
})
