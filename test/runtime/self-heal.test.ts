import { describe, expect, test } from 'vitest'
import { REAL } from '../../src/simulator/mesh/quirks.ts'
import { createWorld, type World, type WorldOptions } from '../../src/simulator/world.ts'

const PEER = 'peer:my-bot'
const MINUTE_MS = 60_000

const realWorld = (options: WorldOptions = {}) => createWorld({ ...options, quirks: { ...REAL, ...options.quirks } })

/** What the mesh has of our answers; the user's own chat app may have lost them. */
const answered = (world: World, user: string) =>
  world.mesh
    .reached(user, PEER)
    .filter(({ sender }) => sender === 'my-bot')
    .map(({ message }) => (message as { text: string }).text)

/** Wall-clock times at which the agent was made to join again. */
const countRejoins = (world: World): readonly number[] => {
  const rejoins: number[] = []
  world.bot.agent.answer(({ method, target }) => {
    if (method === 'POST' && target.endsWith('/api/meshes/home')) rejoins.push(world.clock.now())
    return null
  })
  return rejoins
}

/** Writes, and gives the bot time to answer. */
const talk = async (world: World, count: number, everyMs = 9_000, user = 'alice') => {
  for (let n = 0; n < count; n++) {
    await world.mesh.user(user).says(`message ${n}`)
    await world.settle(everyMs)
  }
}
const echoes = (count: number) => Array.from({ length: count }, (_, n) => `echo: message ${n}`)

describe('a frozen chat app', () => {
  test('is revived by joining again, once, when message files prove that it shows nothing; all is answered, once', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    await world.settle(5_000)
    const rejoins = countRejoins(world)
    world.bot.agent.freeze()

    await talk(world, 20)
    await world.settle(30 * MINUTE_MS)

    expect(answered(world, 'alice')).toEqual(echoes(20))
    expect(rejoins).toHaveLength(1)
    expect(world.bot.inbox('peer:alice')).toHaveLength(40)
    expect(world.account.status()).toMatchObject({
      state: 'live',
      outbox: 0,
      selfHeal: { times: 1, lastReason: expect.stringMatching(/chat app .* frozen/) },
      counters: { repeatedPosts: 0 },
    })
    expect(world.log.filter(({ phrase }) => phrase.includes('made to join the mesh again'))).toHaveLength(1)
    await world.stop()
  })

  test('after an outage of the hub is revived on little proof', async () => {
    const world = realWorld({ seed: 3 })
    world.mesh.user('alice')
    await world.start()
    await talk(world, 1)
    await world.settle(20_000)
    world.mesh.hub.down()
    await world.settle(20_000)
    world.mesh.hub.up()
    await world.settle(MINUTE_MS)
    // The freezing itself is left to chance by the mesh.
    world.bot.agent.freeze()
    const rejoins = countRejoins(world)

    await world.mesh.user('bob').says('hello')
    await world.settle(5 * MINUTE_MS)

    expect(answered(world, 'bob')).toEqual(['echo: hello'])
    expect(rejoins).toHaveLength(1)
    await world.stop()
  })

  test('is left alone where self-heal is off, and status says so', async () => {
    const world = realWorld({ config: { selfHeal: false } })
    world.mesh.user('alice')
    await world.start()
    await world.settle(5_000)
    const rejoins = countRejoins(world)
    world.bot.agent.freeze()

    await talk(world, 20)
    await world.settle(30 * MINUTE_MS)

    expect(answered(world, 'alice')).toEqual(echoes(20))
    expect(rejoins).toEqual([])
    expect(world.account.status()).toMatchObject({
      state: 'live',
      selfHeal: null,
      warnings: [expect.stringMatching(/frozen.*selfHeal is off/)],
    })
    await world.stop()
  })

  test('that freezes again and again is revived at most once in ten minutes, and less often the longer it goes on', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    await world.settle(5_000)
    const rejoins = countRejoins(world)
    const freezing = setFreezing(world)

    await talk(world, 600, 12_000)
    freezing.stop()
    await world.settle(30 * MINUTE_MS)

    expect(rejoins.length).toBeGreaterThanOrEqual(3)
    const restsMs = rejoins.slice(1).map((atMs, n) => atMs - rejoins[n]!)
    expect(Math.min(...restsMs)).toBeGreaterThanOrEqual(10 * MINUTE_MS)
    expect(restsMs.at(-1)).toBeGreaterThanOrEqual(2 * restsMs[0]! - MINUTE_MS)
    expect(answered(world, 'alice')).toEqual(echoes(600))
    await world.stop()
  })

  test('is not revived twice within ten minutes by a runtime that dies in between', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    await world.settle(5_000)
    const rejoins = countRejoins(world)
    world.bot.agent.freeze()
    await talk(world, 12)
    for (let n = 0; n < 60 && rejoins.length === 0; n++) await world.settle(1_000)
    expect(rejoins).toHaveLength(1)

    await world.crash()
    await world.start()
    await world.settle(20_000)
    world.bot.agent.freeze()
    await talk(world, 30, 10_000, 'bob')

    expect(rejoins).toHaveLength(1)
    expect(world.account.status().warnings).toEqual([expect.stringMatching(/left alone for now/)])
    await world.settle(10 * MINUTE_MS)
    await talk(world, 1, MINUTE_MS, 'carol')
    await world.settle(5 * MINUTE_MS)
    expect(rejoins).toHaveLength(2)
    expect(rejoins[1]! - rejoins[0]!).toBeGreaterThanOrEqual(10 * MINUTE_MS)
    expect(world.account.status()).toMatchObject({ selfHeal: { times: 2 } })
    await world.stop()
  })
})

