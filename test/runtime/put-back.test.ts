/** A copy of the state is put back, and the bot goes on from there: what was answered since is not answered again, and nothing is lost. */
import { describe, expect, test } from 'vitest'
import { createMemoryDisk, type MemoryDisk } from '../../src/adapters/memory/memory-disk.ts'
import { createSeededRandom } from '../../src/adapters/memory/seeded-random.ts'
import { copyState } from '../../src/adapters/store/copy.ts'
import { REAL } from '../../src/simulator/mesh/quirks.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

const USERS = ['alice', 'bob', 'carol', 'dave'] as const

async function copyOf(world: World): Promise<MemoryDisk> {
  const copy = createMemoryDisk()
  await copyState(world.disk(), copy)
  return copy
}

async function putBack(copy: MemoryDisk, world: World): Promise<void> {
  const disk = world.disk()
  for (const path of disk.files()) await disk.remove(path)
  for (const path of copy.files()) await disk.write(path, (await copy.read(path)) ?? new Uint8Array(0))
}

/** What the bot wrote to this user that has reached the hub, whatever chat apps show of it. */
const answers = (world: World, user: string): readonly string[] =>
  world.mesh
    .reached(user, 'peer:my-bot')
    .filter(({ sender }) => sender === 'my-bot')
    .map(({ message }) => (message as { text: string }).text)

const OLD = expect.stringContaining('of which its state knows nothing (a copy that was put back?)')

