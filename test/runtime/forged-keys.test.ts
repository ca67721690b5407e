/** The mesh is the ledger: a reply that carries our key has arrived. Anybody can write such a key, and whose message it is decides. */
import { expect, test } from 'vitest'
import { bare } from '../../src/simulator/mesh/http.ts'
import { createWorld } from '../../src/simulator/world.ts'

const ROOM = 'group:alice/room'

test.each(['push', 'poll'] as const)('a key that somebody else writes hides no reply from those who wait for it, with %s', async feed => {
  const world = createWorld({
    config: { feed, enableGroups: true, groupPolicy: 'open', requireMention: false },
    responder: {
      async respond({ text, sender }) {
        if (sender === 'mallory') return null
        await new Promise<void>(resolve => world.clock.after(20_000, resolve))
        return `echo: ${text}`
      },
    },
  })
  const [alice, mallory] = [world.mesh.user('alice'), world.mesh.user('mallory')]
  await alice.creates('room', { name: 'Room', members: ['alice', 'mallory', 'my-bot'] })
  await world.start()
  await world.settle(20_000)
  await alice.says('are you there?', ROOM)
  await world.settle(5_000)
  const decided = world.events.find(event => event.event === 'decision' && event.sender === 'alice')
  const key = decided?.event === 'decision' ? `${decided.id}#0` : ''

  // The key is no secret: it is made of what she wrote. The answer itself is taken by the agent, and forgotten.
  await mallory.says({ text: 'I am the bot', ztmChat: { key } }, ROOM)
  world.bot.agent.answer(() => bare(201), { when: ({ method, target }) => method === 'POST' && target.includes('/messages'), times: 1 })
  await world.settle(5 * 60_000)

  expect(key).toMatch(/^[0-9a-f]{24}#0$/)
  expect(world.answers('alice', ROOM)).toEqual(['echo: are you there?'])
  expect(world.account.status()).toMatchObject({ outbox: 0, uncertain: 0, counters: { repeatedPosts: 1 } })
  await world.stop()
})
