import { expect, test } from 'vitest'
import { createWorld, type World } from '../../src/simulator/world.ts'

const lines = (world: World) => [...world.account.chats()].map(({ lastAtMs, ...line }) => line).sort((a, b) => (a.chat < b.chat ? -1 : 1))

test('each chat has one line: what was decided last, and what waits, is held, is to be sent, or was given up', async () => {
  const world = createWorld({
    config: { dmPolicy: 'pairing', allowFrom: ['alice', 'bob', 'dora'], limits: { dispatchAttempts: 1 } },
    responder: {
      respond: async ({ text }) => {
        if (text === 'fail') throw new Error('it fails')
        return text === 'wait' ? new Promise(() => {}) : `echo: ${text}`
      },
    },
  })
  await world.start()
  await world.settle()
  for (const [user, ...texts] of [
    ['alice', 'wait', 'and wait'],
    ['bob', 'fail'],
    ['carol', 'let me in'],
    ['dora', 'hello'],
  ]) {
    for (const text of texts) await world.mesh.user(user!).says(text)
    await world.settle()
  }
  world.bot.agent.down()
  await world.settle()
  await world.account.send({ chat: 'peer:dora', text: 'while the agent is away', key: 'cli/x' })

  const none = { waiting: 0, held: 0, toSend: 0, deadLetters: 0 }
  const whitelisted = (sender: string) => ({ sender, action: 'process', reason: 'whitelisted' })
  const expected = [
    { ...none, chat: 'peer:alice', last: whitelisted('alice'), waiting: 2 },
    { ...none, chat: 'peer:bob', last: whitelisted('bob'), deadLetters: 1 },
    { ...none, chat: 'peer:carol', last: { sender: 'carol', action: 'pairing', reason: 'pending' }, held: 1 },
    { ...none, chat: 'peer:dora', last: whitelisted('dora'), toSend: 1 },
  ]
  expect(lines(world)).toEqual(expected)
  await world.crash()
  await world.start()
  expect(lines(world)).toEqual(expected)
  expect([...world.account.chats()].every(({ lastAtMs }) => (lastAtMs ?? 0) > Date.UTC(2026, 10, 24))).toBe(true)
  await world.stop()
})
