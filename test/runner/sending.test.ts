import { expect, test } from 'vitest'
import { KeyTaken } from '../../src/domain/errors.ts'
import { controlOf } from '../../src/runner/control/service.ts'
import { createWorld } from '../../src/simulator/world.ts'

async function runner() {
  const world = createWorld()
  await world.start()
  await world.settle()
  // The mesh keeps nothing for people that it does not know.
  world.mesh.user('alice')
  const control = controlOf(world.runtime, 'default')
  const send = (text: string, key: string, chat: `peer:${string}` = 'peer:alice') =>
    control({ do: 'send', account: null, chat, text, key, files: [] })
  return { world, send }
}

const refused = (key: string) =>
  new KeyTaken(`The key "${key}" is that of another message to peer:alice, so this one was not sent; give it a key of its own, or none.`)

test('one key is one message: repeated it is not sent twice, and another text under it is refused', async () => {
  const { world, send } = await runner()

  expect(await send('good morning', 'day')).toMatchObject({ repeated: false })
  expect(await send('good morning', 'day')).toMatchObject({ repeated: true })
  await expect(send('good night', 'day')).rejects.toThrow(refused('day'))
  await world.settle(60_000)
  expect(await send('good morning', 'day')).toMatchObject({ repeated: true })
  await expect(send('good night', 'day')).rejects.toThrow(refused('day'))
  await world.settle(60_000)

  expect(world.answers('alice')).toEqual(['good morning'])
})

test('of two different messages under one key at once the first is sent', async () => {
  const { world, send } = await runner()

  const [first, second] = await Promise.allSettled([send('one', 'k'), send('two', 'k')])
  await world.settle(60_000)

  expect(first).toMatchObject({ status: 'fulfilled', value: { repeated: false } })
  expect(second).toMatchObject({ status: 'rejected', reason: refused('k') })
  expect(world.answers('alice')).toEqual(['one'])
})

test('keys that look like parts of each other are different keys, and so is one key to somebody else', async () => {
  const { world, send } = await runner()
  world.mesh.user('bob')

  for (const key of ['k', 'a/k', 'k#0', 'k/0123456789abcdef/k']) expect(await send(`under ${key}`, key)).toMatchObject({ repeated: false })
  expect(await send('for bob', 'k', 'peer:bob')).toMatchObject({ repeated: false })
  await world.settle(60_000)

  expect(world.answers('alice')).toHaveLength(4)
  expect(world.answers('bob')).toEqual(['for bob'])
})
