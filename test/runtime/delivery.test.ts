import { describe, expect, test } from 'vitest'
import type { ChatId } from '../../src/domain/ids.ts'
import type { AgentResponse } from '../../src/simulator/mesh/http.ts'
import { createWorld } from '../../src/simulator/world.ts'

const isPost = (request: { method: string; target: string }) => request.method === 'POST' && request.target.includes('/messages')

describe('a post', () => {
  test('that was done while its answer got lost is not made again', async () => {
    const world = createWorld()
    world.bot.agent.answer('lostAnswer', { when: isPost, times: 1 })
    await world.start()

    await world.mesh.user('alice').says('hi')
    await world.settle(120_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status().counters).toMatchObject({ sent: 1, repeatedPosts: 0 })
    await world.stop()
  })

  test('that got no answer and never happened is made again after a fresh look at our own files', async () => {
    const world = createWorld()
    world.bot.agent.answer('error500', { when: isPost, times: 1 })
    await world.start()

    await world.mesh.user('alice').says('hi')
    await world.settle(10_000)
    expect(world.answers('alice')).toEqual([])
    await world.settle(30_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status().counters).toMatchObject({ sent: 1, repeatedPosts: 1 })
    await world.stop()
  })

  test('that our chat app never shows is found in our own files, and not made again', async () => {
    const world = createWorld({ config: { feed: 'poll' } })
    await world.start()
    await world.mesh.user('alice').says('hi')
    while (!world.events.some(event => event.event === 'dispatch')) await world.settle(10)
    world.bot.agent.freeze()

    await world.settle(300_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { sent: 1, repeatedPosts: 0 } })
    await world.stop()
  })

  test('that hangs for minutes is not made again while it runs, whatever is confirmed meanwhile', async () => {
    const world = createWorld({ config: { apiTimeout: 250_000 } })
    await world.start()
    const slowly = (_: unknown, pass: () => Promise<AgentResponse>) =>
      new Promise<AgentResponse>((resolve, reject) => world.clock.after(200_000, () => pass().then(resolve, reject)))
    world.bot.agent.answer(slowly, { when: isPost, times: 1 })
    await world.mesh.user('alice').says('hi')
    await world.settle(30_000)
    await world.mesh.user('bob').says('hi')
    await world.settle(150_000)
    expect(world.answers('bob')).toEqual(['echo: hi'])
    expect(world.answers('alice')).toEqual([])

    await world.settle(200_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { sent: 2, repeatedPosts: 0 } })
    await world.stop()
  })

  test('that waits for an agent that is away goes out after a restart', async () => {
    const world = createWorld({
      responder: {
        respond: async ({ text }) => {
          world.bot.agent.down()
          return `echo: ${text}`
        },
      },
    })
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(5_000)
    await world.crash()
    world.bot.agent.up()
    await world.start()
    await world.settle(120_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { sent: 1 } })
    await world.stop()
  })

  test('that was answered with 201 and lost in the queue of a killed agent is made again, once', async () => {
    const world = createWorld({ quirks: { publishMs: [2_000, 2_000] } })
    await world.start()
    await world.mesh.user('alice').says('hi')
    while (!world.events.some(event => event.event === 'posted')) await world.settle(50)
    await world.settle(50)

    world.bot.agent.restart()
    await world.settle(300_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status().counters).toMatchObject({ sent: 1, repeatedPosts: 1 })
    await world.stop()
  })

  test('that shows up late is not made twice: its absence proves nothing for a minute', async () => {
    const world = createWorld({ quirks: { tripMs: [50_000, 50_000] } })
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(400_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    await world.stop()
  })

  test('that is refused for good is a dead letter, and the next one goes out', async () => {
    const world = createWorld()
    world.bot.agent.answer(() => ({ status: 403, headers: {}, body: new Uint8Array() }), { when: isPost, times: 1 })
    await world.start()

    await world.mesh.user('alice').says('one')
    await world.settle()
    await world.mesh.user('alice').says('two')
    await world.settle()

    expect(world.answers('alice')).toEqual(['echo: two'])
    expect(world.events.filter(event => event.event === 'dead-letter')).toHaveLength(1)
    await world.stop()
  })

  test('waits for an agent that is away, and goes out when it is back', async () => {
    const world = createWorld({
      responder: {
        respond: async ({ text }) => {
          world.bot.agent.down()
          return `echo: ${text}`
        },
      },
    })
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(120_000)
    expect(world.answers('alice')).toEqual([])

    world.bot.agent.up()
    while (world.account.status().state !== 'live') await world.settle(100)
    await world.settle(500)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status().counters.repeatedPosts).toBe(0)
    await world.stop()
  })
})

