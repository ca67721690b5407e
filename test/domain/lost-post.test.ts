import { describe, expect, test } from 'vitest'
import { type Absence, isLost, type PostState } from '../../src/domain/lost-post.ts'

const limits = { lostPostMs: 60_000, lostUnansweredPostMs: 15_000, uncertainRepostMs: 900_000 }
const ANSWERED_MS = 1_000_000
const post: PostState = { answeredAtMs: ANSWERED_MS, accepted: true }
const absent = (ageMs: number, more: Partial<Absence> = {}): Absence => ({
  nowMs: ANSWERED_MS + ageMs,
  laterConfirmed: false,
  otherUnconfirmed: 3,
  ...more,
})

describe('a post that is absent from our own files is taken for lost', () => {
  test.each([
    ['not on its absence alone', post, absent(899_999), false],
    ['after a quarter of an hour', post, absent(900_000), true],
    ['when a later one is confirmed', post, absent(1, { laterConfirmed: true }), true],
    ['when it is the only one, after a minute', post, absent(60_000, { otherUnconfirmed: 0 }), true],
    ['when it is the only one, not before', post, absent(59_999, { otherUnconfirmed: 0 }), false],
    ['a minute after the agent forgot its queue', post, absent(70_000, { queueLostAtMs: ANSWERED_MS + 10_000 }), true],
    ['not sooner: what had been written may come to light', post, absent(69_999, { queueLostAtMs: ANSWERED_MS + 10_000 }), false],
    ['not when it was posted after that', post, absent(500_000, { queueLostAtMs: ANSWERED_MS - 1 }), false],
    ['never while it is under way', { ...post, answeredAtMs: null }, absent(900_000, { laterConfirmed: true }), false],
  ] as const)('%s', (_, state, absence, expected) => {
    expect(isLost(state, absence, limits)).toBe(expected)
  })
})
