import { describe, expect, test } from 'vitest'
import { createWorld } from '../../src/simulator/world.ts'

const numbered = (count: number, name: string) => Array.from({ length: count }, (_, n) => `${name}${n}`)

describe('more chats than are remembered', () => {
  test('cost those who were never let in their place, and nobody is answered twice', async () => {
    const friends = numbered(3, 'friend')
    const world = createWorld({ config: { dmPolicy: 'allowlist', allowFrom: friends, limits: { chats: 10 } } })
    await world.start()
    for (const friend of friends) await world.mesh.user(friend).says('hi')
    await world.settle()
    for (const stranger of numbered(60, 'stranger')) {
      await world.mesh.user(stranger).says('buy this')
      await world.settle(1_000)
    }
    await world.settle(60_000)
    expect(world.account.status().chats).toBeLessThanOrEqual(10)
    expect(world.account.status().warnings.join()).toContain('limits.chats')
    await world.stop()
    await world.start()
    for (const friend of friends) await world.mesh.user(friend).says('still there?')
    await world.settle(60_000)

    for (const friend of friends) expect(world.answers(friend)).toEqual(['echo: hi', 'echo: still there?'])
    expect(world.account.status().chats).toBeLessThanOrEqual(10)
    await world.stop()
  })

  test('of people who were let in lately are remembered all the same', async () => {
    const friends = numbered(12, 'friend')
    const world = createWorld({ config: { limits: { chats: 5 } } })
    await world.start()
    for (const friend of friends) await world.mesh.user(friend).says('hi')
    await world.settle(60_000)
    await world.crash()
    await world.start()
    await world.settle(10 * 60_000)

    for (const friend of friends) expect(world.answers(friend)).toEqual(['echo: hi'])
    expect(world.account.status().chats).toBe(12)
    await world.stop()
  })
})

describe('a rate for each sender', () => {
  const rated = { pollInterval: 1_000, limits: { messagesPerSenderMinute: 4, queuedPerSender: 6, dispatches: 1 } }

  test.each(['poll', 'push'])('lets one who writes too much wait, loses nothing, and troubles nobody else (%s)', async feed => {
    const world = createWorld({ config: { ...rated, feed } })
    const texts = numbered(20, 'no ')
    await world.start()
    for (const text of texts) {
      await world.mesh.user('alice').says(text)
      await world.settle(1_100)
    }
    await world.mesh.user('bob').says('hi')
    await world.settle(20_000)
    expect(world.answers('bob')).toEqual(['echo: hi'])
    expect(world.answers('alice').length).toBeLessThan(8)
    // What waits is bounded; the rest is still unread on the mesh.
    expect(world.account.status().counters.seen).toBeLessThan(16)
    await world.crash()
    await world.start()
    await world.settle(10 * 60_000)

    expect(world.answers('alice')).toEqual(texts.map(text => `echo: ${text}`))
    await world.stop()
  })

  test('answers in the order of writing, also what found no room while others made some', async () => {
    const world = createWorld({
      config: {
        feed: 'poll',
        pollInterval: 60_000,
        enableGroups: true,
        groupPolicy: 'open',
        requireMention: false,
        limits: { quietPollMs: 60_000, fullCheckMs: 600_000, messagesPerSenderMinute: 60, queuedPerSender: 2, membershipFreshMs: 300_000 },
      },
    })
    const chat = 'group:alice/team'
    for (const user of ['alice', 'bob', 'mallory']) world.mesh.user(user)
    await world.start()
    await world.mesh.user('alice').creates('team', { name: 'Team', members: ['alice', 'bob', 'mallory', 'my-bot'] })
    await world.settle(5_000)
    await world.mesh.user('alice').creates('team', { members: ['alice', 'bob', 'my-bot'] })
    await world.settle(70_000)
    await world.mesh.user('bob').says('0', chat)
    await world.settle(70_000)
    const say = async (user: string, text: string) => {
      await world.mesh.user(user).says(text, chat)
      await world.settle(5)
    }
    world.bot.agent.answer(
      async (_, pass) => {
        await new Promise<void>(resolve => world.clock.after(100, resolve))
        return pass()
      },
      { when: ({ method, target }) => method === 'GET' && target.endsWith('/groups/alice/team') },
    )
    for (const text of ['1', '2', '3']) await say('bob', text)
    // Not a member any more: the list is looked at afresh, and what was read before is answered meanwhile.
    await say('mallory', 'hi')
    for (const text of ['4', '5']) await say('bob', text)
    await world.settle(10 * 60_000)

    expect(world.answers('bob', chat)).toEqual(['0', '1', '2', '3', '4', '5'].map(text => `echo: ${text}`))
    await world.stop()
  })

  test('keeps what waits longer than the age fence', async () => {
    const world = createWorld({
      config: {
        feed: 'poll',
        pollInterval: 60_000,
        limits: { quietPollMs: 60_000, messagesPerSenderMinute: 1, queuedPerSender: 2, ageFenceMs: 300_000 },
      },
    })
    const texts = numbered(15, 'no ')
    await world.start()
    for (const text of texts) {
      await world.mesh.user('alice').says(text)
      await world.settle(1_100)
    }
    await world.settle(30 * 60_000)

    expect(world.answers('alice')).toEqual(texts.map(text => `echo: ${text}`))
    await world.stop()
  })

  test('is off unless it is set', async () => {
    const world = createWorld()
    await world.start()
    for (const text of numbered(15, 'no ')) {
      await world.mesh.user('alice').says(text)
      await world.settle(1_100)
    }
    await world.settle()
    expect(world.answers('alice')).toHaveLength(15)
    await world.stop()
  })
})

test('a flood of strangers costs three notices, and nobody his answer', async () => {
  const world = createWorld({ config: { dmPolicy: 'pairing', allowFrom: ['friend'] } })
  await world.start()
  for (const stranger of numbered(600, 'stranger')) await world.mesh.user(stranger).says('let me in')
  await world.mesh.user('friend').says('hi')
  await world.settle(5 * 60_000)

  expect(world.answers('friend')).toEqual(['echo: hi'])
  expect(numbered(600, 'stranger').filter(stranger => world.answers(stranger).length > 0)).toHaveLength(3)
  const { counters, pendingPairings, outbox } = world.account.status()
  expect(counters.ignored).toEqual({ pairing_overflow: 597 })
  expect({ pendingPairings, outbox }).toEqual({ pendingPairings: 3, outbox: 0 })
  await world.stop()
})

test('a chat too large to be read troubles itself alone, and is reported once', async () => {
  const world = createWorld({ config: { feed: 'poll', limits: { fileBytes: 100_000 } } })
  await world.start()
  await world.mesh.user('bob').says('hi')
  for (let n = 0; n < 6; n++) {
    await world.mesh.user('alice').says('x'.repeat(60_000))
    await world.settle(5)
  }
  await world.settle(60_000)
  await world.mesh.user('alice').says('y'.repeat(60_000))
  await world.mesh.user('bob').says('still there?')
  await world.settle(60_000)

  expect(world.answers('bob')).toEqual(['echo: hi', 'echo: still there?'])
  expect(world.account.status()).toMatchObject({ state: 'live', counters: { ignored: { too_large: 1 } } })
  expect(world.account.status().warnings.join()).toContain('peer:alice')
  await world.stop()
})
