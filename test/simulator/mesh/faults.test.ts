import { describe, expect, test } from 'vitest'
import type { Preset } from '../../../src/simulator/mesh/faults.ts'
import { textOf } from '../../../src/simulator/mesh/mesh.ts'
import { CHAT, MESH, makeWorld, texts, type World } from './world.ts'

const BOT = 'openclaw-bot'
const SETTLED_MS = 500

const chats = { method: 'GET', target: `${CHAT}/chats` }

/** A calm mesh in which alice and the bot know each other. */
async function acquainted(quirks: Parameters<typeof makeWorld>[0] = {}): Promise<World> {
  const world = makeWorld(quirks)
  world.mesh.user(BOT)
  await world.mesh.user('alice').says('hello')
  await world.clock.advance(SETTLED_MS)
  return world
}

const inbox = ({ mesh }: World) => texts(mesh.user(BOT).inbox('peer:alice'))

describe('an agent that is down', () => {
  test('refuses connections, lives on meanwhile, and answers again when it is up', async () => {
    const world = await acquainted()
    const { agent } = world.mesh.user(BOT)
    agent.down()
    await expect(agent.request(chats)).rejects.toMatchObject({ code: 'ECONNREFUSED' })

    await world.mesh.user('alice').says('meanwhile')
    await world.clock.advance(SETTLED_MS)
    agent.up()

    expect(JSON.parse(await textOf(await agent.request(chats)))[0].latest.message).toEqual({ text: 'meanwhile' })
  })

  test('breaks the requests that are under way', async () => {
    const { mesh } = await acquainted()
    const { agent } = mesh.user(BOT)
    const waiting = agent.request({ method: 'GET', target: `${MESH}/files?since=${mesh.hub.now() + 1_000}&wait=true` })
    agent.kill()
    await expect(waiting).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(mesh.hub.waiting()).toBe(1)
  })
})

describe('a killed agent', () => {
  test('forgets what it had accepted and not yet written', async () => {
    const world = await acquainted({ publishMs: [100, 100] })
    const { mesh, clock } = world
    const alice = mesh.user('alice')
    for (const text of ['first', 'second', 'third']) await alice.says(text)
    await clock.advance(150)
    alice.agent.kill()
    alice.agent.restart()
    await clock.advance(SETTLED_MS)

    expect(inbox(world)).toEqual(['hello', 'first'])
    expect(texts(mesh.accepted)).toEqual(['hello', 'first', 'second', 'third'])
  })

  test('leaves nothing behind that keeps the clock busy', async () => {
    const { mesh, clock } = await acquainted({ publishMs: [100, 100] })
    await mesh.user('alice').says('in the queue')
    expect(clock.pending()).toBeGreaterThan(0)
    for (const user of mesh.users()) user.agent.kill()
    expect(clock.pending()).toBe(0)
    expect(mesh.hub.waiting()).toBe(0)
  })

  test('comes back with its endpoint, its files and its chats', async () => {
    const world = await acquainted()
    const { agent } = world.mesh.user(BOT)
    const id = agent.membership('home')!.endpointId
    agent.restart()
    await world.clock.advance(SETTLED_MS)

    expect(agent.membership('home')!.endpointId).toBe(id)
    expect(inbox(world)).toEqual(['hello'])
  })

  test('is offline for the others, and leaves the lists after two minutes', async () => {
    const { mesh, clock, get } = await acquainted()
    const online = async () => {
      const { body } = await get(BOT, `${MESH}/endpoints?user=alice`)
      return (JSON.parse(body) as { online: boolean }[]).map(endpoint => endpoint.online)
    }
    mesh.user('alice').agent.kill()
    expect(await online()).toEqual([false])
    await clock.advance(121_000)
    expect(await online()).toEqual([])
  })
})

describe('a frozen chat app', () => {
  test('shows nothing new until the agent joins again with {}, which keeps the endpoint and counts all as old', async () => {
    const world = await acquainted()
    const { mesh, clock, ask, get } = world
    const { agent } = mesh.user(BOT)
    const id = agent.membership('home')!.endpointId
    agent.freeze()
    await mesh.user('alice').says('unseen')
    await clock.advance(SETTLED_MS)
    expect(inbox(world)).toEqual(['hello'])

    const joined = (await ask(BOT, 'POST', MESH, '{}'))!
    const atOnce = (await agent.request(chats)).status
    await clock.advance(SETTLED_MS)

    expect([joined.status, JSON.parse(joined.body).agent.id, atOnce]).toEqual([201, id, 503])
    expect(inbox(world)).toEqual(['hello', 'unseen'])
    expect(JSON.parse((await get(BOT, `${CHAT}/chats`)).body)[0].updated).toBe(0)
  })

  test('loses its queue when the agent joins again', async () => {
    const world = await acquainted({ publishMs: [100, 100] })
    await world.mesh.user('alice').says('queued')
    await world.ask('alice', 'POST', MESH, '{}')
    await world.clock.advance(2_000)
    expect(inbox(world)).toEqual(['hello'])
  })
})

