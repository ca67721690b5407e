import { describe, expect, test } from 'vitest'
import { createWorld, type World } from '../../src/simulator/world.ts'

const statesOf = (world: World, account = 'default') =>
  world.events.flatMap(event => (event.event === 'state' && event.account === account ? [event.state] : []))

describe('an agent that', () => {
  const faults = [
    [
      'is down',
      (world: World) => {
        world.bot.agent.down()
        return () => world.bot.agent.up()
      },
      /connection refused.*Is the ZTM agent running/,
    ],
    ['answers 500', (world: World) => world.bot.agent.answer('error500'), /500/],
    ['answers garbage', (world: World) => world.bot.agent.answer('garbage'), /where JSON is due/],
    ['answers with an empty body', (world: World) => world.bot.agent.answer('empty'), /empty body/],
    ['answers HTML', (world: World) => world.bot.agent.answer('html'), /HTML|JSON/],
    ['answers 100 MB', (world: World) => world.bot.agent.answer('huge'), /more than|larger|limit/],
    ['never answers', (world: World) => world.bot.agent.answer('hang'), /within 2 s/],
  ] as const

  test.each(faults)(
    '%s makes the account degraded with the reason, is tried again with backoff, and loses nothing',
    async (_, begin, reason) => {
      const world = createWorld({ config: { apiTimeout: 2_000 } })
      world.mesh.user('alice')
      await world.start()
      await world.settle(5_000)

      const end = begin(world)
      await world.settle(20_000)
      expect(world.account.status().state).toBe('degraded')
      expect(world.account.status().reason).toMatch(reason)
      await world.mesh.user('alice').says('are you there?')
      await world.settle(300_000)
      end()
      await world.settle(60_000)

      expect(world.account.status()).toMatchObject({ state: 'live', reason: null })
      expect(world.answers('alice')).toEqual(['echo: are you there?'])
      await world.stop()
    },
  )

  test('is down at the start is waited for', async () => {
    const world = createWorld()
    world.bot.agent.down()
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(60_000)
    world.bot.agent.up()
    await world.settle(60_000)

    expect(statesOf(world)).toEqual(['connecting', 'degraded', 'live'])
    expect(world.answers('alice')).toEqual(['echo: hi'])
    await world.stop()
  })

  test('belongs to somebody else blocks the account with what to change', async () => {
    const world = createWorld({ config: { username: 'other-bot' } })
    world.mesh.user('other-bot').agent.answer(async (request, next) => {
      const answer = await next()
      if (!request.target.endsWith('/meshes/home')) return answer
      return {
        ...answer,
        body: new TextEncoder().encode(new TextDecoder().decode(answer.body as Uint8Array).replaceAll('other-bot', 'somebody')),
      }
    })
    await world.start()
    await world.settle()

    expect(world.account.status().state).toBe('blocked')
    expect(world.account.status().reason).toContain('set username to "somebody"')
    await world.stop()
  })
})

describe('what somebody has to mend', () => {
  test.each([
    ['the mesh', /meshes\/home$/, 401],
    ['the mesh', /meshes\/home$/, 403],
    ['the chat app', /appinfo$/, 403],
    ['the file index', /files\?/, 403],
    ['the file index', /files\?/, 401],
  ] as const)(
    '(%s answers %s with %i) blocks the account, says so, and is looked at again every five minutes only',
    async (_, needle, status) => {
      const world = createWorld()
      let asked = 0
      const mend = world.bot.agent.answer(
        () => {
          asked += 1
          return { status, headers: {}, body: new Uint8Array() }
        },
        { when: ({ target }) => needle.test(target) },
      )
      await world.start()
      await world.settle(20_000)
      expect(world.account.status()).toMatchObject({
        state: 'blocked',
        reason: expect.stringMatching(new RegExp(`${status}.*let|${status}.*rights`)),
      })
      asked = 0
      await world.settle(16 * 60_000)
      expect(asked).toBeGreaterThanOrEqual(3)
      expect(asked).toBeLessThanOrEqual(12)

      mend()
      await world.mesh.user('alice').says('hi')
      await world.settle(6 * 60_000)
      expect(world.account.status().state).toBe('live')
      expect(world.answers('alice')).toEqual(['echo: hi'])
      await world.stop()
    },
  )
})

test('an agent that passes each look and fails each round is asked less and less often', async () => {
  const world = createWorld()
  world.bot.agent.answer('error500', { when: ({ target }) => /files\?|\/chats$/.test(target) })
  let looks = 0
  world.bot.agent.answer(({ target }) => {
    if (target.endsWith('/meshes/home')) looks += 1
    return null
  })
  await world.start()
  await world.settle(10 * 60_000)

  // Full jitter up to 30 s; at half a second it would be thousands.
  expect(looks).toBeLessThanOrEqual(150)
  expect(world.account.status().state).not.toBe('blocked')
  await world.stop()
})

test('the trouble of one account does not touch another', async () => {
  const world = createWorld({ config: { accounts: { one: { username: 'my-bot' }, two: { username: 'second-bot' } } } })
  world.mesh.user('second-bot').agent.down()
  await world.start()

  await world.mesh.user('alice').says('hi')
  await world.settle()

  expect(world.answers('alice')).toEqual(['echo: hi'])
  expect(world.runtime.account('two')?.status().state).toBe('degraded')
  expect(statesOf(world, 'one')).toEqual(['connecting', 'live'])
  await world.stop()
})

test('a chat that is too large troubles that chat only', async () => {
  const world = createWorld()
  await world.start()
  world.bot.agent.answer('huge', { when: request => request.target.includes('/peers/alice/messages') })

  await world.mesh.user('alice').says('hi')
  await world.mesh.user('bob').says('hello')
  await world.settle()

  expect(world.account.status().state).toBe('live')
  expect(world.account.status().warnings).toEqual([expect.stringContaining('peer:alice')])
  expect(world.answers('bob')).toEqual(['echo: hello'])
  await world.stop()
})

describe('a disk that', () => {
  test('is full makes the account degraded; nothing is answered before it is recorded, and nothing is lost', async () => {
    const world = createWorld()
    await world.start()
    await world.settle(2_000)

    world.disk().fill(0)
    await world.mesh.user('alice').says('hi')
    await world.settle(30_000)
    expect(world.account.status().state).toBe('degraded')
    expect(world.account.status().reason).toMatch(/no room/)
    expect(world.answers('alice')).toEqual([])
    world.disk().fill(Number.POSITIVE_INFINITY)
    await world.settle(60_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status().state).toBe('live')
    await world.stop()
  })

  test('fails one sync loses nothing', async () => {
    const world = createWorld()
    await world.start()
    await world.settle(2_000)

    world.disk().failNextSync()
    await world.mesh.user('alice').says('hi')
    await world.settle(60_000)
    await world.crash()
    await world.start()
    await world.settle(60_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    await world.stop()
  })
})
