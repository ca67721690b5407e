import { expect, test } from 'vitest'
import { createWorld } from '../../src/simulator/world.ts'

test.each(['poll', 'push'])(
  'messages of one batch that are dated in the future are answered once, however many (%s)',
  async feed => {
    const world = createWorld({ config: { feed, limits: { futurePerSender: 5 } } })
    const alice = world.mesh.user('alice')
    await world.start()
    await world.settle(5_000)
    world.bot.agent.down()
    alice.agent.setSkew(20 * 3_600_000)
    await world.settle(60_000)
    for (let n = 0; n < 12; n++) {
      await alice.says(`f ${n}`)
      await world.settle(1_500)
    }
    world.bot.agent.up()
    await world.settle(10 * 60_000)
    await world.settle(22 * 3_600_000)
    const counts = new Map<string, number>()
    for (const e of world.events) if (e.event === 'dispatch') counts.set(e.id, (counts.get(e.id) ?? 0) + 1)

    expect(Math.max(...counts.values())).toBe(1)
    await world.stop()
  },
  120_000,
)
