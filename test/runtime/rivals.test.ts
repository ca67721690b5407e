/** Two processes with states of their own serve one user: both answer, and both say what is wrong. */
import { describe, expect, test } from 'vitest'
import { createWorld, type World } from '../../src/simulator/world.ts'

const RIVAL = expect.stringMatching(/^Another process posts as "my-bot" on the mesh "home", so that people may be answered twice: stop it/)

/** Texts of the bot that have reached the hub. */
const answers = (world: World): readonly string[] =>
  world.mesh
    .reached('alice', 'peer:my-bot')
    .filter(({ sender }) => sender === 'my-bot')
    .map(({ message }) => (message as { text: string }).text)

describe.each(['push', 'poll'] as const)('another process on the same user (feed: %s)', feed => {
  const config = { feed, limits: { loopAlternations: 1_000_000 } }
  const takes = (world: () => World, ms: number) => ({
    async respond({ text }: { text: string }) {
      await new Promise<void>(resolve => world().clock.after(ms, resolve))
      return `echo: ${text}`
    },
  })
  async function live(world: World, ...others: readonly World[]) {
    for (const each of [world, ...others]) await each.start()
    await world.settle(120_000)
  }
  async function conversation(world: World, texts: number) {
    for (let at = 1; at <= texts; at++) {
      await world.mesh.user('alice').says(`${at}`)
      await world.settle(20_000)
    }
  }

  test('is told by both, and both go on answering', async () => {
    const world: World = createWorld({ config, responder: takes(() => world, 500) })
    const rival: World = createWorld({ config, beside: world, responder: takes(() => world, 500) })
    await live(world, rival)
    await conversation(world, 3)

    for (const each of [world, rival]) {
      expect(each.account.status()).toMatchObject({ state: 'live', warnings: [RIVAL], counters: { processed: 3, sent: 3 } })
      expect(each.log.filter(({ phrase }) => phrase === 'another process posts as this user')).toHaveLength(1)
    }
    expect(new Set(answers(world))).toEqual(new Set(['echo: 1', 'echo: 2', 'echo: 3']))
    await rival.stop()
    await world.stop()
  })

  test('is told, too, when it posts under keys of its own, as OpenClaw does', async () => {
    const world: World = createWorld({ config, responder: takes(() => world, 500) })
    const rival: World = createWorld({
      config,
      beside: world,
      responder: {
        async respond({ chat, messageId, text }, turn) {
          await turn.adopted()
          await rival.account.send({ chat, text: `rival: ${text}`, key: `${messageId}#0-1a2b3c.delivery` })
          return null
        },
      },
    })
    await live(world, rival)
    await conversation(world, 3)

    for (const each of [world, rival]) expect(each.account.status().warnings).toEqual([RIVAL])
    await rival.stop()
    await world.stop()
  })

  test('is forgotten an hour after it has stopped', async () => {
    const world: World = createWorld({ config, responder: takes(() => world, 500) })
    const rival: World = createWorld({ config, beside: world, responder: takes(() => world, 500) })
    await live(world, rival)
    await conversation(world, 3)
    await rival.stop()
    await conversation(world, 3)
    expect(world.account.status().warnings).toEqual([RIVAL])

    await world.settle(3_600_000)
    await conversation(world, 1)

    expect(world.account.status().warnings).toEqual([])
    await world.stop()
  })

  test('is not suspected in what a life has posted whose state is lost', async () => {
    const world: World = createWorld({ config, responder: takes(() => world, 500) })
    await live(world)
    await conversation(world, 3)
    await world.stop()
    for (const path of world.disk().files()) await world.disk().remove(path)
    await live(world)
    await conversation(world, 3)

    expect(world.account.status().warnings).not.toContainEqual(RIVAL)
    await world.stop()
  })

  test('is not suspected in what an earlier life has posted by a clock that has been set back since', async () => {
    let skewMs = 0
    const world: World = createWorld({ config, responder: takes(() => world, 500), runtimeSkewMs: () => skewMs })
    await live(world)
    await conversation(world, 3)
    await world.stop()
    skewMs = -3_600_000
    await live(world)
    await conversation(world, 3)

    expect(world.account.status().warnings).toEqual([])
    await world.stop()
  })

  test('is not suspected in what an earlier life has posted, in a post made again, or in what the user writes elsewhere', async () => {
    const world: World = createWorld({ config, responder: takes(() => world, 500) })
    await live(world)
    await conversation(world, 2)
    await world.mesh.user('alice').says('cut off')
    await world.settle(600)
    await world.crash()
    await live(world)
    world.bot.agent.answer('lostAnswer', { times: 1, when: ({ method, target }) => method === 'POST' && target.includes('/messages') })
    await conversation(world, 2)
    await world.bot.says({ text: 'by hand', ztmChat: 'no key' }, 'peer:alice')
    await conversation(world, 1)

    expect(world.account.status().warnings).toEqual([])
    await world.stop()
  })
})