describe('a dead letter', () => {
  const failing = () => {
    let works = false
    const world = createWorld({
      responder: {
        respond: async ({ text }) => {
          if (!works) throw new Error('the model is away')
          return `echo: ${text}`
        },
      },
    })
    return { world, mend: () => (works = true) }
  }

  test('is kept over a restart, and answered when it is tried again by hand', async () => {
    const { world, mend } = failing()
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(120_000)
    await world.crash()
    await world.start()
    const [letter] = world.account.deadLetters()
    expect(letter).toMatchObject({ kind: 'message', chat: 'peer:alice', reason: 'the model is away' })

    mend()
    expect(await world.account.retryDeadLetter(letter!.id)).toBe(true)
    await world.settle()

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.deadLetters()).toEqual([])
    await world.stop()
  })

  test('that is dropped is gone, with its text', async () => {
    const { world } = failing()
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(120_000)

    expect(await world.account.dropDeadLetter(world.account.deadLetters()[0]!.id)).toBe(true)
    expect(await world.account.dropDeadLetter('nothing')).toBe(false)

    expect(world.account.deadLetters()).toEqual([])
    await world.stop()
  })

  test('that is a refused reply is posted when it is tried again by hand', async () => {
    const world = createWorld()
    world.bot.agent.answer(() => ({ status: 403, headers: {}, body: new Uint8Array() }), { when: isPost, times: 1 })
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle()
    const [letter] = world.account.deadLetters()
    expect(letter).toMatchObject({ kind: 'reply', chat: 'peer:alice' })

    await world.account.retryDeadLetter(letter!.id)
    await world.settle()

    expect(world.answers('alice')).toEqual(['echo: hi'])
    await world.stop()
  })
})

describe('a message that nobody asked for', () => {
  test('is sent once for one key, however often it is asked for, and over a restart', async () => {
    const world = createWorld()
    world.mesh.user('alice')
    await world.start()
    const send = () => world.account.send({ chat: 'peer:alice', text: 'good morning', key: 'cron/1' })

    expect(await Promise.all([send(), send()])).toEqual([{ keys: ['cron/1#0'] }, { keys: ['cron/1#0'] }])
    await world.settle()
    await world.crash()
    await world.start()
    await send()
    await world.settle(120_000)

    expect(world.answers('alice')).toEqual(['good morning'])
    await world.stop()
  })

  test('to a name that the agent would take for a path is refused before anything is queued', async () => {
    const world = createWorld()
    await world.start()

    for (const chat of ['peer:../bob', 'peer:', 'group:alice', 'group:alice/', 'group:/team', 'alice'] as ChatId[]) {
      await expect(world.account.send({ chat, text: 'hi', key: 'k' })).rejects.toThrow('cannot be written to')
    }

    expect(world.account.status().outbox).toBe(0)
    await world.stop()
  })

  test('with control characters goes out without them: they would destroy older messages on the mesh', async () => {
    const world = createWorld({ quirks: { controlCharactersPoison: true } })
    world.mesh.user('alice')
    await world.start()
    await world.account.send({ chat: 'peer:alice', text: 'one', key: 'a' })
    await world.settle(2_000)
    await world.account.send({ chat: 'peer:alice', text: 'tw\u0000o\u0007\ttab', key: 'b' })
    await world.settle()

    expect(world.answers('alice')).toEqual(['one', 'two\ttab'])
    await world.stop()
  })
})
