import { expect, test } from 'vitest'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'

test('timers run in order of their time, and of their setting when they share one; cancelled ones do not', async () => {
  const clock = createVirtualClock(0)
  const ran: string[] = []
  const set = (name: string, ms: number) => clock.after(ms, () => ran.push(`${name} at ${clock.monotonic()}`))
  set('late', 30)
  const cancel = set('cancelled', 20)
  set('first', 10)
  set('second', 10)
  cancel()

  expect(clock.pending()).toBe(3)
  expect(clock.nextInMs()).toBe(10)
  await clock.advance(25)

  expect(ran).toEqual(['first at 10', 'second at 10'])
  expect(clock.pending()).toBe(1)
  expect(clock.nextInMs()).toBe(5)
})

test('everything that promises can do by themselves is done before the next timer runs', async () => {
  const clock = createVirtualClock(0)
  let steps = 0
  clock.after(1, () => {
    void (async () => {
      for (let step = 0; step < 100; step++) {
        await Promise.resolve()
        steps += 1
      }
    })()
  })
  let seen = -1
  clock.after(2, () => {
    seen = steps
  })

  await clock.advance(2)

  expect(seen).toBe(100)
})
