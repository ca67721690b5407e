import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LIMITS } from '../../src/domain/limits.ts'
import { afterPost, afterTurn, type LoopState, noLoop, onMessage } from '../../src/domain/loop-guard.ts'

const { loopAlternations, loopAnswerMs, loopHoldMs } = LIMITS

/** `m` = a message of bob, `M` = of carol, `a` = our answer to bob, `A` = to carol, `t` = bob's turn, `p` = our post; each 1 s after the one before; a number waits that many ms. */
type Step = 'm' | 'M' | 'a' | 'A' | 't' | 'p' | number

/** What the guard said about each message: `-` let through, `x` ignored. */
function play(steps: readonly Step[]): string {
  let state: LoopState = noLoop
  let atMs = 1_000_000
  let verdicts = ''
  for (const step of steps) {
    if (typeof step === 'number') {
      atMs += step
      continue
    }
    atMs += 1_000
    const sender = step === step.toLowerCase() ? 'bob' : 'carol'
    if (step === 't' || step === 'a' || step === 'A') state = afterTurn(state, sender)
    if (step === 'p' || step === 'a' || step === 'A') state = afterPost(state, atMs)
    if (step === 'm' || step === 'M') {
      const found = onMessage(state, { sender, atMs, limits: LIMITS })
      state = found.state
      verdicts += found.looping ? 'x' : '-'
    }
    expect(JSON.parse(JSON.stringify(state))).toEqual(state)
  }
  return verdicts
}

const times = (count: number, ...steps: Step[]): Step[] => Array.from({ length: count }, () => steps).flat()
/** The first message alternates with nothing; this many rounds leave the guard just not tripped. */
const nearly: Step[] = ['m', ...times(loopAlternations - 1, 'a', 'm')]
const tripped: Step[] = [...nearly, 'a', 'm']
const let_ = '-'.repeat(loopAlternations)

describe('the loop guard', () => {
  test.each<readonly [string, readonly Step[], string]>([
    ['lets 20 alternations through, the last one included', tripped, `${let_}-`],
    ['ignores what comes in the minute after them', [...tripped, 'a', 'm', 'm', 'a', 'm'], `${let_}-xxx`],
    ['listens again when the minute is over', [...tripped, loopHoldMs - 1_000, 'm', 'a', 'm'], `${let_}---`],
    ['ignores until the last moment of the minute', [...tripped, loopHoldMs - 1_001, 'm'], `${let_}-x`],
    ['counts from the beginning after the minute', [...tripped, loopHoldMs, ...tripped, 'm'], `${let_}-${let_}-x`],
    ['holds one sender and hears the others', [...tripped, 'M', 'A', 'm', 'M', 'm'], `${let_}--x-x`],
    ['does not trip on one round less', [...nearly, 'a', loopAnswerMs, 'm', 'm'], `${let_}--`],
    [
      'counts an answer that came just in time',
      ['m', ...times(loopAlternations, 'a' as const, loopAnswerMs - 1_000, 'm' as const), 'm'],
      `${let_}-x`,
    ],
    [
      'starts anew after a message that took its time',
      [...nearly, 'a', loopAnswerMs - 999, 'm', ...times(loopAlternations, 'a', 'm'), 'm'],
      `${let_}-${let_}x`,
    ],
    [
      'starts anew after two messages without an answer between them',
      [...nearly, 'm', ...times(loopAlternations - 1, 'a', 'm'), 'a', 'm', 'm'],
      `${let_}-${let_}x`,
    ],
    ['starts anew after a message of somebody else', [...nearly, 'M', ...nearly, 'm'], `${let_}-${let_}-`],
    ['starts anew after an answer to somebody else', [...nearly, 'A', ...nearly, 'm'], `${let_}${let_}-`],
    ['counts no round of one sender for another', [...nearly, 'A', 'M', 'A', 'M', 'A', 'M'], `${let_}---`],
    ['does not mind many messages at once', times(100, 'm'), '-'.repeat(100)],
    ['does not mind bursts that are answered one by one', times(50, 'm', 'm', 'm', 'a', 'a', 'a'), '-'.repeat(150)],
    ['does not mind answers that nobody follows', [...times(50, 'a'), 'm'], '-'],
    ['does not mind a person who reads before writing', times(100, 'm', 'a', 6_000), '-'.repeat(100)],
    ['counts several parts of one answer once', ['m', ...times(loopAlternations, 'a', 'a', 'm'), 'm'], `${let_}-x`],
    [
      'counts from the post of the answer, however long the turn before it took',
      ['m', ...times(loopAlternations, 't' as const, 60_000, 'p' as const, 'm' as const), 'm'],
      `${let_}-x`,
    ],
    ['does not mind who waits long after the post, however soon after the turn', times(50, 'm', 't', 'p', loopAnswerMs), '-'.repeat(50)],
    ['does not mind messages that come before the post', times(50, 'm', 't', 'm', 'p', loopAnswerMs), '-'.repeat(100)],
    ['does not mind turns after which nothing is posted', times(50, 'm', 't'), '-'.repeat(50)],
    ['does not mind posts that answer nobody', times(50, 'p', 'm'), '-'.repeat(50)],
  ])('%s', (_, steps, verdicts) => {
    expect(play(steps)).toBe(verdicts)
  })

  test('holds nobody for longer because the clock was set back', () => {
    const held: LoopState = { ...noLoop, sender: 'bob', heldUntilMs: 10_000_000 }
    expect(onMessage(held, { sender: 'bob', atMs: 10_000_000 - loopHoldMs, limits: LIMITS }).looping).toBe(true)
    expect(onMessage(held, { sender: 'bob', atMs: 10_000_000 - loopHoldMs - 1, limits: LIMITS }).looping).toBe(false)
  })

  /** How long our turn takes, and how long after the post the other writes. */
  const round = (waitMs: fc.Arbitrary<number>) => fc.record({ turnMs: fc.nat(600_000), waitMs })
  const quick = round(fc.nat(loopAnswerMs))
  const verdictsOf = (rounds: readonly { turnMs: number; waitMs: number }[]): readonly boolean[] => {
    let state = onMessage(noLoop, { sender: 'bob', atMs: 0, limits: LIMITS }).state
    let atMs = 0
    return rounds.map(({ turnMs, waitMs }) => {
      const postedAtMs = atMs + turnMs
      state = afterPost(afterTurn(state, 'bob'), postedAtMs)
      atMs = postedAtMs + waitMs
      const found = onMessage(state, { sender: 'bob', atMs, limits: LIMITS })
      state = found.state
      return found.looping
    })
  }

  test('catches whoever writes within 5 s of each of 20 posts, and at once writes again', () => {
    fc.assert(
      fc.property(
        fc.array(quick, { minLength: loopAlternations, maxLength: loopAlternations }),
        fc.nat(loopHoldMs - 1),
        (rounds, afterMs) => {
          const verdicts = verdictsOf([...rounds, { turnMs: 0, waitMs: afterMs }])
          expect(verdicts).toEqual([...rounds.map(() => false), true])
        },
      ),
    )
  })

  test('catches nobody who takes longer than 5 s once in 20 posts', () => {
    const slow = round(fc.integer({ min: loopAnswerMs + 1, max: 600_000 }))
    const stretch = fc.tuple(fc.array(quick, { maxLength: loopAlternations - 1 }), slow).map(([rounds, last]) => [...rounds, last])
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 20 }), stretches => {
        expect(verdictsOf(stretches.flat())).not.toContain(true)
      }),
    )
  })
})
