import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWorld, echoResponder, REAL } from 'openclaw-ztm-chat/testing'

test('an answer of the agent that gets lost makes no second reply', async () => {
  const world = createWorld()
  await world.start()
  world.bot.agent.answer('lostAnswer', { when: ({ method, target }) => method === 'POST' && target.includes('/messages'), times: 1 })
  await world.mesh.user('alice').says('hello')
  await world.settle(2 * 60_000)
  assert.deepEqual(world.answers('alice'), ['echo: hello'])
})

test('while the agent is away nothing is lost, on a mesh as slow and odd as a real one', async () => {
  // But for one thing: there, a user's chat app may show an answer only with the next one.
  const world = createWorld({ seed: 7, quirks: { ...REAL, rightsArriveLate: false } })
  await world.start()
  await world.settle()
  world.bot.agent.down()
  await world.mesh.user('alice').says('are you there?')
  await world.settle(60 * 60_000)
  assert.equal(world.account.status().state, 'degraded')

  world.bot.agent.up()
  await world.settle(2 * 60_000)
  assert.deepEqual(world.answers('alice'), ['echo: are you there?'])
})

test('a bot that fails is asked again under the same id', async () => {
  const ids: string[] = []
  const world = createWorld({
    responder: {
      async respond(request, turn, signal) {
        ids.push(request.messageId)
        if (request.attempt < 3) throw new Error('The model is overloaded.')
        return echoResponder.respond(request, turn, signal)
      },
    },
  })
  await world.start()
  await world.mesh.user('alice').says('please')
  await world.settle(60_000)
  assert.deepEqual(world.answers('alice'), ['echo: please'])
  assert.equal(ids.length, 3)
  assert.equal(new Set(ids).size, 1)
})