describe.each(['push', 'poll'] as const)('a copy of the state that is put back (feed: %s)', feed => {
  test.each(Array.from({ length: 8 }, (_, seed) => [seed + 1, seed % 3 === 2 ? 'a mesh as it is' : 'a calm mesh'] as const))(
    'answers each message once that was written before, meanwhile or afterwards (seed %i, %s)',
    async (seed, mesh) => {
      const random = createSeededRandom(seed)
      // Not what a mesh loses by itself.
      const quirks = { ...REAL, burstsOverwrite: false, sameMsMerged: false }
      const world = createWorld({
        seed,
        config: { feed, limits: { journalBytes: 20_000, loopAlternations: 1_000_000 } },
        ...(mesh === 'a mesh as it is' && { quirks }),
        responder: {
          async respond({ text }) {
            await new Promise<void>(resolve => world.clock.after(random.integer(3_000), resolve))
            return `echo: ${text}`
          },
        },
      })
      const said = new Map<string, string[]>(USERS.map(user => [user, []]))
      let count = 0
      const talk = async (ms: number) => {
        for (const endMs = world.clock.monotonic() + ms; world.clock.monotonic() < endMs; ) {
          const user = USERS[random.integer(USERS.length)] ?? 'alice'
          const text = `${user} ${++count}`
          said.get(user)?.push(text)
          await world.mesh.user(user).says(text)
          await world.settle(200 + random.integer(4_000))
        }
      }
      await world.start()
      await world.settle()
      await talk(60_000)

      const copy = await copyOf(world)
      await talk(random.integer(180_000))
      if (random.unit() < 0.5) await world.stop()
      else await world.crash()
      await putBack(copy, world)
      if (random.unit() < 0.5) await talk(20_000)
      await world.start()
      await talk(30_000)
      await world.settle(20 * 60_000)

      for (const user of USERS) expect(answers(world, user), user).toEqual(said.get(user)?.map(text => `echo: ${text}`))
      expect(world.account.status()).toMatchObject({ outbox: 0, waitingDispatches: 0, counters: { repeatedPosts: 0 } })
      await world.stop()
    },
  )

  test('tells answered ones from others in a chat that has gone on for long, though it has no room for all of them', async () => {
    const world = createWorld({ config: { feed, limits: { queuedPerChat: 20, loopAlternations: 1_000_000 } } })
    const said: string[] = []
    const says = async (count: number, ms: number) => {
      for (let left = count; left > 0; left--) {
        said.push(`${said.length + 1} ${'of many words '.repeat(20)}`.trim())
        await world.mesh.user('alice').says(said.at(-1) ?? '')
        await world.settle(ms)
      }
    }
    await world.start()
    await says(3, 1_000)
    const copy = await copyOf(world)
    await says(120, 1_000)
    await world.settle(30_000)
    await world.stop()
    await says(40, 100)

    await putBack(copy, world)
    await world.start()
    await world.settle(60 * 60_000)

    expect(answers(world, 'alice')).toEqual(said.map(text => `echo: ${text}`))
    await world.stop()
  })

  test.each(feed === 'push' ? ['works', 'is frozen'] : ['works'])(
    'does so, too, in a chat that had no room when the copy was taken, with a chat app that %s',
    async app => {
      const world = createWorld({
        config: { feed, selfHeal: false, limits: { queuedPerChat: 20, loopAlternations: 1_000_000 } },
        responder: {
          async respond({ text }) {
            await new Promise<void>(resolve => world.clock.after(500, resolve))
            return `echo: ${text}`
          },
        },
      })
      const said = Array.from({ length: 100 }, (_, at) => `${at + 1} ${'of many words '.repeat(20)}`.trim())
      await world.start()
      await world.settle()
      for (const text of said) {
        await world.mesh.user('alice').says(text)
        await world.settle(50)
      }
      const copy = await copyOf(world)
      if (app === 'is frozen') world.bot.agent.freeze()
      expect(world.account.status().waitingDispatches + world.account.status().runningDispatches).toBe(1)
      await world.settle(10 * 60_000)
      expect(answers(world, 'alice')).toHaveLength(100)
      await world.stop()

      await putBack(copy, world)
      await world.start()
      await world.settle(20 * 60_000)

      expect(answers(world, 'alice')).toEqual(said.map(text => `echo: ${text}`))
      await world.stop()
    },
  )

  test.each(['queued', 'being posted'])(
    'finds a reply again that was %s when the copy was taken, behind all that came after it',
    async state => {
      const world = createWorld({ config: { feed, selfHeal: false, limits: { loopAlternations: 1_000_000 } } })
      await world.start()
      await world.settle()
      const isPost = ({ method, target }: { method: string; target: string }) => method === 'POST' && target.includes('/messages')
      const refuse = () => {
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      }
      const goOn = world.bot.agent.answer(state === 'queued' ? refuse : 'hang', { when: isPost })
      const said = Array.from({ length: 40 }, (_, at) => `${at + 1} ${'of many words '.repeat(20)}`.trim())
      await world.mesh.user('alice').says(said[0] ?? '')
      await world.settle(5_000)
      const copy = await copyOf(world)
      expect(world.account.status().outbox).toBe(1)
      goOn()
      // What hung was never done: the agent is away for a moment, and it is posted again.
      if (state !== 'queued') world.bot.agent.restart()
      await world.settle(10 * 60_000)
      for (const text of said.slice(1)) {
        await world.mesh.user('alice').says(text)
        await world.settle(1_000)
      }
      await world.settle(10 * 60_000)
      expect(answers(world, 'alice')).toHaveLength(40)
      await world.stop()

      await putBack(copy, world)
      if (feed === 'push') world.bot.agent.freeze()
      await world.start()
      await world.settle(20 * 60_000)

      expect(answers(world, 'alice')).toEqual(said.map(text => `echo: ${text}`))
      await world.stop()
    },
  )

  test('says so, and asks nobody again who has answered', async () => {
    const asked: string[] = []
    const world = createWorld({
      config: { feed },
      responder: {
        async respond({ text }) {
          asked.push(text)
          await new Promise<void>(resolve => world.clock.after(5_000, resolve))
          return `echo: ${text}`
        },
      },
    })
    await world.start()
    await world.mesh.user('alice').says('under way')
    await world.settle(3_000)
    const copy = await copyOf(world)
    expect(asked).toEqual(['under way'])
    await world.settle()
    await world.mesh.user('alice').says('later')
    await world.mesh.user('bob').says('somebody new')
    await world.settle(30_000)
    await world.stop()

    await putBack(copy, world)
    await world.start()
    await world.settle(30 * 60_000)

    expect(asked).toEqual(['under way', 'later', 'somebody new'])
    expect(answers(world, 'alice')).toEqual(['echo: under way', 'echo: later'])
    expect(answers(world, 'bob')).toEqual(['echo: somebody new'])
    expect(world.account.status().warnings).toEqual([OLD])
    await world.stop()
  })

  test.each(feed === 'push' ? ['works', 'is frozen'] : ['works'])(
    'knows answers that came as deliveries of their own, with a chat app that %s',
    async app => {
      let deliveries = 0
      const world: World = createWorld({
        config: { feed, selfHeal: false },
        responder: {
          async respond({ chat, messageId, text }, turn) {
            await new Promise<void>(resolve => world.clock.after(5_000, resolve))
            await turn.adopted()
            // As OpenClaw's have it.
            await world.account.send({ chat, text: `echo: ${text}`, key: `${messageId}#0-1a2b3c.delivery-${++deliveries}` })
            return null
          },
        },
      })
      await world.start()
      await world.mesh.user('alice').says('under way')
      await world.settle(3_000)
      const copy = await copyOf(world)
      if (app === 'is frozen') world.bot.agent.freeze()
      await world.settle()
      await world.mesh.user('alice').says('later')
      await world.settle(30_000)
      await world.stop()

      await putBack(copy, world)
      await world.start()
      await world.settle(30 * 60_000)

      expect(answers(world, 'alice')).toEqual(['echo: under way', 'echo: later'])
      expect(deliveries).toBe(2)
      await world.stop()
    },
  )

  test('knows answers to what a responder had in custody then, and has forgotten', async () => {
    let asked = 0
    const world: World = createWorld({
      config: { feed },
      responder: {
        async respond({ chat, messageId, text }, turn) {
          asked += 1
          await turn.adopted()
          await new Promise<void>(resolve => world.clock.after(5_000, resolve))
          await world.account.send({ chat, text: `echo: ${text}`, key: `${messageId}#0-1a2b3c.delivery-1` })
          return null
        },
        reclaim: async ({ messageIds }) => messageIds,
      },
    })
    await world.start()
    await world.mesh.user('alice').says('under way')
    await world.settle(3_000)
    const copy = await copyOf(world)
    await world.settle(30_000)
    await world.stop()

    await putBack(copy, world)
    await world.start()
    await world.settle(30 * 60_000)

    expect(answers(world, 'alice')).toEqual(['echo: under way'])
    expect(asked).toBe(1)
    await world.stop()
  })

  test('a state that is as new as the mesh says nothing, and what was under way is asked again', async () => {
    const asked: string[] = []
    const world = createWorld({
      config: { feed },
      responder: {
        async respond({ text }) {
          asked.push(text)
          await new Promise<void>(resolve => world.clock.after(5_000, resolve))
          return `echo: ${text}`
        },
      },
    })
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(3_000)
    await world.crash()

    await world.start()
    await world.settle(30 * 60_000)

    expect(asked).toEqual(['hi', 'hi'])
    expect(answers(world, 'alice')).toEqual(['echo: hi'])
    expect(world.account.status().warnings).toEqual([])
    await world.stop()
  })

  test('a long backlog of a process that died costs a look into its chat, and not one for each message', async () => {
    let isAway = true
    const world = createWorld({
      config: { feed, limits: { loopAlternations: 1_000_000 } },
      responder: {
        async respond({ text }) {
          await new Promise<void>(resolve => world.clock.after(isAway && text.startsWith('waits') ? 3_600_000 : 100, resolve))
          return `echo: ${text}`
        },
      },
    })
    await world.start()
    await world.settle()
    const texts = [
      ...Array.from({ length: 40 }, (_, at) => `answered ${at} ${'of many words '.repeat(20)}`.trim()),
      ...Array.from({ length: 60 }, (_, at) => `waits ${at}`),
    ]
    for (const text of texts) {
      await world.mesh.user('alice').says(text)
      await world.settle(text.startsWith('waits') ? 100 : 1_000)
    }
    await world.settle()
    expect(answers(world, 'alice')).toHaveLength(40)
    await world.crash()
    isAway = false
    const reads: string[] = []
    let listings = 0
    world.bot.agent.answer(({ target }) => {
      if (target.includes('/file-data/') && target.includes('/my-bot/publish/')) reads.push(target)
      if (target.endsWith('/files?since=0')) listings += 1
      return null
    })

    await world.start()
    await world.settle(30_000)

    expect(answers(world, 'alice')).toEqual(texts.map(text => `echo: ${text}`))
    expect(listings).toBeLessThanOrEqual(2)
    // The push feed reads our own files, too.
    if (feed === 'poll') expect(reads.length).toBeLessThanOrEqual(new Set(reads).size + listings)
    await world.stop()
  })

  test('what the chat app shows to be answered waits for no file that cannot be read', async () => {
    const asked: string[] = []
    const world = createWorld({
      config: { feed },
      responder: {
        async respond({ text }) {
          asked.push(text)
          await new Promise<void>(resolve => world.clock.after(5_000, resolve))
          return `echo: ${text}`
        },
      },
    })
    await world.start()
    await world.mesh.user('alice').says('under way')
    await world.settle(3_000)
    const copy = await copyOf(world)
    await world.settle()
    await world.crash()
    await putBack(copy, world)
    world.bot.agent.answer(() => ({ status: 404, headers: {}, body: new Uint8Array(0) }), {
      when: ({ target }) => target.includes('/file-data/') && target.includes('/my-bot/publish/'),
    })

    await world.start()
    await world.settle(5_000)
    await world.mesh.user('alice').says('next')
    await world.settle(30_000)

    expect(asked).toEqual(['under way', 'next'])
    expect(answers(world, 'alice')).toEqual(['echo: under way', 'echo: next'])
    await world.stop()
  })

  test('looks again while answers of another life may still be on their way', async () => {
    const asked: string[] = []
    let takesMs = 5_000
    const world = createWorld({
      config: { feed },
      responder: {
        async respond({ text }) {
          asked.push(text)
          await new Promise<void>(resolve => world.clock.after(takesMs, resolve))
          return `echo: ${text}`
        },
      },
    })
    await world.start()
    await world.settle()
    for (const text of ['one', 'two']) await world.mesh.user('alice').says(text)
    await world.settle(3_000)
    const copy = await copyOf(world)
    world.bot.agent.stall(40_000)
    await world.settle(12_000)
    expect(asked).toEqual(['one', 'two'])
    await world.crash()
    await putBack(copy, world)
    takesMs = 50_000

    await world.start()
    await world.settle(30 * 60_000)

    // What was not there by the first look is asked again; what is behind it is not.
    expect(asked).toEqual(['one', 'two', 'one'])
    await world.stop()
  })

  test('while the agent is away what was under way waits, and goes on when it is back', async () => {
    let asked = 0
    const world = createWorld({
      config: { feed },
      responder: {
        async respond({ text }) {
          asked += 1
          await new Promise<void>(resolve => world.clock.after(5_000, resolve))
          return `echo: ${text}`
        },
      },
    })
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(3_000)
    await world.crash()
    world.bot.agent.down()

    await world.start()
    await world.settle(60 * 60_000)
    expect(world.account.status().waitingDispatches).toBe(1)
    expect(asked).toBe(1)
    world.bot.agent.up()
    await world.settle(60_000)

    expect(asked).toBe(2)
    expect(answers(world, 'alice')).toEqual(['echo: hi'])
    await world.stop()
    expect(world.leaks()).toEqual({ timers: 0, requests: 0 })
  })
})
