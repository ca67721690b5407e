import { expect, test } from 'vitest'
import { isRunning, noTimers, setTimer, stopTimer } from '../../src/cluster/timers.ts'

test('a timer that was replaced does nothing, and the one in its place does', () => {
  const first = setTimer(noTimers, 'look')
  const second = setTimer(first.timers, 'look')

  expect(isRunning(first.timers, first.timer)).toBe(true)
  expect([first, second].map(({ timer }) => isRunning(second.timers, timer))).toEqual([false, true])
})

test('a timer that was stopped does nothing, not even when one of its name is set again', () => {
  const first = setTimer(noTimers, 'look')
  const stopped = stopTimer(first.timers, 'look')

  expect(isRunning(stopped, first.timer)).toBe(false)
  expect(isRunning(setTimer(stopped, 'look').timers, first.timer)).toBe(false)
})

test('timers of other names run on', () => {
  const look = setTimer(noTimers, 'look')
  const post = setTimer(look.timers, 'post')

  expect(isRunning(post.timers, look.timer)).toBe(true)
  expect(isRunning(stopTimer(post.timers, 'post'), look.timer)).toBe(true)
})
