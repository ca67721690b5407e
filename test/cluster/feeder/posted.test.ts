import { expect, test } from 'vitest'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { createPosted } from '../../../src/cluster/feeder/posted.ts'

const HOUR_MS = 3_600_000

test('what was posted waits until it is seen, and tells how far back the chat is to be read', async () => {
  const clock = createVirtualClock(Date.UTC(2026, 10, 28))
  const posted = createPosted(clock)
  const beganAtMs = clock.now()
  posted.add('peer:alice', 'm1#0', true)
  await clock.advance(1_000)
  posted.add('peer:bob', 'm2#0', false)

  expect(posted.among('peer:alice', ['m1#0', 'm2#0'])).toEqual(['m1#0'])
  expect([posted.isAwaited('m1#0'), posted.isAwaited('m2#0')]).toEqual([true, false])
  expect(posted.sinceMs('peer:alice')).toBe(beganAtMs - HOUR_MS)
  expect(posted.sinceMs('peer:carol')).toBe(Number.POSITIVE_INFINITY)
  expect([posted.othersWaiting('m1#0'), posted.othersWaiting('other')]).toEqual([1, 2])
  posted.seen('peer:bob', ['m2#0'])
  expect([posted.seenUntilMs(), posted.awaits('peer:bob'), posted.isEmpty()]).toEqual([beganAtMs + 1_000, false, false])
  posted.forget('peer:alice', 'm1#0')
  expect([posted.seenUntilMs(), posted.isEmpty(), posted.isAwaited('m1#0')]).toEqual([beganAtMs + 1_000, true, false])
})

test('posts that never show are forgotten at last, the oldest first', () => {
  const posted = createPosted(createVirtualClock(0))
  for (let chat = 0; chat <= 10_000; chat++) posted.add(`peer:${chat}`, `${chat}#0`, true)

  expect([posted.awaits('peer:0'), posted.isAwaited('0#0'), posted.awaits('peer:1'), posted.awaits('peer:10000')]).toEqual([
    false,
    false,
    true,
    true,
  ])
})
