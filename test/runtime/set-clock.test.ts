import { describe, expect, test } from 'vitest'
import type { Responder } from '../../src/ports/responder.ts'
import { createWorld } from '../../src/simulator/world.ts'

const HOUR_MS = 3_600_000

describe('a wall clock that is set while a reply waits for its confirmation', () => {
  test('forward by two hours does not have it posted again', async () => {
    let skewMs = 0
    const world = createWorld({ runtimeSkewMs: () => skewMs })
    await world.start()
    await world.settle(40_000)
    world.bot.agent.stall(20_000)
    await world.mesh.user('alice').says('hello')
    await world.settle(3_000)

    skewMs = 2 * HOUR_MS
    await world.settle(5 * 60_000)

    expect(world.mesh.accepted.filter(({ sender }) => sender === world.mesh.bot)).toHaveLength(1)
    expect(world.answers('alice')).toEqual(['echo: hello'])
    await world.stop()
  })

  test('back by two hours, with a restart or without, does not keep a lost one waiting', async () => {
    for (const restarts of [false, true]) {
      let skewMs = 0
      const world = createWorld({ runtimeSkewMs: () => skewMs })
      await world.start()
      await world.settle(40_000)
      world.bot.agent.stall(20_000)
      await world.mesh.user('alice').says('hello')
      await world.settle(3_000)
      world.bot.agent.restart()

      skewMs = -2 * HOUR_MS
      if (restarts) {
        await world.crash()
        await world.start()
      }
      await world.settle(5 * 60_000)

      expect(world.answers('alice')).toEqual(['echo: hello'])
      await world.stop()
    }
  })
})

test('a new conversation is no history because the clock was set back to the first start', async () => {
  let skewMs = 0
  const world = createWorld({ runtimeSkewMs: () => skewMs, config: { feed: 'poll' } })
  await world.start()
  await world.settle(HOUR_MS)

  skewMs = -HOUR_MS + 10_000
  await world.mesh.user('alice', { skewMs: -2 * HOUR_MS }).says('hello')
  await world.settle(10_000)

  expect(world.answers('alice')).toEqual(['echo: hello'])
  await world.stop()
})

test('a restart with a clock set back does not make a second first start', async () => {
  let skewMs = 0
  const world = createWorld({ runtimeSkewMs: () => skewMs, config: { feed: 'poll' } })
  await world.start()
  await world.settle(45_000)
  skewMs = -40_000
  await world.crash()
  await world.start()

  await world.mesh.user('alice', { skewMs: -2 * HOUR_MS }).says('hello')
  await world.settle(60_000)

  expect(world.answers('alice')).toEqual(['echo: hello'])
  await world.stop()
})

test.each([HOUR_MS, -HOUR_MS])(
  'what is written in a group after it was met is no history, with a clock that is off by %i ms',
  async skewMs => {
    const world = createWorld({ runtimeSkewMs: () => skewMs, config: { feed: 'push', enableGroups: true, groupPolicy: 'open' } })
    await world.start()
    await world.mesh.user('alice').creates('team', { name: 'Team', members: ['alice', 'my-bot'] })
    await world.settle(40_000)
    // Only message files show what comes now.
    world.bot.agent.freeze()

    await world.mesh.user('alice').says('@my-bot hello', 'group:alice/team')
    await world.settle(30_000)

    expect(world.account.status().counters.processed).toBe(1)
    await world.stop()
  },
)

test.each(['garbage', 'html', 'empty'] as const)(
  'a message file that is answered once with something else (%s) is read again',
  async preset => {
    const world = createWorld({ config: { feed: 'push' } })
    await world.start()
    await world.settle(40_000)
    world.bot.agent.freeze()
    world.bot.agent.answer(preset, { when: ({ target }) => target.includes('/file-data/'), times: 1 })

    await world.mesh.user('alice').says('hello')
    await world.settle(30_000)

    expect(world.answers('alice')).toEqual(['echo: hello'])
    await world.stop()
  },
)

describe('a stop leaves no timer and no request behind', () => {
  test('when a responder ignores its signal', async () => {
    const world = createWorld({ responder: { respond: () => new Promise(() => {}) } })
    await world.start()
    await world.settle(40_000)
    await world.mesh.user('alice').says('hello')
    await world.settle()

    await world.stop()

    expect(world.leaks()).toEqual({ timers: 0, requests: 0 })
  })

  test('when a post was under way', async () => {
    const world = createWorld()
    await world.start()
    await world.settle(40_000)
    world.bot.agent.answer((_, pass) => new Promise(resolve => world.clock.after(2_000, () => resolve(pass()))), {
      when: ({ method }) => method === 'POST',
    })
    await world.mesh.user('alice').says('hello')
    await world.settle(100)

    await world.stop()

    expect(world.leaks()).toEqual({ timers: 0, requests: 0 })
  })
})

test('an adoption that comes after its attempt was given up is refused, so that only one attempt answers', async () => {
  const refusals: string[] = []
  const responder: Responder = {
    async respond({ attempt }, turn, signal) {
      if (attempt > 1) return 'the second'
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
      await turn.adopted().catch((error: Error) => refusals.push(error.message))
      return 'the first'
    },
  }
  const world = createWorld({ responder, config: { limits: { dispatchTimeoutMs: 5_000 } } })
  await world.start()
  await world.settle(40_000)

  await world.mesh.user('alice').says('hello')
  await world.settle(60_000)

  expect(refusals).toEqual([expect.stringContaining('given up')])
  expect(world.answers('alice')).toEqual(['the second'])
  await world.stop()
})
