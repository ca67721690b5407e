/** What was given up after its last attempt, and what a person can do about it. */
import { describe, expect, test } from 'vitest'
import type { AgentRequest } from '../../src/simulator/mesh/http.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

const isPost = ({ method, target }: AgentRequest) => method === 'POST' && target.includes('/messages')

/** The responder fails until it is mended; what it was asked is kept. */
function moody(config: Readonly<Record<string, unknown>> = {}) {
  const responder = { isWell: false, asks: [] as string[] }
  const world = createWorld({
    config,
    responder: {
      async respond({ text, messageId }) {
        responder.asks.push(`${text} ${messageId}`)
        if (!responder.isWell && text.startsWith('bad')) throw new Error('the model is away')
        return `echo: ${text}`
      },
    },
  })
  return { world, responder }
}

const says = async (world: World, text: string, user = 'alice') => {
  await world.mesh.user(user).says(text)
  await world.settle(60_000)
}

/** A reply that the agent refused for good. */
async function refusedReply(): Promise<World> {
  const world = createWorld()
  await world.start()
  world.bot.agent.answer(() => ({ status: 403, headers: {}, body: new Uint8Array() }), { when: isPost, times: 1 })
  await says(world, 'hi')
  expect(world.account.deadLetters()).toEqual([
    { id: expect.stringMatching(/#0$/), kind: 'reply', chat: 'peer:alice', atMs: expect.any(Number), reason: expect.any(String) },
  ])
  expect(world.answers('alice')).toEqual([])
  return world
}

describe('a message whose last attempt failed', () => {
  test('is kept with where, when and why, counted in status, and does not hold up the next one', async () => {
    const { world, responder } = moody()
    await world.start()

    await says(world, 'bad')
    await says(world, 'good')

    expect(world.answers('alice')).toEqual(['echo: good'])
    expect(world.account.deadLetters()).toEqual([
      { id: expect.any(String), kind: 'message', chat: 'peer:alice', atMs: expect.any(Number), reason: 'the model is away' },
    ])
    expect(world.account.status()).toMatchObject({ counters: { deadLetters: 1, processed: 2 }, runningDispatches: 0, outbox: 0 })
    expect(responder.asks.filter(ask => ask.startsWith('bad'))).toHaveLength(3)
    await world.stop()
  })

  test('is tried again under the same id, with all its attempts before it, and answered once', async () => {
    const { world, responder } = moody()
    await world.start()
    await says(world, 'bad')
    const [letter] = world.account.deadLetters()

    expect(await world.account.retryDeadLetter(letter!.id)).toBe(true)
    await world.settle(60_000)
    expect(responder.asks).toEqual(Array(6).fill(`bad ${letter!.id}`))
    expect(world.account.deadLetters()).toMatchObject([{ id: letter!.id }])

    responder.isWell = true
    expect(await world.account.retryDeadLetter(letter!.id)).toBe(true)
    await world.settle(60_000)
    expect(world.answers('alice')).toEqual(['echo: bad'])
    expect(world.account.deadLetters()).toEqual([])
    expect(await world.account.retryDeadLetter(letter!.id)).toBe(false)
    await world.stop()
  })

  test('is answered once when it is tried again twice at once', async () => {
    const { world, responder } = moody()
    await world.start()
    await says(world, 'bad')
    const { id } = world.account.deadLetters()[0]!
    responder.isWell = true

    await Promise.all([world.account.retryDeadLetter(id), world.account.retryDeadLetter(id)])
    await world.settle(60_000)

    expect(world.answers('alice')).toEqual(['echo: bad'])
    expect(responder.asks).toHaveLength(4)
    expect(world.account.deadLetters()).toEqual([])
    await world.stop()
  })

  test('stays one over a crash, and one that is tried again survives the next: it is answered once', async () => {
    const { world, responder } = moody()
    await world.start()
    await says(world, 'bad one')
    await says(world, 'bad two', 'bob')
    await world.crash()
    await world.start()
    await world.settle(60_000)
    expect(world.account.deadLetters().map(({ chat }) => chat)).toEqual(['peer:alice', 'peer:bob'])

    responder.isWell = true
    await world.account.retryDeadLetter(world.account.deadLetters()[0]!.id)
    await world.crash()
    await world.start()
    await world.settle(600_000)

    expect(world.answers('alice')).toEqual(['echo: bad one'])
    expect(world.answers('bob')).toEqual([])
    expect(world.account.deadLetters().map(({ chat }) => chat)).toEqual(['peer:bob'])
    await world.stop()
  })

  test('is forgotten for good when it is dropped', async () => {
    const { world, responder } = moody()
    await world.start()
    await says(world, 'bad')
    const { id } = world.account.deadLetters()[0]!

    expect(await world.account.dropDeadLetter(id)).toBe(true)
    expect(await world.account.dropDeadLetter(id)).toBe(false)
    responder.isWell = true
    await world.crash()
    await world.start()
    await world.settle(600_000)

    expect(world.account.deadLetters()).toEqual([])
    expect(world.answers('alice')).toEqual([])
    await world.stop()
  })
})

describe('a reply that the agent refused for good', () => {
  test('is tried again under the same key, and posted once, however often that is asked at once', async () => {
    const world = await refusedReply()
    const { id } = world.account.deadLetters()[0]!

    await Promise.all([world.account.retryDeadLetter(id), world.account.retryDeadLetter(id)])
    await world.settle(60_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.deadLetters()).toEqual([])
    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { deadLetters: 0, repeatedPosts: 0 } })
    await world.stop()
  })

  test('is none any more when the same reply is sent for another reason: an apology that the next failure makes again', async () => {
    const { world } = moody({ notifyOnFailure: true })
    await world.start()
    world.bot.agent.answer(() => ({ status: 403, headers: {}, body: new Uint8Array() }), { when: isPost, times: 1 })
    await says(world, 'bad')
    const [message, apology] = world.account.deadLetters()
    expect([message?.kind, apology?.kind]).toEqual(['message', 'reply'])

    world.bot.agent.down()
    await world.account.retryDeadLetter(message!.id)
    await world.settle(30_000)
    expect(world.account.deadLetters()).toMatchObject([{ id: message!.id }])
    world.bot.agent.up()
    await world.settle(60_000)

    expect(world.answers('alice')).toHaveLength(1)
    expect(world.account.deadLetters()).toMatchObject([{ id: message!.id }])
    expect(await world.account.retryDeadLetter(apology!.id)).toBe(false)
    await world.settle(60_000)
    expect(world.answers('alice')).toHaveLength(1)
  })

  test('is not sent any more when it is dropped, and its message is not answered anew', async () => {
    const world = await refusedReply()

    await world.account.dropDeadLetter(world.account.deadLetters()[0]!.id)
    await world.crash()
    await world.start()
    await says(world, 'still there?')

    expect(world.answers('alice')).toEqual(['echo: still there?'])
    expect(world.account.deadLetters()).toEqual([])
    await world.stop()
  })
})
