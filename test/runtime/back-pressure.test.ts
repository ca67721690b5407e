import { expect, test } from 'vitest'
import { createWorld, type World } from '../../src/simulator/world.ts'

const until = async (world: World, done: () => boolean, maxMs: number, stepMs = 5_000) => {
  const from = world.clock.now()
  while (!done() && world.clock.now() - from < maxMs) await world.settle(stepMs)
  return world.clock.now() - from
}
const TEAM = 'group:alice/team' as const

test.each([
  ['poll', 0],
  ['poll', 3],
  ['poll', 300],
  ['push', 3],
  ['push', 300],
] as const)(
  'a mention behind ignored messages is answered soon (%s, %i)',
  async (feed, notes) => {
    const world = createWorld({ syncMs: 5, config: { feed, enableGroups: true, groupPolicy: 'open' } })
    const starting = world.start()
    await world.settle(5_000)
    await starting
    const alice = world.mesh.user('alice')
    world.mesh.user('bob')
    await alice.creates('team', { name: 'Team', members: ['alice', 'my-bot'] })
    await alice.says('first', TEAM)
    await world.settle(60_000)
    world.bot.agent.down()
    for (let n = 0; n < notes; n++) {
      await alice.says(`note ${n}`, TEAM)
      await world.settle(1_500)
    }
    await alice.says('@my-bot hello', TEAM)
    await world.settle(5_000)
    world.bot.agent.up()
    const ms = await until(world, () => world.answers('alice', TEAM).length === 1, 3_600_000)
    expect(ms).toBeLessThan(60_000)
    await world.stop()
  },
  120_000,
)

test.each(['poll', 'push'])(
  'a stranger who wrote 300 messages does not block those behind, %s',
  async feed => {
    const world = createWorld({ syncMs: 5, config: { feed, dmPolicy: 'pairing' } })
    const starting = world.start()
    await world.settle(5_000)
    await starting
    const alice = world.mesh.user('alice')
    await alice.says('hello')
    await world.settle(20_000)
    world.bot.agent.down()
    for (let n = 0; n < 300; n++) {
      await alice.says(`note ${n}`)
      await world.settle(1_100)
    }
    world.bot.agent.up()
    await world.settle(20 * 60_000)
    expect(world.account.status().counters.seen).toBe(301)
    await world.stop()
  },
  120_000,
)
