import { describe, expect, test } from 'vitest'
import { isFinalAnswer, messageOfAnswer } from '../../src/plugin/leftovers.ts'

describe('an answer that does not say what it answers', () => {
  const unasked = () => {
    throw new Error('The session need not be looked at.')
  }

  test('belongs to the turn that had waited behind another, and runs', () => {
    expect(messageOfAnswer(['m1', 'm2', 'm3'], { isQueuedRun: id => id === 'm2', isFinal: unasked })).toBe('m2')
  })

  test('belongs to the newest turn when it is its final answer', () => {
    expect(messageOfAnswer(['m1', 'm2'], { isQueuedRun: () => false, isFinal: () => true })).toBe('m2')
  })

  test('belongs to nothing when it is something else, such as what the gateway says of itself', () => {
    expect(messageOfAnswer(['m1'], { isQueuedRun: () => false, isFinal: () => false })).toBeNull()
  })

  test('belongs to nothing when nothing is in custody', () => {
    expect(messageOfAnswer([], { isQueuedRun: () => false, isFinal: unasked })).toBeNull()
  })
})

test.each([
  ['the delivery that the session owes', 'q1', true],
  ['another one', 'q2', false],
])('the final answer of a session is %s', (_, delivery, isFinal) => {
  const session = {
    getSessionEntry: () => ({ pendingFinalDelivery: { createdAt: 1, deliveries: [{ id: 'q1', state: 'prepared' }] } }),
    patchSessionEntry: async () => null,
  }
  expect(isFinalAnswer(session, { agentId: 'main', sessionKey: 'agent:main:direct:alice' }, delivery)).toBe(isFinal)
})
