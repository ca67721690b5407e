import { describe, expect, test } from 'vitest'
import type { AgentRequest } from '../../src/simulator/mesh/http.ts'
import { createWorld } from '../../src/simulator/world.ts'

const HOUR_MS = 3_600_000
const rarely = { pollInterval: 60_000, limits: { quietPollMs: 60_000 } }
const readsChat = (peer: string) => (request: AgentRequest) =>
  request.method === 'GET' && request.target.includes(`/peers/${peer}/messages`)

describe('a chat that cannot be read for days', () => {
  test.each(['and runs on', 'and dies'])(
    'loses nothing, and does not keep the age fence of the others where it was (the process lives %s)',
    async end => {
      const world = createWorld({ config: { feed: 'poll', ...rarely } })
      for (const user of ['alice', 'bob']) world.mesh.user(user)
      await world.start()
      for (const user of ['alice', 'bob']) await world.mesh.user(user).says('first')
      await world.settle(5 * 60_000)
      const mend = world.bot.agent.answer('error500', { when: readsChat('alice') })
      for (let day = 0; day < 3; day++) {
        await world.mesh.user('alice').says(`day ${day}`)
        await world.settle(24 * HOUR_MS)
      }
      expect(world.account.status().warnings.join()).toContain('Chat peer:alice cannot be fetched')
      // Two days late by its date: beyond the fence of an account that has been live all the time.
      world.mesh.user('bob').agent.setSkew(-48 * HOUR_MS)
      await world.mesh.user('bob').says('from the past')
      await world.settle(HOUR_MS)
      expect(world.account.status().counters.ignored).toEqual({ too_old: 1 })
      if (end === 'and dies') {
        await world.crash()
        await world.start()
        await world.settle(HOUR_MS)
      }

      mend()
      await world.settle(HOUR_MS)

      expect(world.answers('alice')).toEqual(['first', 'day 0', 'day 1', 'day 2'].map(text => `echo: ${text}`))
      expect(world.answers('bob')).toEqual(['echo: first'])
      expect(world.account.status().warnings).toEqual([])
      await world.stop()
    },
  )
})

test('a message that shows up later than the fence allows is ignored with its reason, once, and its neighbours, too', async () => {
  const world = createWorld({ config: { feed: 'poll', ...rarely } })
  const alice = world.mesh.user('alice')
  await world.start()
  await alice.says('first')
  await world.settle(4 * 24 * HOUR_MS)
  alice.agent.setSkew(-48 * HOUR_MS)
  for (const text of ['late', 'later', 'latest']) await alice.says(text)
  await world.settle(HOUR_MS)
  alice.agent.setSkew(0)
  await alice.says('now')
  await world.settle(HOUR_MS)
  await world.crash()
  await world.start()
  await world.settle(HOUR_MS)

  expect(world.answers('alice')).toEqual(['echo: first', 'echo: now'])
  expect(world.events.filter(event => event.event === 'decision' && event.reason === 'too_old')).toHaveLength(3)
  await world.stop()
})

test('what a full chat has left unread for two days is answered all the same', async () => {
  let isSlow = true
  const world = createWorld({
    config: { feed: 'poll', ...rarely, limits: { ...rarely.limits, queuedPerChat: 4, dispatchTimeoutMs: 60 * HOUR_MS } },
    responder: {
      async respond({ text }) {
        if (isSlow) await new Promise<void>(resolve => world.clock.after(50 * HOUR_MS, resolve))
        return `echo: ${text}`
      },
    },
  })
  const texts = Array.from({ length: 12 }, (_, n) => `no ${n}`)
  await world.start()
  await world.mesh.user('bob').says('hi')
  for (const text of texts) {
    await world.mesh.user('alice').says(text)
    await world.settle(1_200)
  }
  await world.settle(48 * HOUR_MS)
  isSlow = false
  await world.settle(4 * HOUR_MS)

  expect(world.answers('alice')).toEqual(texts.map(text => `echo: ${text}`))
  expect(world.account.status().counters.ignored).toEqual({})
  await world.stop()
})

describe('the ledger', () => {
  test('is one listing for many replies that wait for news, and reads chats as everybody does', async () => {
    const users = Array.from({ length: 8 }, (_, n) => `user${n}`)
    const world = createWorld({
      config: { feed: 'poll', limits: { unconfirmedPosts: 20 } },
      quirks: { publishMs: [20 * 60_000, 20 * 60_000] },
    })
    for (const user of users) world.mesh.user(user)
    let isCounting = false
    const listings: number[] = []
    world.bot.agent.answer(request => {
      if (isCounting && request.target.includes('/files?since=0')) listings.push(world.clock.now())
      return null
    }, {})
    await world.start()
    isCounting = true
    for (const user of users) await world.account.send({ chat: `peer:${user}`, text: 'good morning', key: user })
    await world.settle(3 * 60_000)

    expect(world.account.status().outbox).toBe(8)
    expect(listings.length).toBeGreaterThan(0)
    // Each of the eight was looked for eight times by then.
    expect(listings.length).toBeLessThanOrEqual(20)
    await world.stop()
  })

  test('hands what it meets in a chat to the intake', async () => {
    const world = createWorld({ config: { feed: 'poll' } })
    const isPost = (request: AgentRequest) => request.method === 'POST' && request.target.includes('/messages')
    await world.start()
    await world.mesh.user('alice').says('one')
    world.bot.agent.answer('error500', { when: isPost, times: 1 })
    while (!world.events.some(event => event.event === 'posted')) await world.settle(50)
    // From now on only looks for the reply bring anything.
    const json = new TextEncoder().encode('[]')
    world.bot.agent.answer(() => ({ status: 200, headers: { 'content-type': 'application/json' }, body: json }), {
      when: ({ target }) => target.endsWith('/chats'),
    })
    await world.mesh.user('alice').says('two')
    await world.settle(60_000)

    expect(world.answers('alice')).toEqual(['echo: one', 'echo: two'])
    await world.stop()
  })
})
