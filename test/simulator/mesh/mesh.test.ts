import { describe, expect, test } from 'vitest'
import { REAL } from '../../../src/simulator/mesh/quirks.ts'
import { CHAT, MESH, makeWorld, START_MS, texts } from './world.ts'

const BOT = 'openclaw-bot'
const SETTLED_MS = 500

describe('users of the mesh', () => {
  test('write to the bot unless told otherwise, and everybody sees what is meant for them', async () => {
    const { mesh, clock } = makeWorld()
    mesh.bot = 'helper'
    mesh.user('helper')
    mesh.user('bob')
    await mesh.user('alice').says('hi')
    await mesh.user('alice').says({ any: ['JSON', null] }, 'peer:bob')
    await clock.advance(SETTLED_MS)

    expect(texts(mesh.user('helper').inbox('peer:alice'))).toEqual(['hi'])
    expect(texts(mesh.user('bob').inbox('peer:alice'))).toEqual([{ any: ['JSON', null] }])
    expect(texts(mesh.user('alice').inbox())).toEqual(['hi'])
  })

  test('make groups, and their members write in them', async () => {
    const { mesh, clock } = makeWorld()
    const alice = mesh.user('alice')
    mesh.user(BOT)
    await alice.creates('team', { name: 'Team', members: ['alice', BOT, 'bob'] })
    await clock.advance(SETTLED_MS)
    await alice.says('to all', 'group:alice/team')
    await mesh.user(BOT).says('from the bot', 'group:alice/team')
    await clock.advance(SETTLED_MS)

    expect(texts(mesh.user('alice').inbox('group:alice/team')).toSorted()).toEqual(['from the bot', 'to all'])
    expect(
      mesh
        .reached('bob', 'group:alice/team')
        .map(({ sender }) => sender)
        .toSorted(),
    ).toEqual(['alice', BOT])
    await expect(mesh.user('carol').says('let me in', 'group:alice/team')).rejects.toThrow('404')
  })

  test('date their messages by their own clocks', async () => {
    const { mesh, clock } = makeWorld()
    mesh.user(BOT)
    await mesh.user('late', { skewMs: -7_200_000 }).says('two hours behind')
    await clock.advance(SETTLED_MS)
    const [message] = mesh.user(BOT).inbox('peer:late')
    expect(Number(message!.time) - START_MS).toBeLessThan(-7_199_000)
  })

  test('are told when a post is not taken', async () => {
    const { mesh } = makeWorld()
    await expect(mesh.user('alice').says('x', 'group:bob/none')).rejects.toThrow(
      /groups\/bob\/none\/messages by alice was answered with 404, not with 201/,
    )
  })
})

describe('a file of messages', () => {
  test('takes messages until it has 1024 bytes; then a new one is named by the time', async () => {
    const { mesh, clock } = makeWorld()
    const alice = mesh.user('alice')
    for (let index = 0; index < 20; index++) {
      await alice.says('x'.repeat(100))
      await clock.advance(SETTLED_MS)
    }
    const files = mesh.hub.list('alice').map(({ path, size }) => [Number(path.match(/(\d+)\.json$/)![1]) - START_MS, size > 1024])
    expect(files.length).toBe(3)
    expect(files[0]![0]).toBeGreaterThanOrEqual(-60_000)
    expect(files[0]![0]).toBeLessThan(-59_900)
    expect(files.map(([, isFull]) => isFull)).toEqual([true, true, false])
    expect(texts(alice.inbox())).toHaveLength(20)
  })
})

describe('the file index', () => {
  const note = (name: string) => `${MESH}/file-data/shared/alice/${name}`

  test('does not answer a wait whose since lies in the future, whatever changes', async () => {
    const { mesh, clock, ask } = makeWorld()
    mesh.user('alice')
    let answered = false
    const client = new AbortController()
    const waiting = mesh
      .user(BOT)
      .agent.request({ method: 'GET', target: `${MESH}/files?since=${START_MS + 1e9}&wait=true` }, client.signal)
    waiting.then(
      () => {
        answered = true
      },
      () => {},
    )
    await clock.advance(SETTLED_MS)
    await ask('alice', 'POST', note('a'), 'x')
    await clock.advance(SETTLED_MS)

    expect([mesh.hub.list(BOT).length, answered]).toEqual([1, false])
    client.abort()
    await expect(waiting).rejects.toThrow()
  })

  test('leaves out a file that changes again while the answer settles', async () => {
    const { clock, ask, get } = makeWorld({ blindHalfSecond: true, settleMs: 500 })
    await ask('alice', 'POST', note('a'), 'one')
    await clock.advance(SETTLED_MS)
    const listing = get(BOT, `${MESH}/files?since=0`)
    await ask('alice', 'POST', note('a'), 'two')
    expect((await listing).body).toBe('{}')
  })

  test('still has the bytes of a version that its writer has overwritten and not yet announced', async () => {
    const { clock, ask, get } = makeWorld({ announceEveryMs: 1_000 })
    await ask('alice', 'POST', note('a'), 'one')
    await clock.advance(2_000)
    await ask('alice', 'POST', note('a'), 'two')
    expect((await get(BOT, note('a'))).body).toBe('one')
    await clock.advance(2_000)
    expect((await get(BOT, note('a'))).body).toBe('two')
  })

  test('never has a file with a NUL in its name, even when the agent is whole again', async () => {
    const { mesh, clock, ask } = makeWorld({ nulBreaksHub: true })
    await ask('alice', 'POST', `${CHAT}/peers/a%00b/messages`, '1')
    await clock.advance(SETTLED_MS)
    mesh.user('alice').agent.restart()
    await clock.advance(SETTLED_MS)
    expect(mesh.hub.list('alice')).toEqual([])
  })

  test('may hold a message file of things that are no messages, which the chat app leaves alone', async () => {
    const { mesh, clock, ask } = makeWorld()
    mesh.user(BOT)
    await mesh.user('alice').says('first')
    await clock.advance(SETTLED_MS)
    const { path } = mesh.hub.list(BOT)[0]!
    await ask('alice', 'POST', `${MESH}/file-data${path}`, '[7,{"time":1,"message":"unread"}]')
    await clock.advance(SETTLED_MS)
    expect(texts(mesh.user(BOT).inbox('peer:alice'))).toEqual(['first'])
  })
})

