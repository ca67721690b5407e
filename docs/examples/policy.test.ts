import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWorld } from 'openclaw-ztm-chat/testing'

test('a stranger gets a code, and is answered once the code is approved', async () => {
  const world = createWorld({ config: { dmPolicy: 'pairing' } })
  await world.start()
  await world.mesh.user('mallory').says('let me in')
  await world.settle()
  const [request] = world.account.pairings()
  assert.match(world.answers('mallory')[0] ?? '', new RegExp(request?.code ?? 'no code'))

  await world.account.approve(request?.code ?? '')
  await world.settle()
  assert.equal(world.answers('mallory').at(-1), 'echo: let me in') // without a responder, the world's bot is an echo
})

test('in a group the bot answers when it is mentioned, and only those of the group', async () => {
  const world = createWorld({ config: { enableGroups: true, groupPolicy: 'open' } })
  await world.start()
  const alice = world.mesh.user('alice')
  await alice.creates('team', { members: ['alice', 'bob', 'my-bot'] })
  await world.settle()
  await alice.says('nobody in particular', 'group:alice/team')
  await alice.says('@my-bot are you there?', 'group:alice/team')
  await world.settle()
  assert.deepEqual(world.answers('alice', 'group:alice/team'), ['echo: are you there?'])

  const decisions = world.events.filter(event => event.event === 'decision')
  assert.deepEqual(
    decisions.map(({ reason }) => reason),
    ['mention_required', 'creator'],
  )
})
