import { describe, expect, test } from 'vitest'
import type { DiskFile } from '../../src/ports/disk.ts'
import type { Responder } from '../../src/ports/responder.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

/** Before the record has reached the disk, and after it has, before anybody heard of it. */
const MOMENTS = ['written', 'durable'] as const
type Moment = (typeof MOMENTS)[number]
const forever = () => new Promise<never>(() => {})

/** The power goes just when a record of this type is written, or durable. Resolves to whether it came to that. */
function cutPowerAt(world: World, type: string, moment: Moment): { hasCut: () => boolean } {
  const disk = world.disk()
  const append = disk.append.bind(disk)
  let hasCut = false
  const cut = async (): Promise<never> => {
    hasCut = true
    await world.crash()
    return forever()
  }
  const guarded = (file: DiskFile): DiskFile => {
    let isDue = false
    return {
      ...file,
      async write(data) {
        isDue ||= !hasCut && Buffer.from(data).toString().includes(`"type":"${type}"`)
        await file.write(data)
      },
      async sync() {
        if (isDue && moment === 'written') return cut()
        await file.sync()
        if (isDue) return cut()
      },
    }
  }
  disk.append = async path => guarded(await append(path))
  return { hasCut: () => hasCut }
}

async function startAgain(world: World): Promise<void> {
  await world.settle(1_000)
  await world.start()
  await world.settle(20 * 60_000)
}

describe('the power goes when', () => {
  test.each(
    (
      [
        ['a message is accepted', 'message.accepted'],
        ['a message is answered, and its reply queued', 'turn.answered'],
        ['a post is about to begin', 'reply.posting'],
        ['a reply is confirmed', 'reply.sent'],
      ] as const
    ).flatMap(([point, type]) => MOMENTS.map(moment => [point, moment, type] as const)),
  )('%s (the record %s): one answer', async (_, moment, type) => {
    const world = createWorld()
    const power = cutPowerAt(world, type, moment)
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(60_000)
    expect(power.hasCut()).toBe(true)

    await startAgain(world)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    // Of a post that was about to begin nobody knows that it did not.
    const repeatedPosts = type === 'reply.posting' ? expect.any(Number) : 0
    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { repeatedPosts } })
    await world.stop()
  })

  test.each(MOMENTS)('a message is adopted (the record %s): it is asked again only if nobody has it, and answered once', async moment => {
    const asked: string[] = []
    /** Makes it durable on its side, answers by itself, and after a restart goes on with what it has adopted. */
    const adopted = new Map<string, string>()
    const adopting: Responder = {
      async respond({ messageId, text }, turn) {
        asked.push(messageId)
        await turn.adopted()
        adopted.set(messageId, text)
        return null
      },
    }
    const world = createWorld({ responder: adopting })
    const power = cutPowerAt(world, 'turn.adopted', moment)
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(60_000)
    expect(power.hasCut()).toBe(true)
    await world.settle(1_000)
    await world.start()
    await world.settle(60_000)
    // What was adopted by then is delivered, again and again until it is taken.
    const [id] = asked
    for (let n = 0; n < 2; n++) await world.account.send({ chat: 'peer:alice', text: 'hello', key: `delivery/${id}` })
    await world.settle(20 * 60_000)

    expect(new Set(asked).size).toBe(1)
    expect(world.answers('alice')).toEqual(['hello'])
    if (moment === 'durable') expect(asked).toHaveLength(1)
    await world.stop()
  })

  test.each(MOMENTS)('a reply is queued that nobody has asked for (the record %s): whoever asks again sends it once', async moment => {
    const world = createWorld()
    world.mesh.user('alice')
    const power = cutPowerAt(world, 'reply.queued', moment)
    await world.start()
    const send = () => world.account.send({ chat: 'peer:alice', text: 'good morning', key: 'cron/1' })
    void send().catch(() => {})
    await world.settle(60_000)
    expect(power.hasCut()).toBe(true)
    await world.settle(1_000)
    await world.start()
    await send()
    await world.settle(20 * 60_000)

    expect(world.answers('alice')).toEqual(['good morning'])
    await world.stop()
  })

  test.each([
    ['a post has reached the agent, which has not answered', false],
    ['a post was answered with 201', true],
  ])('%s: one answer', async (_, isAnswered) => {
    const world = createWorld({ quirks: { publishMs: [2_000, 2_000] } })
    let hasCut = false
    world.bot.agent.answer(
      async (_request, pass) => {
        const answer = await pass()
        hasCut = true
        if (!isAnswered) {
          await world.crash()
          return forever()
        }
        // The runtime has the answer in hand, and the reply is not on the mesh yet.
        world.clock.after(50, () => void world.crash())
        return answer
      },
      { when: ({ method, target }) => method === 'POST' && target.includes('/messages'), times: 1 },
    )
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(10_000)
    expect(hasCut).toBe(true)

    await startAgain(world)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { repeatedPosts: 0 } })
    await world.stop()
  })
})

