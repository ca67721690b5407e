import { expect, test } from 'vitest'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { createTries } from '../../../src/cluster/feeder/tries.ts'

const MINUTE_MS = 60_000

function scene() {
  const clock = createVirtualClock(Date.UTC(2026, 10, 28))
  const tries = createTries<string>(clock)
  let made = 0
  const once = (id: string, { isAgain = false, agoMs = 0 } = {}) =>
    tries.once({ id, isAgain, begunAtMs: clock.now() - agoMs }, async () => `made ${++made}`)
  return { clock, once, made: () => made }
}

test('a try that comes again has the outcome that it had, and is not made again', async () => {
  const { once, made } = scene()

  expect([await once('a'), await once('a', { isAgain: true }), await once('b')]).toEqual(['made 1', 'made 1', 'made 2'])
  expect(made()).toBe(2)
})

test('one that is told again, and never came here, is made now, unless it is so old that nobody could tell', async () => {
  const { once } = scene()

  expect(await once('a', { isAgain: true, agoMs: 9 * MINUTE_MS })).toBe('made 1')
  expect(once('b', { isAgain: true, agoMs: 11 * MINUTE_MS })).toBeNull()
})

test('a try is remembered for longer than anybody may come again about it, and then forgotten', async () => {
  const { clock, once, made } = scene()
  await once('a')
  await clock.advance(19 * MINUTE_MS)
  await once('b')
  expect(await once('a', { isAgain: true })).toBe('made 1')
  await clock.advance(2 * MINUTE_MS)
  await once('c')

  expect(once('a', { isAgain: true, agoMs: 21 * MINUTE_MS })).toBeNull()
  expect(made()).toBe(3)
})
