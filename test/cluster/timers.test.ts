import { expect, test } from 'vitest'
import { noTimers, setTimer, type Timer, type Timers, wakeUp } from '../../src/cluster/timers.ts'

const timer = (name: string, atMs: number): Timer => ({ name, atMs, input: null })
const after = (...timers: readonly Timer[]) => timers.reduce<Timers>((all, one) => setTimer(all, one).timers, noTimers)
const namesDue = (timers: Timers, number: number, atMs: number) => wakeUp(timers, { number, atMs })?.due.map(({ name }) => name) ?? null

test('the first timer sends for itself; one that is due later is served by what is on its way', () => {
  const first = setTimer(noTimers, timer('look', 100))
  const second = setTimer(first.timers, timer('post', 200))

  expect([first.send, second.send]).toEqual([{ number: 1, atMs: 100 }, null])
  expect(namesDue(second.timers, 1, 100)).toEqual(['look'])
  expect(wakeUp(second.timers, { number: 1, atMs: 100 })?.send).toEqual({ number: 2, atMs: 200 })
})

test('one that is due sooner is sent for at once, and what was on its way does nothing', () => {
  const timers = after(timer('look', 100), timer('post', 50))

  expect(timers.wake).toEqual({ number: 2, atMs: 50 })
  expect(namesDue(timers, 1, 100)).toBeNull()
  expect(namesDue(timers, 2, 50)).toEqual(['post'])
  expect(wakeUp(timers, { number: 2, atMs: 50 })?.send).toEqual({ number: 3, atMs: 100 })
})

test('a timer that was replaced is due when the newer one is, and only then', () => {
  const timers = after(timer('look', 100), timer('look', 300))
  const woken = wakeUp(timers, { number: 1, atMs: 100 })

  expect(woken).toMatchObject({ due: [], send: { number: 2, atMs: 300 } })
  expect(namesDue(woken!.timers, 2, 300)).toEqual(['look'])
})

test('what has come once does nothing a second time, and leaves nothing behind', () => {
  const woken = wakeUp(after(timer('look', 100)), { number: 1, atMs: 100 })

  expect(woken).toMatchObject({ send: null, timers: { running: [], wake: null } })
  expect(namesDue(woken!.timers, 1, 100)).toBeNull()
  expect(setTimer(woken!.timers, timer('look', 400)).send).toEqual({ number: 2, atMs: 400 })
})
