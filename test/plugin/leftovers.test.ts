import { describe, expect, test } from 'vitest'
import { isFinalAnswer, messageOfAnswer } from '../../src/plugin/leftovers.ts'

describe('an answer that does not say what it answers', () => {
  const unasked = () => {
    throw new Error('The session need not be looked at.')
  }

  const transcript = async () => ({ has: (id: string) => id !== 'm3' })
  const notLookedAt = async () => unasked()

  test('belongs to the turn that had waited behind another, and runs', async () => {
    const looks = { isQueuedRun: (id: string) => id === 'm2', isFinal: unasked, transcript: notLookedAt }
    expect(await messageOfAnswer(['m1', 'm2', 'm3'], looks)).toBe('m2')
  })

  test('belongs to the newest that has come to the assistant when it is the final answer', async () => {
    expect(await messageOfAnswer(['m1', 'm2', 'm3'], { isQueuedRun: () => false, isFinal: () => true, transcript })).toBe('m2')
    expect(await messageOfAnswer(['m3'], { isQueuedRun: () => false, isFinal: () => true, transcript })).toBeNull()
  })

  test('belongs to nothing when it is something else, such as what the gateway says of itself', async () => {
    expect(await messageOfAnswer(['m1'], { isQueuedRun: () => false, isFinal: () => false, transcript: notLookedAt })).toBeNull()
  })

  test('belongs to nothing when nothing is in custody', async () => {
    expect(await messageOfAnswer([], { isQueuedRun: () => false, isFinal: unasked, transcript: notLookedAt })).toBeNull()
  })
})

test.each([
  ['the delivery that the session owes', 'q1', true],
  ['another one', 'q2', false],
])('the final answer of a session is %s', (_, delivery, isFinal) => {
  const session = {
    getSessionEntry: () => ({ sessionId: 's1', pendingFinalDelivery: { createdAt: 1, deliveries: [{ id: 'q1', state: 'prepared' }] } }),
    patchSessionEntry: async () => null,
  }
  expect(isFinalAnswer(session, { agentId: 'main', sessionKey: 'agent:main:direct:alice' }, delivery)).toBe(isFinal)
})
