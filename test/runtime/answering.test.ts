import { describe, expect, test } from 'vitest'
import type { Responder } from '../../src/ports/responder.ts'
import type { RuntimeEvent } from '../../src/runtime/runtime.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

const decisions = (world: World) =>
  world.events.flatMap(event => (event.event === 'decision' ? [`${event.sender}: ${event.action} ${event.reason}`] : []))
const kinds = (world: World, kind: RuntimeEvent['event']) => world.events.filter(event => event.event === kind)

describe('a direct message', () => {
  test('is answered once, and confirmed when the answer shows up on the mesh', async () => {
    const world = createWorld()
    await world.start()

    await world.mesh.user('alice').says('hi')
    await world.settle()

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(decisions(world)).toEqual(['alice: process allowed'])
    expect(kinds(world, 'posted')).toHaveLength(1)
    expect(kinds(world, 'sent')).toHaveLength(1)
    expect(world.account.status()).toMatchObject({ state: 'live', outbox: 0, counters: { seen: 1, processed: 1, sent: 1 } })
    await world.stop()
    expect(world.clock.nextInMs() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(0)
  })

  test('of many users: each is answered, in the order in which each wrote', async () => {
    const world = createWorld()
    await world.start()
    const users = Array.from({ length: 20 }, (_, n) => `user${n}`)

    for (let n = 0; n < 5; n++) {
      for (const user of users) await world.mesh.user(user).says(`${user} ${n}`)
      await world.settle(50)
    }
    await world.settle(60_000)

    for (const user of users) expect(world.answers(user)).toEqual([0, 1, 2, 3, 4].map(n => `echo: ${user} ${n}`))
    await world.stop()
  })

  test('that is fetched again before its record is durable is answered once', async () => {
    const world = createWorld({ syncMs: 3_000, config: { pollInterval: 200 } })
    await Promise.all([world.start(), world.settle(20_000)])
    for (const text of ['one', 'two', 'three']) {
      await world.mesh.user('alice').says(text)
      await world.settle(700)
    }
    await world.settle(120_000)

    expect(world.answers('alice')).toEqual(['echo: one', 'echo: two', 'echo: three'])
    expect(world.account.status().counters.seen).toBe(3)
    await world.stop()
  })

  test('twice in one millisecond with the same text is two messages only when the chat app shows two', async () => {
    const world = createWorld({ quirks: { sameMsMerged: false } })
    await world.start()

    await Promise.all([world.mesh.user('alice').says('same'), world.mesh.user('alice').says('same')])
    await world.settle()

    expect(world.answers('alice')).toEqual(['echo: same', 'echo: same'])
    await world.stop()
  })
})

describe('what nobody can answer', () => {
  const oddities: [string, unknown][] = [
    ['null', null],
    ['a number', 42],
    ['a string', '{"text":1}'],
    ['an empty object', {}],
    ['a text that is a number', { text: 5 }],
    ['an empty text', { text: '' }],
    ['a list', [{ text: 'hi' }]],
    ['a prototype', JSON.parse('{"__proto__": {"text": "hi"}}')],
  ]
  test.each(oddities)('%s is counted and ignored, and the next message is answered', async (_, message) => {
    const world = createWorld()
    await world.start()

    // A string would be sent as `{text}`: it is wrapped once more by the recorder of the mesh.
    await world.mesh.user('alice').says(typeof message === 'string' ? [message] : (message as never))
    await world.settle()
    await world.mesh.user('alice').says('still there?')
    await world.settle()

    expect(world.answers('alice')).toEqual(['echo: still there?'])
    expect(world.account.status().counters.ignored).toEqual({ unsupported_content: 1 })
    await world.stop()
  })

  test('a megabyte of text is cut and answered; lone surrogates come through whole', async () => {
    const world = createWorld({ responder: { respond: async ({ text }) => `${text.length} ${text.slice(0, 3)}` } })
    await world.start()

    await world.mesh.user('alice').says('x'.repeat(1_000_000))
    await world.settle()
    await world.mesh.user('bob').says('\ud800ab')
    await world.settle()

    expect(world.answers('alice')[0]).toMatch(/^65\d\d\d xxx$/)
    expect(world.answers('bob')).toEqual(['3 \ufffdab'])
    await world.stop()
  })

  test('our own messages are never answered', async () => {
    const world = createWorld()
    world.mesh.user('alice')
    await world.start()

    await world.bot.says('a word from the owner', 'peer:alice')
    await world.settle()

    expect(world.account.status().counters).toMatchObject({ seen: 0, processed: 0 })
    expect(world.answers('alice')).toEqual(['a word from the owner'])
    await world.stop()
  })
})

describe('a group', () => {
  const groups = {
    enableGroups: true,
    groupPermissions: { 'alice/team': { creator: 'alice', group: 'team', groupPolicy: 'allowlist', allowFrom: ['bob'] } },
  }

  test('answers those who may speak there when they mention the bot, and says why it ignores the others', async () => {
    const world = createWorld({ config: groups })
    for (const user of ['alice', 'bob', 'carol']) world.mesh.user(user)
    await world.start()
    await world.mesh.user('alice').creates('team', { name: 'Team', members: ['alice', 'bob', 'carol', 'my-bot'] })
    await world.settle(2_000)

    await world.mesh.user('bob').says('@my-bot hello', 'group:alice/team')
    await world.mesh.user('bob').says('no mention', 'group:alice/team')
    await world.mesh.user('carol').says('@my-bot me too', 'group:alice/team')
    await world.mesh.user('alice').says('@my-bot I made it', 'group:alice/team')
    await world.settle()

    expect(decisions(world).sort()).toEqual([
      'alice: process creator',
      'bob: ignore mention_required',
      'bob: process whitelisted',
      'carol: ignore whitelisted',
    ])
    expect([...world.answers('bob', 'group:alice/team')].sort()).toEqual(['echo: I made it', 'echo: hello'])
    await world.stop()
  })

  test('takes a mentionPatterns match for a mention', async () => {
    const world = createWorld({ config: { enableGroups: true, groupPolicy: 'open', mentionPatterns: ['\\bjarvis\\b'] } })
    world.mesh.user('bob')
    await world.start()
    await world.mesh.user('alice').creates('team', { name: 'Team', members: ['alice', 'bob', 'my-bot'] })
    await world.settle(2_000)

    await world.mesh.user('bob').says('Jarvis, are you there?', 'group:alice/team')
    await world.mesh.user('bob').says('jarvisian nonsense', 'group:alice/team')
    await world.settle()

    expect(decisions(world).sort()).toEqual(['bob: ignore mention_required', 'bob: process allowed'])
    await world.stop()
  })

  test('a removed member is not answered, though the mesh shows what it posts', async () => {
    const world = createWorld({
      config: { enableGroups: true, groupPolicy: 'open', requireMention: false },
    })
    world.mesh.user('bob')
    await world.start()
    const alice = world.mesh.user('alice')
    await alice.creates('team', { name: 'Team', members: ['alice', 'bob', 'my-bot'] })
    await world.settle(2_000)
    await world.mesh.user('bob').says('first', 'group:alice/team')
    await world.settle()
    await alice.creates('team', { members: ['alice', 'my-bot'] })
    await world.settle(70_000)

    await world.mesh.user('bob').says('second', 'group:alice/team')
    await world.settle()

    expect(decisions(world)).toEqual(['bob: process allowed', 'bob: ignore not_a_member'])
    await world.stop()
  })
})

describe('a responder', () => {
  test('that fails is asked again, under the same id, and then its message is a dead letter', async () => {
    const asked: string[] = []
    const world = createWorld({
      responder: {
        respond: async request => {
          asked.push(`${request.messageId} ${request.attempt}`)
          throw new Error('the model is away')
        },
      },
      config: { notifyOnFailure: true },
    })
    await world.start()

    await world.mesh.user('alice').says('hi')
    await world.settle(120_000)

    const id = asked[0]!.split(' ')[0]
    expect(asked).toEqual([`${id} 1`, `${id} 2`, `${id} 3`])
    expect(kinds(world, 'dead-letter')).toEqual([expect.objectContaining({ id, reason: 'the model is away' })])
    expect(world.answers('alice')).toEqual(['Sorry, I could not answer that. Please try again later.'])
    await world.stop()
  })

  test('that never answers is given up after the limit, and its late answer is dropped', async () => {
    const late: ((text: string) => void)[] = []
    const responder: Responder = {
      respond: request =>
        request.text === 'slow' && request.attempt === 1
          ? new Promise(resolve => late.push(resolve))
          : Promise.resolve(`echo: ${request.text}`),
    }
    const world = createWorld({ responder, config: { limits: { dispatchTimeoutMs: 60_000 } } })
    await world.start()

    await world.mesh.user('alice').says('slow')
    await world.settle(90_000)
    late[0]!('too late')
    await world.settle()

    expect(world.answers('alice')).toEqual(['echo: slow'])
    await world.stop()
  })

  test('that is slow with one chat does not keep the others waiting', async () => {
    const world = createWorld({
      responder: { respond: ({ text }) => (text === 'slow' ? new Promise(() => {}) : Promise.resolve(`echo: ${text}`)) },
    })
    await world.start()

    await world.mesh.user('alice').says('slow')
    await world.settle(5_000)
    await world.mesh.user('bob').says('quick')
    await world.settle()

    expect(world.answers('bob')).toEqual(['echo: quick'])
    await world.stop()
  })

  test('that has adopted a message answers through `send`; the next message of the chat is dispatched at once', async () => {
    const world: World = createWorld({
      responder: {
        respond: async (request, turn) => {
          await turn.adopted()
          await world.account.send({ chat: request.chat, text: `later: ${request.text}`, key: `${request.messageId}/final` })
          return 'not this'
        },
      },
    })
    await world.start()

    await world.mesh.user('alice').says('one')
    await world.mesh.user('alice').says('two')
    await world.settle()

    expect(world.answers('alice')).toEqual(['later: one', 'later: two'])
    await world.stop()
  })

  test('that has adopted a message keeps no place that others wait for', async () => {
    const world = createWorld({
      config: { limits: { dispatches: 1 } },
      responder: {
        respond: async ({ text }, turn) => {
          if (text !== 'long') return `echo: ${text}`
          await turn.adopted()
          return new Promise(() => {})
        },
      },
    })
    await world.start()

    await world.mesh.user('alice').says('long')
    await world.settle(5_000)
    await world.mesh.user('bob').says('short')
    await world.settle()

    expect(world.answers('bob')).toEqual(['echo: short'])
    await world.stop()
  })

  test('whose conversation has to wait for something else keeps no place that others wait for', async () => {
    const goOn = Promise.withResolvers<void>()
    const world = createWorld({
      config: { limits: { dispatches: 1 } },
      responder: {
        async respond({ text }, turn) {
          if (text === 'later') {
            turn.waits()
            await goOn.promise
          }
          return `echo: ${text}`
        },
      },
    })
    await world.start()

    await world.mesh.user('alice').says('later')
    await world.settle(5_000)
    await world.mesh.user('bob').says('now')
    await world.settle()

    expect([world.answers('alice'), world.answers('bob')]).toEqual([[], ['echo: now']])
    goOn.resolve()
    await world.settle()
    expect(world.answers('alice')).toEqual(['echo: later'])
    await world.stop()
  })

  test('that answers nothing is taken at its word', async () => {
    const world = createWorld({ responder: { respond: async () => null } })
    await world.start()

    await world.mesh.user('alice').says('hi')
    await world.settle()

    expect(world.answers('alice')).toEqual([])
    expect(kinds(world, 'dead-letter')).toEqual([])
    await world.stop()
  })

  test('with a long answer: it arrives in parts, in order', async () => {
    const paragraphs = Array.from({ length: 9 }, (_, n) => `${n} ${'word '.repeat(300)}`.trim())
    const world = createWorld({ responder: { respond: async () => paragraphs.join('\n\n') } })
    await world.start()

    await world.mesh.user('alice').says('tell me')
    await world.settle(60_000)

    const parts = world.answers('alice')
    expect(parts.length).toBeGreaterThan(2)
    expect(parts.join('\n\n')).toBe(paragraphs.join('\n\n'))
    await world.stop()
  })
})