describe('the list of endpoints', () => {
  test('has 100 of them unless asked for more, and can be filtered', async () => {
    const { mesh, get } = makeWorld()
    for (let index = 0; index < 120; index++) mesh.user(`user-${index}`)
    const count = async (query: string) => (JSON.parse((await get('user-0', `${MESH}/endpoints${query}`)).body) as unknown[]).length
    expect([await count(''), await count('?limit=110'), await count('?offset=110'), await count('?user=user-7')]).toEqual([100, 110, 10, 1])
  })
})

describe('with the delays of a real mesh', { timeout: 60_000 }, () => {
  test('a message is seen after about 1.3 s, the first of a conversation aside', async () => {
    const { mesh, clock } = makeWorld(REAL, 7)
    const bot = mesh.user(BOT)
    const alice = mesh.user('alice')
    await alice.says('first')
    await clock.advance(10_000)
    const delays: number[] = []
    for (let index = 0; index < 60; index++) {
      await alice.says(index)
      let waitedMs = 0
      for (; !texts(bot.inbox('peer:alice')).includes(index) && waitedMs < 20_000; waitedMs += 20) await clock.advance(20)
      delays.push(waitedMs)
      await clock.advance(1_500)
    }
    delays.sort((a, b) => a - b)
    expect(delays[0]).toBeGreaterThan(500)
    expect(delays[30]).toBeGreaterThan(1_000)
    expect(delays[30]).toBeLessThan(1_700)
  })

  test('of pairs close together some second messages hang in the chat app, and are in the files', async () => {
    const { mesh, clock } = makeWorld(REAL, 3)
    const bot = mesh.user(BOT)
    const alice = mesh.user('alice')
    await alice.says('first')
    await clock.advance(10_000)
    let hung = 0
    for (let pair = 0; pair < 30; pair++) {
      await alice.says(`${pair}a`)
      await clock.advance(300 + 40 * pair)
      await alice.says(`${pair}b`)
      await clock.advance(14_000)
      if (!texts(bot.inbox('peer:alice')).includes(`${pair}b`)) hung++
    }
    expect(hung).toBeGreaterThan(0)
    expect(hung).toBeLessThan(20)
    expect(mesh.reached('alice', `peer:${BOT}`)).toHaveLength(61)
  })
})

describe('the same seed', () => {
  const run = async (seed: number) => {
    const { mesh, clock, get } = makeWorld(REAL, seed)
    mesh.user(BOT)
    for (const name of ['alice', 'bob']) for (const text of ['a', 'b', 'c']) await mesh.user(name).says(text)
    await clock.advance(60_000)
    return (await get(BOT, `${MESH}/files?since=0`)).body
  }

  test('gives the same run', async () => {
    expect(await run(5)).toBe(await run(5))
    expect(await run(5)).not.toBe(await run(6))
  })
})

/** The machine may be busy: this is no measurement. */
const PATIENCE_MS = 120_000

describe('a large mesh', { timeout: PATIENCE_MS }, () => {
  test('with 100,000 remembered chats new messages arrive all the same, and a list has them all', async () => {
    const { mesh, clock, get } = makeWorld()
    const count = 100_000
    mesh.remember(
      BOT,
      Array.from({ length: count }, (_, index) => ({
        peer: `user-${index}`,
        messages: [{ time: START_MS - 1_000, message: { text: 'old' } }],
      })),
    )
    for (let index = 0; index < 100; index++) await mesh.user(`user-${index}`).says('new')
    await clock.advance(SETTLED_MS)

    const chats = JSON.parse((await get(BOT, `${CHAT}/chats`)).body) as { updated: number }[]
    expect(chats).toHaveLength(count)
    expect(chats.filter(({ updated }) => updated > 0)).toHaveLength(100)
    expect(texts(mesh.user(BOT).inbox('peer:user-7'))).toEqual(['old', 'new'])
  })

  test('10,000 messages of 100 users all reach the bot', async () => {
    const { mesh, clock } = makeWorld()
    const bot = mesh.user(BOT)
    const users = Array.from({ length: 100 }, (_, index) => mesh.user(`user-${index}`))
    for (let round = 0; round < 100; round++) {
      for (const user of users) await user.says(`${round}`)
      await clock.advance(20)
    }
    await clock.advance(SETTLED_MS)
    expect(users.reduce((sum, { name }) => sum + bot.inbox(`peer:${name}`).length, 0)).toBe(10_000)
  })
})
