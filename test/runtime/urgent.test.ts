import { expect, test } from 'vitest'
import { ResponderRefused } from '../../src/domain/errors.ts'
import type { Responder } from '../../src/ports/responder.ts'
import { createWorld } from '../../src/simulator/world.ts'

/** Answers nothing until somebody says stop, as an assistant in the middle of a long task. */
function busyUntilStopped(): Responder {
  const { promise: stopped, resolve } = Promise.withResolvers<void>()
  return {
    isUrgent: text => text === '/stop',
    async respond({ text }) {
      if (text === '/stop') {
        resolve()
        return 'stopping'
      }
      await stopped
      return `${text}: stopped`
    },
  }
}

test('a command about the turn does not wait behind it, and what was written meanwhile is answered in order', async () => {
  const world = createWorld({ responder: busyUntilStopped() })
  await world.start()
  const alice = world.mesh.user('alice')

  for (const text of ['long task', 'and then this']) {
    await alice.says(text)
    await world.settle()
  }
  expect(world.answers('alice')).toEqual([])
  await alice.says('/stop')
  await world.settle(30_000)

  expect(world.answers('alice')).toEqual(['stopping', 'long task: stopped', 'and then this: stopped'])
  await world.stop()
})

test('a command about the turn waits for no slot', async () => {
  const world = createWorld({ responder: busyUntilStopped(), config: { limits: { dispatches: 1 } } })
  await world.start()
  await world.mesh.user('bob').says('long task')
  await world.settle()
  await world.mesh.user('alice').says('waits for bob')
  await world.settle()

  await world.mesh.user('alice').says('/stop')
  await world.settle(30_000)

  expect(world.answers('alice')).toEqual(['stopping', 'waits for bob: stopped'])
  expect(world.answers('bob')).toEqual(['long task: stopped'])
  await world.stop()
})

test('a message that the responder refuses is asked once, and kept with the reason', async () => {
  let asked = 0
  const world = createWorld({
    responder: {
      async respond() {
        asked += 1
        throw new ResponderRefused('host_denied: not here')
      },
    },
  })
  await world.start()

  await world.mesh.user('alice').says('hello')
  await world.settle(120_000)

  expect(asked).toBe(1)
  expect(world.account.deadLetters()).toMatchObject([{ kind: 'message', reason: 'host_denied: not here' }])
  await world.stop()
})

test('a command about the turn shows among what is busy', async () => {
  const world = createWorld({ responder: { isUrgent: () => true, respond: () => new Promise(() => {}) } })
  await world.start()
  await world.mesh.user('alice').says('/stop')
  await world.settle()

  expect(world.account.inspection.busy()).toContain('chat:peer:alice')
  await world.stop()
})
