import { describe, expect, test } from 'vitest'
import { createWorld } from '../../src/simulator/world.ts'

const HOUR_MS = 3_600_000
const isPost = ({ method, target }: { method: string; target: string }) => method === 'POST' && target.includes('/messages')

describe.each([
  ['ahead', 2 * HOUR_MS],
  ['back', -2 * HOUR_MS],
])('our own clock steps two hours %s', (_, stepMs) => {
  test.each(['poll', 'push'])('and every message is answered once, in order, by whatever clock it was written (%s)', async feed => {
    const world = createWorld({ config: { feed } })
    world.mesh.user('alice')
    world.mesh.user('bob', { skewMs: -2 * HOUR_MS })
    world.mesh.user('carol', { skewMs: 2 * HOUR_MS })
    const users = ['alice', 'bob', 'carol']
    const say = async (text: string) => {
      for (const user of users) await world.mesh.user(user).says(text)
      await world.settle(8_000)
    }
    await world.start()
    // The chats of the very first start have been read: nothing is history any more.
    await world.settle(60_000)
    await say('before')
    world.clock.jump(stepMs)
    await say('after')
    await world.settle(60_000)
    await world.crash()
    await world.start()
    await say('after a crash')
    world.clock.jump(-stepMs)
    await say('put right')
    await world.settle(60 * 60_000)

    const texts = ['before', 'after', 'after a crash', 'put right'].map(text => `echo: ${text}`)
    for (const user of users) expect([user, world.answers(user)]).toEqual([user, texts])
    expect(world.account.status().counters).toMatchObject({ repeatedPosts: 0, ignored: {} })
    await world.stop()
  })

  test('while a post is under way, and it is neither posted twice nor forgotten', async () => {
    const world = createWorld({ quirks: { publishMs: [20_000, 20_000] } })
    await world.start()
    await world.mesh.user('alice').says('hi')
    while (!world.events.some(event => event.event === 'posted')) await world.settle(50)
    await world.settle(1_000)
    world.clock.jump(stepMs)
    await world.settle(4 * HOUR_MS)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status()).toMatchObject({ outbox: 0 })
    await world.stop()
  })

  test('while a post that never happened is looked for, and it is posted in the end', async () => {
    const world = createWorld()
    world.bot.agent.answer('error500', { when: isPost, times: 1 })
    await world.start()
    await world.mesh.user('alice').says('hi')
    while (!world.events.some(event => event.event === 'posted')) await world.settle(50)
    world.clock.jump(stepMs)
    await world.settle(4 * HOUR_MS)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    await world.stop()
  })

  test('while the responder rests after a failure, and its timer goes by what has really passed', async () => {
    let attempts = 0
    const world = createWorld({
      responder: {
        async respond({ text }) {
          attempts += 1
          if (attempts < 3) throw new Error('the model is away')
          return `echo: ${text}`
        },
      },
    })
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(500)
    world.clock.jump(stepMs)
    await world.settle(60_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    await world.stop()
  })
})

test('a pairing code lives by the wall clock: set back it lives on, set ahead it is over, and the asker may ask again', async () => {
  for (const [stepMs, lives] of [
    [-2 * HOUR_MS, true],
    [2 * HOUR_MS, false],
  ] as const) {
    const world = createWorld({ config: { dmPolicy: 'pairing' } })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    const [request] = world.account.pairings()
    world.clock.jump(stepMs)
    await world.settle(70 * 60_000)
    expect(world.account.pairings().map(({ user }) => user)).toEqual(lives ? ['alice'] : [])
    if (!lives) {
      await world.mesh.user('alice').says('please?')
      await world.settle()
    }
    await world.account.approve(world.account.pairings()[0]!.code)
    await world.settle(60_000)

    expect(world.account.pairings()).toEqual([])
    expect(world.answers('alice')).toContain(lives ? 'echo: may I?' : 'echo: please?')
    expect(request!.code).toMatch(/^.{8}$/)
    await world.stop()
  }
})
