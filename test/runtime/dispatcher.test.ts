import { expect, test } from 'vitest'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import { createDispatcher } from '../../src/runtime/dispatcher.ts'
import { settingsOf } from '../plugin/stand-ins.ts'

test('everybody who has adopted a message hears that it is recorded: a chart that was put back may have asked twice', async () => {
  const heard: number[] = []
  let asked = 0
  const dispatcher = createDispatcher({
    settings: settingsOf(),
    responder: {
      async respond(_, turn) {
        const number = ++asked
        await turn.adopted()
        heard.push(number)
        return null
      },
    },
    clock: createVirtualClock(0),
    senders: { waitMs: () => 0, spend: () => {} },
    message: (_, id) => ({ id, sender: 'alice', timeMs: 0, text: 'hi', files: [] }),
    alternations: () => 0,
    history: () => [],
    groupNames: { of: async () => null },
    tell: () => {},
    onStart: () => {},
  })
  for (let n = 0; n < 2; n++) dispatcher.submit({ chat: 'peer:alice', id: 'm1', attempt: 1, urgent: false })
  dispatcher.adopted('m1')
  await new Promise(resolve => setImmediate(resolve))
  expect(heard).toEqual([1, 2])
})

test('who adopts a message whose adoption is recorded already hears so at once, and gives its place to others', async () => {
  const told: string[] = []
  const asked: string[] = []
  const message = (id: string) => ({ id, sender: 'alice', timeMs: 0, text: 'hi', files: [] })
  const kept = new Map([
    ['m1', message('m1')],
    ['m2', message('m2')],
  ])
  const adopt = Promise.withResolvers<void>()
  let isHeard = false
  const dispatcher = createDispatcher({
    settings: settingsOf({ limits: { dispatches: 1 } }),
    responder: {
      async respond({ messageId }, turn) {
        asked.push(messageId)
        await adopt.promise
        await turn.adopted()
        isHeard = true
        return new Promise(() => {})
      },
    },
    clock: createVirtualClock(0),
    senders: { waitMs: () => 0, spend: () => {} },
    message: (_, id) => kept.get(id),
    alternations: () => 0,
    history: () => [],
    groupNames: { of: async () => null },
    tell: (_, { type }) => told.push(type),
    onStart: () => {},
  })
  dispatcher.submit({ chat: 'peer:alice', id: 'm1', attempt: 1, urgent: false })
  dispatcher.submit({ chat: 'peer:bob', id: 'm2', attempt: 1, urgent: false })
  expect(asked).toEqual(['m1'])
  // By the record of an earlier asking.
  kept.delete('m1')
  adopt.resolve()
  await new Promise(resolve => setImmediate(resolve))
  expect([isHeard, asked]).toEqual([true, ['m1', 'm2']])
  // The second one's, which nobody has recorded.
  expect(told).toEqual(['dispatch.adopted'])
})

test.each([
  ['is given up', 1_000],
  ['is overtaken by a stop', 500],
])('whoever %s before it is known what the group is called is not asked', async (_, namedMs) => {
  const asked: string[] = []
  const naming = Promise.withResolvers<string | null>()
  const clock = createVirtualClock(0)
  const dispatcher = createDispatcher({
    settings: settingsOf(),
    responder: {
      async respond({ messageId }) {
        asked.push(messageId)
        return null
      },
    },
    clock,
    senders: { waitMs: () => 0, spend: () => {} },
    message: (_, id) => ({ id, sender: 'alice', timeMs: 0, text: 'hi', files: [] }),
    alternations: () => 0,
    history: () => [],
    groupNames: { of: () => naming.promise },
    tell: () => {},
    onStart: () => {},
  })
  dispatcher.submit({ chat: 'group:alice/team', id: 'm1', attempt: 1, urgent: false })
  const drained = dispatcher.drain(1_000)
  await clock.advance(namedMs)
  naming.resolve('Team')
  await clock.advance(1_000 - namedMs)
  await drained
  await new Promise(resolve => setImmediate(resolve))
  expect([asked, dispatcher.running()]).toEqual([[], 0])
})
