import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Responder } from 'openclaw-ztm-chat'
import { createWorld } from 'openclaw-ztm-chat/testing'

const greeter: Responder = { respond: async ({ sender, text }) => (text === 'hi' ? `Hello, ${sender}!` : null) }

test('greets whoever says hi, once, whatever happens', async () => {
  const world = createWorld({ responder: greeter })
  await world.start()
  await world.mesh.user('alice').says('hi')
  await world.mesh.user('bob').says('what?')
  await world.settle() // ten seconds of the world's time, in milliseconds of yours
  await world.crash() // a loss of power
  await world.start()
  await world.settle()
  assert.deepEqual(world.answers('alice'), ['Hello, alice!'])
  assert.deepEqual(world.answers('bob'), [])
})
