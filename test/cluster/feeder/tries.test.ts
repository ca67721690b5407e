/** A try to post that is asked about again, by a service whose predecessor died. */
import { expect, test } from 'vitest'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { createTries } from '../../../src/cluster/feeder/tries.ts'

const START_MS = Date.UTC(2026, 10, 24)
const MINUTE_MS = 60_000

function open() {
  const clock = createVirtualClock(START_MS)
  const tries = createTries<string>(clock)
  let made = 0
  const make = async () => {
    made += 1
    return `outcome ${made}`
  }
  const ask = (id: string, { isAgain = false, begunAtMs = clock.now() } = {}) => tries.once({ id, begunAtMs, isAgain }, make)
  return { clock, ask, made: () => made }
}

test('a try is made once, and whoever asks about it again gets the same outcome, also while it is under way', async () => {
  const { ask, made } = open()

  expect(await Promise.all([ask('one'), ask('one', { isAgain: true }), ask('two')])).toEqual(['outcome 1', 'outcome 1', 'outcome 2'])
  expect(await ask('one', { isAgain: true })).toBe('outcome 1')
  expect(made()).toBe(2)
})

test('one that never came is made, as long as it would be known if it had come; an older one nobody can tell', async () => {
  const { clock, ask, made } = open()
  const begunAtMs = clock.now()
  await clock.advance(10 * MINUTE_MS)

  expect(await ask('lost', { isAgain: true, begunAtMs })).toBe('outcome 1')
  await clock.advance(1)
  expect(ask('older', { isAgain: true, begunAtMs })).toBeNull()
  expect(made()).toBe(1)
})

test('each is known for 20 minutes', async () => {
  const { clock, ask, made } = open()
  await ask('one')
  await clock.advance(20 * MINUTE_MS - 1)
  await ask('two')
  expect(await ask('one')).toBe('outcome 1')

  await clock.advance(1)
  await ask('three')
  expect(ask('one', { isAgain: true, begunAtMs: START_MS })).toBeNull()
  expect(made()).toBe(3)
})