/** Freezes whatever chat app there is, every ten seconds. */
function setFreezing(world: World): { stop(): void } {
  let stopped = false
  const freeze = () => {
    if (stopped) return
    world.bot.agent.freeze()
    world.clock.after(10_000, freeze)
  }
  freeze()
  return {
    stop() {
      stopped = true
    },
  }
}

describe('posts', () => {
  test('that are under way when the agent is made to join again are waited for, and none is made meanwhile', async () => {
    const world = realWorld({ config: { limits: { loopAlternations: 100_000 } } })
    const names = ['alice', 'bob', 'carol']
    for (const name of names) world.mesh.user(name)
    await world.start()
    await world.settle(5_000)
    world.bot.agent.freeze()
    const posts: number[] = []
    const rejoins = countRejoins(world)
    world.bot.agent.answer(({ method, target }) => {
      if (method === 'POST' && target.includes('/messages')) posts.push(world.clock.now())
      return null
    })

    // Somebody writes all the time, so that there is always something to post.
    for (let n = 0; n < 150; n++)
      for (const name of names) {
        await world.mesh.user(name).says(`message ${n}`)
        await world.settle(300)
      }
    await world.settle(30 * MINUTE_MS)

    expect(rejoins).toHaveLength(1)
    const rejoinAtMs = rejoins[0]!
    const heldAtMs = world.events.findLast(event => event.event === 'state' && event.state === 'degraded' && event.atMs <= rejoinAtMs)!.atMs
    // Those that had been granted are made; then none until the agent has settled.
    expect(posts.filter(atMs => atMs > heldAtMs + 50 && atMs < rejoinAtMs + 1_000)).toEqual([])
    const before = Math.max(...posts.filter(atMs => atMs < rejoinAtMs))
    expect(rejoinAtMs - before).toBeGreaterThan(500)
    expect(rejoinAtMs - heldAtMs).toBeLessThanOrEqual(61_000)
    for (const name of names) expect(answered(world, name).toSorted()).toEqual(echoes(150).toSorted())
    expect(world.account.status()).toMatchObject({ outbox: 0, uncertain: 0, state: 'live' })
    await world.stop()
  })

  test('after it are not taken for lost with it when our clock is set back to a time before it', async () => {
    const world = realWorld()
    for (const name of ['alice', 'bob']) world.mesh.user(name)
    await world.start()
    await talk(world, 1)
    const rejoins = countRejoins(world)
    world.bot.agent.breakHub()
    while (rejoins.length === 0) await world.settle(1_000)
    const sinceMs = () => world.clock.monotonic() - healedAtMs
    const healedAtMs = world.clock.monotonic()
    await world.settle(MINUTE_MS)
    world.clock.jump(-5 * MINUTE_MS)
    await world.settle(280_000 - sinceMs())
    const usual = world.mesh.quirks.publishMs
    for (const name of ['alice', 'bob']) await world.mesh.user(name).says('hi')
    // The agent is slow with the first answer, and the second waits behind it.
    const hurry = world.bot.agent.answer(({ method, target }) => {
      if (method === 'POST' && target.includes('/messages')) world.mesh.quirks.publishMs = [150_000, 150_000]
      return null
    })
    await world.settle(10_000)
    hurry()
    world.mesh.quirks.publishMs = usual
    await world.settle(60 * MINUTE_MS)

    expect(['alice', 'bob'].map(name => answered(world, name).filter(text => text === 'echo: hi'))).toEqual([['echo: hi'], ['echo: hi']])
    expect(world.account.status().counters.repeatedPosts).toBe(0)
    await world.stop()
  })
})