describe('a broken hub connection', () => {
  test('keeps posts on the disk of an agent that says it is connected; a new join brings them out', async () => {
    const world = await acquainted({ brokenHangMs: 60_000 })
    const { mesh, clock, ask } = world
    const alice = mesh.user('alice')
    alice.agent.breakHub()
    await alice.says('on my disk')
    await clock.advance(3_000)
    const { connected, errors } = alice.agent.membership('home')!

    expect([connected, errors.length, inbox(world)]).toEqual([true, 3, ['hello']])
    expect(await ask('alice', 'GET', `${MESH}/endpoints`, undefined, 1_000)).toBeNull()

    await ask('alice', 'POST', MESH, '{}')
    await clock.advance(SETTLED_MS)
    expect(inbox(world)).toEqual(['hello', 'on my disk'])
  })
})

describe('a hub that is away', () => {
  test('is noticed after a while: posts are accepted at first, then refused and not kept', async () => {
    const world = await acquainted({ lossNoticedMs: [3_500, 3_500] })
    const { mesh, clock, ask } = world
    const post = async (text: string) => (await ask('alice', 'POST', `${CHAT}/peers/${BOT}/messages`, JSON.stringify({ text })))!.status
    mesh.hub.down()
    const early = await post('early')
    await clock.advance(4_000)
    const late = await post('late')
    mesh.hub.up()
    await clock.advance(SETTLED_MS)

    expect([early, late]).toEqual([201, 500])
    expect(texts(mesh.reached('alice', `peer:${BOT}`))).toEqual(['hello', 'early'])
  })

  test('ends every wait with an empty body', async () => {
    const { mesh } = await acquainted()
    const waiting = mesh.user(BOT).agent.request({ method: 'GET', target: `${MESH}/files?since=${mesh.hub.now() + 1_000}&wait=true` })
    mesh.hub.down()
    const { status, body } = await waiting
    expect([status, (body as Uint8Array).length]).toEqual([200, 0])
  })
})

describe('answers in the place of the agent', () => {
  const answered: Record<Exclude<Preset, 'hang' | 'lostAnswer' | 'huge'>, [status: number, type: string, body: string]> = {
    error500: [500, 'application/json', '{"status":500,"message":"simulated failure"}'],
    garbage: [200, 'application/json', '[{"peer":"ali'],
    empty: [200, '', ''],
    html: [200, 'text/html', '<!doctype html><title>Sign in</title>'],
  }

  test.each(Object.entries(answered))('%s', async (preset, [status, type, body]) => {
    const { mesh, get } = await acquainted()
    const stop = mesh.user(BOT).agent.answer(preset as Preset)
    expect(await get(BOT, `${CHAT}/chats`)).toEqual({ status, type, body })

    stop()
    expect((await get(BOT, `${CHAT}/chats`)).status).toBe(200)
  })

  test('a huge body is 100 MB, in chunks', async () => {
    const { mesh } = await acquainted()
    mesh.user(BOT).agent.answer('huge')
    const { body } = await mesh.user(BOT).agent.request(chats)
    let bytes = 0
    for await (const chunk of body as AsyncIterable<Uint8Array>) bytes += chunk.length
    expect(bytes).toBe(100 * 1024 * 1024)
  })

  test('a hanging request ends with the signal of its client', async () => {
    const { mesh } = await acquainted()
    mesh.user(BOT).agent.answer('hang')
    const client = new AbortController()
    const hanging = mesh.user(BOT).agent.request(chats, client.signal)
    client.abort(new Error('enough'))
    await expect(hanging).rejects.toThrow('enough')
  })

  test('a lost answer loses the answer, not the effect', async () => {
    const world = await acquainted()
    const { mesh, clock } = world
    mesh.user('alice').agent.answer('lostAnswer', { when: ({ method }) => method === 'POST', times: 1 })
    await expect(mesh.user('alice').says('done all the same')).rejects.toMatchObject({ code: 'ECONNRESET' })
    await mesh.user('alice').says('next')
    await clock.advance(SETTLED_MS)
    expect(inbox(world)).toEqual(['hello', 'done all the same', 'next'])
  })

  test('a function may answer itself, pass the request on, or leave it alone', async () => {
    const { mesh, get } = await acquainted()
    const seen: string[] = []
    mesh.user(BOT).agent.answer(async (request, pass) => {
      seen.push(request.target)
      if (request.target.endsWith('/users')) return null
      return { ...(await pass()), status: 299 }
    })
    expect([(await get(BOT, `${CHAT}/chats`)).status, (await get(BOT, `${CHAT}/users`)).status]).toEqual([299, 200])
    expect(seen).toEqual([`${CHAT}/chats`, `${CHAT}/users`])
  })
})