describe('a disk that fails', () => {
  test.each(['message.accepted', 'turn.answered', 'reply.posting', 'reply.sent'])(
    'to sync the record %s is not believed: the record is written again elsewhere, also when the power goes then',
    async type => {
      for (const dies of [false, true]) {
        const world = createWorld()
        const disk = world.disk()
        const append = disk.append.bind(disk)
        let hasFailed = false
        disk.append = async path => {
          const file = await append(path)
          const write = async (data: Uint8Array) => {
            if (!hasFailed && Buffer.from(data).toString().includes(`"type":"${type}"`)) {
              hasFailed = true
              disk.failNextSync()
            }
            await file.write(data)
          }
          return { ...file, write }
        }
        await world.start()
        await world.mesh.user('alice').says('hi')
        await world.settle(dies ? 400 : 60_000)
        if (dies) {
          await world.crash()
          await world.start()
        }
        await world.settle(20 * 60_000)

        expect(hasFailed).toBe(true)
        expect(world.answers('alice')).toEqual(['echo: hi'])
        expect(world.account.status()).toMatchObject({ state: 'live', outbox: 0 })
        await world.stop()
      }
    },
  )

  test('to make the name of a new segment durable is not believed either', async () => {
    const world = createWorld()
    const disk = world.disk()
    const syncFolder = disk.syncFolder.bind(disk)
    let failures = 0
    disk.syncFolder = async folder => {
      // The first is the load's.
      if (folder === 'journal' && failures++ > 0 && failures < 4) disk.failNextSync()
      await syncFolder(folder)
    }
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(60_000)
    await world.crash()
    await world.start()
    await world.settle(20 * 60_000)

    expect(failures).toBeGreaterThan(3)
    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status().warnings).toEqual([])
    await world.stop()
  })
})

test('20 restarts in a minute under traffic: one poller, no refusal, and nothing is lost or doubled', async () => {
  const world = createWorld({ config: { feed: 'poll', pollInterval: 500 } })
  const texts: string[] = []
  await world.start()
  for (let restart = 0; restart < 20; restart++) {
    for (const user of ['alice', 'bob']) await world.mesh.user(user).says(`no ${restart}`)
    texts.push(`echo: no ${restart}`)
    await world.settle(2_000)
    await world.stop()
    await world.start()
    await world.settle(1_000)
  }
  let lists = 0
  world.bot.agent.answer(({ target }) => {
    if (target.endsWith('/chats')) lists += 1
    return null
  })
  await world.settle(60_000)

  expect(lists).toBeLessThanOrEqual(120)
  for (const user of ['alice', 'bob']) expect(world.answers(user)).toEqual(texts)
  await world.stop()
})

