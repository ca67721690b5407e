import { expect, test } from 'vitest'
import { createWorld } from '../../src/simulator/world.ts'

test('an account whose state cannot be opened says why, troubles no other one, and starts when it can be', async () => {
  const world = createWorld({ config: { accounts: { one: { username: 'my-bot' }, two: { username: 'other-bot' } } } })
  world.mesh.user('other-bot')
  world.disk('two').readOnly()
  await world.start()
  await world.mesh.user('alice').says('hi')
  await world.settle(60_000)
  expect(world.answers('alice')).toEqual(['echo: hi'])
  expect(world.runtime.accounts().map(({ id }) => id)).toEqual(['one'])
  expect(world.runtime.unopened()).toMatchObject([
    { account: 'two', state: 'blocked', reason: expect.stringContaining('make it writable') },
  ])

  world.disk('two').readOnly(false)
  await world.settle(10 * 60_000)

  expect(world.runtime.unopened()).toEqual([])
  expect(world.runtime.account('two')?.status().state).toBe('live')
  await world.stop()
})
