/** Replies that wait to be seen on the mesh. */
import { expect, test } from 'vitest'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { createPosted } from '../../../src/cluster/feeder/posted.ts'

const START_MS = Date.UTC(2026, 10, 24)
const HOUR_MS = 3_600_000
const CHATS_MAX = 10_000

const open = () => {
  const clock = createVirtualClock(START_MS)
  return { clock, posted: createPosted(clock) }
}

test('what was posted waits until it is seen, and others wait beside it', () => {
  const { posted } = open()
  expect(posted.isEmpty()).toBe(true)

  posted.add('peer:alice', 'k1', false)
  posted.add('peer:alice', 'k2', true)
  posted.add('peer:bob', 'k3', false)

  expect(posted.among('peer:alice', ['k1', 'k2', 'k3', 'k4'])).toEqual(['k1', 'k2'])
  expect([posted.isAwaited('k1'), posted.isAwaited('k2')]).toEqual([false, true])
  expect([posted.othersWaiting('k1'), posted.othersWaiting('unknown')]).toEqual([2, 3])
  expect([posted.awaits('peer:alice'), posted.awaits('peer:carol')]).toEqual([true, false])
  posted.seen('peer:alice', ['k1', 'k2'])
  expect([posted.awaits('peer:alice'), posted.isAwaited('k2'), posted.isEmpty()]).toEqual([false, false, false])
  posted.forget('peer:bob', 'k3')
  expect(posted.isEmpty()).toBe(true)
})

test('the newest of those that were seen tells what must be on the mesh by now; what was not posted tells nothing', () => {
  const { clock, posted } = open()
  posted.add('peer:alice', 'k1', false)
  clock.jump(5_000)
  posted.add('peer:bob', 'k2', false)
  clock.jump(5_000)
  posted.add('peer:bob', 'k3', false)
  expect(posted.seenUntilMs()).toBe(0)

  posted.forget('peer:bob', 'k3')
  expect(posted.seenUntilMs()).toBe(0)
  posted.seen('peer:bob', ['k2', 'never posted here'])
  expect(posted.seenUntilMs()).toBe(START_MS + 5_000)
  posted.seen('peer:alice', ['k1'])
  expect(posted.seenUntilMs()).toBe(START_MS + 5_000)
})

test('the chat is read from an hour before the oldest that waits, for a clock that was off; from nowhere when none does', () => {
  const { clock, posted } = open()
  expect(posted.sinceMs('peer:alice')).toBe(Number.POSITIVE_INFINITY)

  posted.add('peer:alice', 'k1', false)
  clock.jump(60_000)
  posted.add('peer:alice', 'k2', false)

  expect(posted.sinceMs('peer:alice')).toBe(START_MS - HOUR_MS)
  posted.seen('peer:alice', ['k1'])
  expect(posted.sinceMs('peer:alice')).toBe(START_MS + 60_000 - HOUR_MS)
})

test('beyond 10,000 chats the one in which nothing was posted for longest is forgotten, with all of its replies', () => {
  const { posted } = open()
  posted.add('peer:u0', 'first', false)
  posted.add('peer:u1', 'k1', true)
  posted.add('peer:u1', 'k1 part 2', true)
  for (let n = 2; n < CHATS_MAX; n++) posted.add(`peer:u${n}`, `k${n}`, false)
  posted.add('peer:u0', 'second', false)
  expect(posted.awaits('peer:u1')).toBe(true)

  posted.add('peer:one more', 'k', false)

  expect(posted.awaits('peer:u1')).toBe(false)
  expect([posted.isAwaited('k1'), posted.isAwaited('k1 part 2')]).toEqual([false, false])
  expect(posted.among('peer:u0', ['first', 'second'])).toEqual(['first', 'second'])
  expect(posted.othersWaiting('k')).toBe(CHATS_MAX)
})