test('a disk that is full when the agent is to join again delays it, and it settles before anything is posted', async () => {
  let isFull = true
  const world: World = realWorld({
    disk: {
      before({ name }) {
        const isHealing = world.log.some(({ phrase }) => phrase.includes('made to join the mesh again'))
        if (isFull && isHealing && name === 'write') throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
      },
    },
  })
  world.mesh.user('alice')
  await world.start()
  await world.settle(5_000)
  const rejoins = countRejoins(world)
  world.bot.agent.freeze()
  await talk(world, 20)
  await world.settle(5 * MINUTE_MS)
  expect(rejoins).toEqual([])
  expect(world.account.status()).toMatchObject({ state: 'degraded', reason: expect.stringContaining('journal') })

  isFull = false
  await world.settle(30 * MINUTE_MS)
  const settled = world.log.filter(({ phrase }) => phrase.includes('has settled'))
  expect([rejoins, settled]).toEqual([[expect.any(Number)], [expect.anything()]])
  expect(answered(world, 'alice')).toEqual(echoes(20))
  expect(world.account.status()).toMatchObject({ state: 'live', outbox: 0, selfHeal: { times: 1 } })
  await world.stop()
})

describe('an agent whose hub connection is broken', () => {
  test('and that says it is connected is made to join again; what was written meanwhile is answered, once', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    await talk(world, 2)
    await world.settle(30_000)
    const rejoins = countRejoins(world)
    world.bot.agent.breakHub()

    await talk(world, 3)
    await world.settle(30 * MINUTE_MS)

    expect(rejoins).toHaveLength(1)
    expect(answered(world, 'alice').toSorted()).toEqual([...echoes(2), ...echoes(3)].toSorted())
    expect(world.account.status()).toMatchObject({
      state: 'live',
      outbox: 0,
      selfHeal: { times: 1, lastReason: expect.stringMatching(/hub does not see it/) },
    })
    await world.stop()
  })

  test('is found out in quiet, too', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    await world.settle(MINUTE_MS)
    const rejoins = countRejoins(world)
    world.bot.agent.breakHub()

    await world.settle(10 * MINUTE_MS)
    await talk(world, 1, MINUTE_MS)

    expect(rejoins).toHaveLength(1)
    expect(answered(world, 'alice')).toEqual(echoes(1))
    await world.stop()
  })
})

describe('nothing is healed without proof:', () => {
  const quiet = async (world: World, during: () => Promise<void>) => {
    world.mesh.user('alice')
    await world.start()
    await world.settle(5_000)
    const rejoins = countRejoins(world)
    await during()
    await world.settle(20 * MINUTE_MS)
    expect(rejoins).toEqual([])
    expect(world.account.status()).toMatchObject({ state: 'live', selfHeal: null, warnings: [] })
    await world.stop()
  }

  test('a mesh that is well', async () => {
    const world = realWorld()
    await quiet(world, () => talk(world, 40))
  })

  test.each([1, 2, 3])('a chat app that drops a fifth of the messages and stalls for 36 s (seed %i)', async seed => {
    const world = realWorld({ seed, quirks: { appDrops: 0.2, appStallMs: [0, 36_000] } })
    await quiet(world, async () => {
      await talk(world, 150, 5_000)
      expect(answered(world, 'alice').toSorted()).toEqual(echoes(150).toSorted())
    })
  })

  test.each([5_000, 60_000, 600_000])('a hub that is away for %i ms', async awayMs => {
    const world = realWorld({ quirks: { freezesAfterOutage: false, queueStaysBusy: false } })
    await quiet(world, async () => {
      await talk(world, 2)
      world.mesh.hub.down()
      await world.settle(awayMs)
      world.mesh.hub.up()
      await world.settle(MINUTE_MS)
      await world.mesh.user('alice').says('again')
    })
  })

  test('an agent that is slow or silent for a while', async () => {
    const world = realWorld()
    await quiet(world, async () => {
      const show = world.bot.agent.answer('hang', { when: ({ target }) => /files\?|endpoints/.test(target) })
      await world.settle(50_000)
      show()
    })
  })

  test('a disk that is full for a while, which freezes no chat app', async () => {
    const world = realWorld()
    await quiet(world, async () => {
      await talk(world, 1)
      await world.settle(MINUTE_MS)
      // It shows nothing of two messages, which it may have lost.
      world.bot.agent.freeze()
      world.disk().fill(0)
      await talk(world, 1)
      expect(world.account.status().state).toBe('degraded')
      world.disk().fill(Number.POSITIVE_INFINITY)
      await world.settle(MINUTE_MS)
      await talk(world, 1)
    })
  })

  test('an agent that is down', async () => {
    const world = realWorld()
    await quiet(world, async () => {
      world.bot.agent.down()
      await world.settle(10 * MINUTE_MS)
      world.bot.agent.up()
    })
  })
})
