import { expect, test } from 'vitest'
import type { DispatchRequest } from '../../src/ports/responder.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

const isPost = (r: { method: string; target: string }) => r.method === 'POST' && r.target.includes('/messages')
const until = async (world: World, done: () => boolean, maxMs: number) => {
  const from = world.clock.now()
  while (!done() && world.clock.now() - from < maxMs) await world.settle(5_000)
  return world.clock.now() - from
}

test('an account whose snapshot could not be written once comes back', async () => {
  const world = createWorld({ config: { feed: 'poll', limits: { journalBytes: 2_000 } } })
  await world.start()
  await world.settle(5_000)
  const disk = world.disk()
  // room for the journal, none for a snapshot
  disk.fill(3_000)
  await world.mesh.user('alice').says('hi')
  await world.settle(30_000)
  disk.fill(Number.POSITIVE_INFINITY)
  await world.settle(15 * 60_000)
  expect(world.account.status().state).toBe('live')
  await world.stop()
})

test('a lost reply is posted again, or uncertain, where the agent has no file index', async () => {
  const world = createWorld({ config: { feed: 'poll' } })
  await world.start()
  await world.settle(5_000)
  world.bot.agent.answer(() => ({ status: 404, headers: {}, body: new Uint8Array() }), {
    when: r => r.target.includes('/files') || r.target.includes('/file-data'),
  })
  // accepted and forgotten
  world.bot.agent.answer(() => ({ status: 201, headers: {}, body: new Uint8Array() }), { when: isPost, times: 8 })
  for (let n = 0; n < 8; n++) await world.mesh.user(`user${n}`).says('hi')
  await world.settle(60 * 60_000)
  await world.mesh.user('bob').says('hello')
  await world.settle(60 * 60_000)
  expect([world.answers('user0'), world.answers('bob')]).toEqual([['echo: hi'], ['echo: hello']])
  await world.stop()
})

test.each([1, 5])('what is answered while the account stops is delivered soon after the next start, %i users', async users => {
  let world!: World
  const responder = {
    respond: async ({ text }: DispatchRequest) => {
      await new Promise<void>(r => world.clock.after(3_000, r))
      return `echo: ${text}`
    },
  }
  world = createWorld({ responder })
  await world.start()
  await world.settle(5_000)
  for (let n = 0; n < users; n++) await world.mesh.user(`user${n}`).says('hi')
  await until(world, () => world.account.status().runningDispatches === users, 60_000).catch(() => 0)
  await world.stop()
  await world.settle(5_000)
  await world.start()
  const all = () => Array.from({ length: users }, (_, n) => world.answers(`user${n}`).length).every(n => n === 1)
  const ms = await until(world, all, 3_600_000)
  expect(ms).toBeLessThan(30_000)
  await world.stop()
})

test('a reply that the agent refused to connect for is posted at once when it is back, also after a restart', async () => {
  const world = createWorld({ config: { feed: 'poll' } })
  await world.start()
  await world.settle(5_000)
  const refuse = world.bot.agent.answer(
    () => {
      throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' })
    },
    { when: isPost },
  )
  for (let n = 0; n < 3; n++) await world.mesh.user(`user${n}`).says('hi')
  await world.settle(20_000)
  await world.stop()
  refuse()
  await world.start()
  const ms = await until(world, () => [0, 1, 2].every(n => world.answers(`user${n}`).length === 1), 3_600_000)
  expect(ms).toBeLessThan(30_000)
  await world.stop()
})

test('a runtime that is stopped while it starts does not run afterwards', async () => {
  const world = createWorld()
  const starting = world.start()
  const stopping = world.runtime.stop(0)
  await starting
  await world.settle(10_000)
  await stopping
  await world.mesh.user('alice').says('hi')
  await world.settle(60_000)
  expect(world.answers('alice')).toEqual([])
})

test('dead letters are still counted in the status after a restart', async () => {
  const world = createWorld({
    responder: {
      respond: async () => {
        throw new Error('away')
      },
    },
  })
  await world.start()
  await world.mesh.user('alice').says('hi')
  await world.settle(60_000)
  expect(world.account.status().counters.deadLetters).toBe(1)
  await world.stop()
  await world.start()
  expect(world.account.deadLetters()).toHaveLength(1)
  expect(world.account.status().counters.deadLetters).toBe(1)
  await world.stop()
})