describe('the mesh as ledger', () => {
  const isPost = ({ method, target }: { method: string; target: string }) => method === 'POST' && target.includes('/messages')

  test('that answers late is waited for: nothing is posted twice meanwhile', async () => {
    const world = createWorld({ config: { feed: 'poll' } })
    world.bot.agent.answer('lostAnswer', { when: isPost, times: 1 })
    world.bot.agent.answer(
      (request, pass) =>
        request.method === 'GET' && /files\?since=0|\/messages/.test(request.target)
          ? new Promise((resolve, reject) => world.clock.after(25_000, () => pass().then(resolve, reject)))
          : null,
      {},
    )
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(10 * 60_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { repeatedPosts: 0 } })
    await world.stop()
  })

  test('that shows our own messages in another order is read all the same', async () => {
    const world = createWorld({
      config: { feed: 'poll', limits: { partCharacters: 20 } },
      responder: { respond: async () => 'one two three four five six seven eight nine ten' },
    })
    world.bot.agent.answer(async (request, pass) => {
      if (request.method !== 'GET' || !request.target.includes('/peers/alice/messages')) return null
      const answer = await pass()
      const { body } = answer
      if (answer.status !== 200 || !(body instanceof Uint8Array)) return answer
      const list = JSON.parse(new TextDecoder().decode(body)) as unknown[]
      return { ...answer, body: new TextEncoder().encode(JSON.stringify(list.reverse())) }
    }, {})
    world.bot.agent.answer('lostAnswer', { when: isPost, times: 2 })
    await world.start()
    await world.mesh.user('alice').says('count')
    await world.settle(10 * 60_000)

    expect(world.answers('alice')).toEqual(['one two three four', 'five six seven eight', 'nine ten'])
    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { repeatedPosts: 0 } })
    await world.stop()
  })

  test('tells two replies of the same text apart: what is sent twice on purpose arrives twice', async () => {
    const world = createWorld()
    world.mesh.user('alice')
    world.bot.agent.answer('lostAnswer', { when: isPost, times: 1 })
    await world.start()
    for (const key of ['first', 'second']) await world.account.send({ chat: 'peer:alice', text: 'ping', key })
    await world.settle(60_000)
    await world.crash()
    await world.start()
    await world.settle(10 * 60_000)

    expect(world.answers('alice')).toEqual(['ping', 'ping'])
    expect(world.account.status().counters.repeatedPosts).toBe(0)
    await world.stop()
  })
})

test('a post is under way in several chats: none waits for another, each is answered in order a minute later, and nothing is doubled', async () => {
  const world = createWorld()
  const people = ['alice', 'bob', 'carol']
  await world.start()
  const answerAgain = world.bot.agent.answer(forever, { when: ({ method, target }) => method === 'POST' && target.endsWith('/messages') })
  for (const person of people) await world.mesh.user(person).says('one')
  for (const person of people) await world.mesh.user(person).says('two')
  await world.settle(2_000)
  await world.crash()
  answerAgain()
  await world.start()

  await world.settle(90_000)

  expect(people.map(person => world.answers(person))).toEqual(people.map(() => ['echo: one', 'echo: two']))
  expect(world.events.filter(({ event }) => event === 'uncertain')).toEqual([])
})

test('the agent forgets its posts to several people: each is answered in order a minute later', async () => {
  const world = createWorld()
  const people = ['alice', 'bob', 'carol']
  await world.start()
  for (const person of people) await world.mesh.user(person).says('zero')
  await world.settle(2_000)
  world.bot.agent.stall(60_000)
  for (const person of people) await world.mesh.user(person).says('one')
  for (const person of people) await world.mesh.user(person).says('two')
  await world.settle(1_000)
  world.bot.agent.restart()

  await world.settle(110_000)

  expect(people.map(person => world.answers(person))).toEqual(people.map(() => ['echo: zero', 'echo: one', 'echo: two']))
  expect(world.events.filter(({ event }) => event === 'uncertain')).toEqual([])
})
