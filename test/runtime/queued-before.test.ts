/** Replies that were queued by a process that is gone: the mesh is asked before they are posted. */
import { describe, expect, test } from 'vitest'
import { createWorld, type World } from '../../src/simulator/world.ts'

const isPost = ({ method, target }: { method: string; target: string }) => method === 'POST' && target.includes('/messages')
const isListing = ({ target }: { target: string }) => target.endsWith('/files?since=0')
const USERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'] as const
/** Whoever finds it must take it for unreadable. */
const DAMAGE = '#'.charCodeAt(0)

/** Spoils every record of the journal that has one of these types. */
async function damage(world: World, ...types: readonly string[]): Promise<number> {
  const disk = world.disk()
  let spoilt = 0
  for (const path of disk.files().filter(one => one.startsWith('journal/'))) {
    const bytes = Uint8Array.from((await disk.read(path)) ?? [])
    const text = Buffer.from(bytes).toString('latin1')
    for (const type of types)
      for (let at = text.indexOf(`"type":"${type}"`); at >= 0; at = text.indexOf(`"type":"${type}"`, at + 1)) {
        bytes[at] = DAMAGE
        spoilt += 1
      }
    await disk.write(path, bytes)
  }
  return spoilt
}

/** Nothing can be posted until the returned function is called. */
const refusePosts = (world: World) =>
  world.bot.agent.answer(
    () => {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    },
    { when: isPost },
  )

const countListings = (world: World): (() => number) => {
  let listings = 0
  world.bot.agent.answer(request => {
    if (isListing(request)) listings += 1
    return null
  })
  return () => listings
}

describe.each(['push', 'poll'] as const)('a reply that is queued when a process starts (feed: %s)', feed => {
  test('is not posted again when damage took every record of its post', async () => {
    const world = createWorld({ config: { feed } })
    await world.start()
    for (const user of USERS) await world.mesh.user(user).says('hi')
    await world.settle(60_000)
    await world.crash()
    expect(await damage(world, 'reply.posting', 'reply.sent')).toBeGreaterThanOrEqual(2 * USERS.length)

    await world.start()
    await world.settle(30 * 60_000)

    for (const user of USERS) expect(world.answers(user), user).toEqual(['echo: hi'])
    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { repeatedPosts: 0 } })
    await world.stop()
  })

  test('waits for an agent that is away, also when damage took every record of its post', async () => {
    const world = createWorld({ config: { feed } })
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(60_000)
    await world.crash()
    await damage(world, 'reply.posting', 'reply.sent')
    world.bot.agent.down()

    await world.start()
    await world.settle(60 * 60_000)
    expect(world.account.status()).toMatchObject({ outbox: 1 })
    world.bot.agent.up()
    await world.settle(30 * 60_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { repeatedPosts: 0 } })
    await world.stop()
  })

  test('is looked for with one listing, whatever their number, and posted in its order', async () => {
    const world = createWorld({ config: { feed } })
    await world.start()
    await world.settle(5_000)
    const allow = refusePosts(world)
    for (const user of USERS) for (const text of ['one', 'two']) await world.mesh.user(user).says(text)
    await world.settle(30_000)
    await world.crash()
    allow()
    const listings = countListings(world)

    await world.start()
    await world.settle(20_000)

    for (const user of USERS) expect(world.answers(user), user).toEqual(['echo: one', 'echo: two'])
    expect(listings()).toBe(1)
    await world.stop()
  })

  test('costs a start nothing when there is none', async () => {
    const world = createWorld({ config: { feed } })
    await world.start()
    await world.mesh.user('alice').says('one')
    await world.settle(60_000)
    await world.crash()
    const listings = countListings(world)

    await world.start()
    await world.mesh.user('alice').says('two')
    await world.settle(20_000)

    expect(world.answers('alice')).toEqual(['echo: one', 'echo: two'])
    expect(listings()).toBe(0)
    await world.stop()
  })

  test('delays no reply of another chat that is queued after the start', async () => {
    const world = createWorld({ config: { feed } })
    await world.start()
    await world.settle(5_000)
    const allow = refusePosts(world)
    await world.mesh.user('alice').says('hi')
    await world.settle(10_000)
    await world.crash()
    allow()
    world.bot.agent.answer((_, pass) => new Promise((resolve, reject) => world.clock.after(15_000, () => pass().then(resolve, reject))), {
      when: isListing,
    })

    await world.start()
    await world.mesh.user('bob').says('hi')
    await world.settle(10_000)
    expect([world.answers('alice'), world.answers('bob')]).toEqual([[], ['echo: hi']])
    await world.settle(20_000)

    expect([world.answers('alice'), world.answers('bob')]).toEqual([['echo: hi'], ['echo: hi']])
    await world.stop()
  })
})

test('a reply that is queued when a process starts is posted where the agent has no file index', async () => {
  const world = createWorld({ config: { feed: 'poll' } })
  world.bot.agent.answer(() => ({ status: 404, headers: {}, body: new Uint8Array() }), { when: ({ target }) => target.includes('/file') })
  await world.start()
  await world.settle(5_000)
  const allow = refusePosts(world)
  await world.mesh.user('alice').says('hi')
  await world.settle(10_000)
  await world.crash()
  allow()

  await world.start()
  await world.settle(20_000)

  expect(world.answers('alice')).toEqual(['echo: hi'])
  await world.stop()
})
