import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Cursor,
  type CursorLimits,
  type CursorMessage,
  emptyCursor,
  type Look,
  look,
  lowestFloor,
  remember,
} from '../../src/domain/cursor.ts'

const limits: CursorLimits = { ageFenceMs: 1_000, seenPerSender: 10_000, futurePerSender: 3 }
const NOW = 100_000
const FLOOR = NOW - 300

const at = (timeMs: number, id = `${timeMs}`, sender = 'alice'): CursorMessage => ({ id, sender, timeMs })
const after = (messages: readonly CursorMessage[], nowMs = NOW, given = limits): Cursor => {
  const cursor = emptyCursor(FLOOR)
  for (const message of messages) remember(cursor, { ...message, nowMs }, given)
  return cursor
}
const verdict = (cursor: Cursor, message: CursorMessage, nowMs = NOW, given = limits): Look =>
  look(cursor, message, { nowMs, limits: given })

describe('a message', () => {
  test('above the floor is new once', () => {
    expect(verdict(emptyCursor(FLOOR), at(NOW))).toBe('new')
    expect(verdict(after([at(NOW)]), at(NOW))).toBe('seen')
  })

  test('of the same millisecond is another one', () => {
    expect(verdict(after([at(NOW, 'a')]), at(NOW, 'b'))).toBe('new')
  })

  test('at or below the floor is old, one above is not', () => {
    expect(verdict(emptyCursor(FLOOR), at(FLOOR))).toBe('too_old')
    expect(verdict(emptyCursor(FLOOR), at(FLOOR - 1))).toBe('too_old')
    expect(verdict(emptyCursor(FLOOR), at(FLOOR + 1))).toBe('new')
  })

  test('is new however late it comes, as long as it is within the fence', () => {
    const cursor = after([at(NOW)], NOW + 600)
    expect(verdict(cursor, at(FLOOR + 1), NOW + 600)).toBe('new')
    expect(verdict(cursor, at(FLOOR + 1), FLOOR + 1 + 1_000)).toBe('missed')
  })

  test('of a sender whose clock is ahead moves the floor of that sender alone', () => {
    const cursor = after([at(NOW + 500)], NOW + 300)
    expect(verdict(cursor, at(NOW - 500), NOW + 300)).toBe('too_old')
    expect(verdict(cursor, at(FLOOR + 1, 'x', 'bob'), NOW + 300)).toBe('new')
    const further = remember(cursor, { ...at(NOW + 790), nowMs: NOW + 300 }, limits)
    expect(verdict(further, at(NOW - 210), NOW + 300)).toBe('too_old')
    expect(verdict(further, at(NOW - 209), NOW + 300)).toBe('new')
    expect(verdict(further, at(NOW - 210, 'x', 'bob'), NOW + 300)).toBe('new')
  })

  test('after an outage is judged against the last moment of life, not against today', () => {
    const cursor = after([at(NOW)])
    expect(verdict(cursor, at(NOW + 1), NOW)).toBe('new')
    expect(verdict(cursor, at(NOW + 1), NOW + 5_000)).toBe('missed')
  })

  test('that was never seen and comes too late is missed once, and old from then on', () => {
    const cursor = after([at(NOW)])
    const late = at(NOW + 1)
    expect(verdict(cursor, late, NOW + 5_000)).toBe('missed')
    remember(cursor, { ...late, nowMs: NOW + 5_000 }, limits)
    expect(verdict(cursor, late, NOW + 5_000)).toBe('too_old')
    expect(verdict(cursor, at(NOW), NOW + 5_000)).toBe('too_old')
  })

  test('from somebody who calls himself like a part of JavaScript is like any other', () => {
    for (const sender of ['__proto__', 'constructor', 'toString', '', '=']) {
      const cursor = emptyCursor(FLOOR)
      expect(verdict(cursor, at(NOW, 'a', sender))).toBe('new')
      remember(cursor, { ...at(NOW, 'a', sender), nowMs: NOW }, limits)
      expect(verdict(JSON.parse(JSON.stringify(cursor)), at(NOW, 'a', sender))).toBe('seen')
      expect(verdict(cursor, at(NOW, 'a', 'alice'))).toBe('new')
    }
  })
})

describe('a message dated in the future', () => {
  const far = NOW + 501

  test('is one that is more than half the fence ahead, and is processed once', () => {
    expect(verdict(emptyCursor(FLOOR), at(far - 1))).toBe('new')
    expect(verdict(emptyCursor(FLOOR), at(far))).toBe('future')
    expect(verdict(after([at(far)]), at(far))).toBe('seen')
  })

  test('moves no floor and hides nothing', () => {
    const cursor = after([at(1e15)])
    expect(verdict(cursor, at(NOW))).toBe('new')
    expect(verdict(cursor, at(FLOOR + 1))).toBe('new')
    expect(lowestFloor(cursor)).toBe(FLOOR)
  })

  test('stays known when its time comes', () => {
    const cursor = after([at(far)])
    expect(verdict(cursor, at(far), far)).toBe('seen')
    remember(cursor, { ...at(far + 1), nowMs: far + 1 }, limits)
    expect(verdict(cursor, at(far), far)).toBe('seen')
    remember(cursor, { ...at(far + 1_200), nowMs: far + 1_200 }, limits)
    expect(verdict(cursor, at(far), far + 1_200)).toBe('too_old')
  })

  test('finds no room beyond the bound, for this sender only, until the time of others has come', () => {
    const cursor = after([at(far), at(far + 1), at(far + 2), at(far + 3)])
    expect(verdict(cursor, at(far + 3))).toBe('future_full')
    expect(verdict(cursor, at(far + 1))).toBe('seen')
    expect(verdict(cursor, at(far + 3, 'x', 'bob'))).toBe('future')
    expect(verdict(cursor, at(far + 600), NOW + 1)).toBe('future')
    remember(cursor, { ...at(far + 600), nowMs: NOW + 1 }, limits)
    expect(verdict(cursor, at(far), NOW + 1)).toBe('seen')
    expect(verdict(cursor, at(far + 601), NOW + 1)).toBe('future_full')
  })
})

describe('too many ids of one sender', () => {
  const small: CursorLimits = { ...limits, seenPerSender: 3 }

  test('raise the floor to the time of the oldest, which goes', () => {
    const cursor = after([at(NOW), at(NOW + 2), at(NOW + 4), at(NOW + 6)], NOW, small)
    expect(verdict(cursor, at(NOW), NOW, small)).toBe('too_old')
    expect(verdict(cursor, at(NOW + 1), NOW, small)).toBe('new')
    expect(verdict(cursor, at(NOW + 2), NOW, small)).toBe('seen')
  })

  test('of the same time go together', () => {
    const cursor = after([at(NOW, 'a'), at(NOW, 'b'), at(NOW + 1), at(NOW + 2)], NOW, small)
    expect(verdict(cursor, at(NOW, 'a'), NOW, small)).toBe('too_old')
    expect(verdict(cursor, at(NOW, 'b'), NOW, small)).toBe('too_old')
    expect(verdict(cursor, at(NOW + 1), NOW, small)).toBe('seen')
    expect(JSON.stringify(cursor)).not.toContain('"b"')
  })

  test('do not touch another sender', () => {
    const cursor = after([at(NOW), at(NOW + 2), at(NOW + 4), at(NOW + 6)], NOW, small)
    expect(verdict(cursor, at(NOW, 'x', 'bob'), NOW, small)).toBe('new')
  })

  test('are taken in at a pace that does not fall with their number', () => {
    const cursor = emptyCursor(0)
    const roomy = { ...limits, ageFenceMs: 1e9 }
    for (let i = 0; i < 20_000; i++) remember(cursor, { ...at(1_000 + ((i * 7_919) % 20_000), `${i}`), nowMs: 1_000 }, roomy)
    expect(cursor.senders['=alice']?.seen.length).toBe(roomy.seenPerSender)
  })
})

test('senders who have fallen silent are forgotten, and what they wrote stays old', () => {
  const cursor = emptyCursor(FLOOR)
  for (let i = 0; i < 500; i++) remember(cursor, { ...at(NOW, 'a', `user${i}`), nowMs: NOW }, limits)
  remember(cursor, { ...at(NOW + 1_100), nowMs: NOW + 1_100 }, limits)
  expect(Object.keys(cursor.senders)).toEqual(['=alice'])
  expect(lowestFloor(cursor)).toBe(NOW + 100)
  expect(verdict(cursor, at(NOW, 'a', 'user7'), NOW + 1_100)).toBe('too_old')
})

test('a sender of future dates is forgotten, too, when they are over', () => {
  const cursor = after([at(NOW + 700, 'a', 'bob')])
  remember(cursor, { ...at(NOW + 2_000), nowMs: NOW + 2_000 }, limits)
  expect(Object.keys(cursor.senders)).toEqual(['=alice'])
})

test('who sends nothing but old messages takes no room', () => {
  expect(after([at(FLOOR, 'a', 'bob'), at(FLOOR - 1, 'b', 'carol')])).toEqual(emptyCursor(FLOOR))
})

describe('whatever the order, the lateness and the repetition of deliveries', () => {
  type Delivery = { sender: string; id: string; timeMs: number; nowMs: number }
  const senders = ['alice', 'bob', '__proto__']
  const message = fc.record({ sender: fc.constantFrom(...senders), offset: fc.integer({ min: -1_500, max: 2_000 }), twin: fc.nat(1) })
  /** Our clock may stand, run and jump back; every message is delivered again and again. */
  const deliveries = fc
    .array(message, { minLength: 1, maxLength: 40 })
    .chain(all =>
      fc.array(fc.record({ message: fc.constantFrom(...all), nowMs: fc.integer({ min: NOW - 500, max: NOW + 1_500 }) }), {
        maxLength: 150,
      }),
    )
    .map(list =>
      list.map(
        ({ message: { sender, offset, twin }, nowMs }): Delivery => ({
          sender,
          timeMs: NOW + offset,
          id: `${sender}${offset}#${twin}`,
          nowMs,
        }),
      ),
    )

  function run(
    list: readonly Delivery[],
    given: CursorLimits,
    check: (step: { found: Look; delivery: Delivery; before: Cursor; cursor: Cursor }) => void,
  ): void {
    let cursor = emptyCursor(FLOOR)
    for (const delivery of list) {
      const found = look(cursor, delivery, { nowMs: delivery.nowMs, limits: given })
      const before = structuredClone(cursor)
      // What cannot be remembered was recorded as ignored, and what is old needs no memory.
      if (found === 'new' || found === 'future' || found === 'missed') remember(cursor, delivery, given)
      check({ found, delivery, before, cursor })
      // A restart in between changes nothing.
      cursor = JSON.parse(JSON.stringify(cursor))
    }
  }

  const anyLimits = fc.record({
    ageFenceMs: fc.constantFrom(400, 1_000),
    seenPerSender: fc.constantFrom(1, 3, 100),
    futurePerSender: fc.constantFrom(0, 1, 3),
  })

  test('nothing is processed or missed twice, and what was processed is known at once', () => {
    fc.assert(
      fc.property(deliveries, anyLimits, (list, given) => {
        const processed = new Set<string>()
        run(list, given, ({ found, delivery, cursor }) => {
          if (found !== 'new' && found !== 'future' && found !== 'missed') return
          expect(processed.has(delivery.id)).toBe(false)
          processed.add(delivery.id)
          expect(['seen', 'too_old']).toContain(look(cursor, delivery, { nowMs: delivery.nowMs, limits: given }))
        })
      }),
      { numRuns: 500 },
    )
  })

  test('nothing above the floor and the fence is missed, and what is missed was never seen', () => {
    fc.assert(
      fc.property(deliveries, list => {
        const processed: Delivery[] = []
        const remembered: Delivery[] = []
        run(list, limits, ({ found, delivery }) => {
          const { ageFenceMs } = limits
          const isKnown = processed.some(({ id }) => id === delivery.id)
          // The floor as the specification says it.
          const views = remembered.map(({ nowMs }) => nowMs - ageFenceMs)
          const progress = processed
            .filter(one => one.sender === delivery.sender && one.timeMs <= one.nowMs + ageFenceMs / 2)
            .map(one => one.timeMs - ageFenceMs)
          const floorMs = Math.max(FLOOR, ...views, ...progress)
          if (found === 'new' || found === 'future') processed.push(delivery)
          if (found === 'new' || found === 'future' || found === 'missed') remembered.push(delivery)
          if (delivery.timeMs <= floorMs) expect(isKnown ? ['seen', 'too_old'] : ['too_old']).toContain(found)
          else if (isKnown) expect(found).toBe('seen')
          else if (delivery.timeMs <= delivery.nowMs - ageFenceMs) expect(found).toBe('missed')
          else expect(found).toMatch(delivery.timeMs > delivery.nowMs + ageFenceMs / 2 ? /^future/ : /^new$/)
        })
      }),
      { numRuns: 500 },
    )
  })

  test('floors only rise, and memory is bounded', () => {
    fc.assert(
      fc.property(deliveries, anyLimits, (list, given) => {
        run(list, given, ({ before, cursor }) => {
          expect(lowestFloor(cursor)).toBeGreaterThanOrEqual(lowestFloor(before))
          for (const sender of senders) {
            const floorOf = (one: Cursor) => Math.max(one.floorMs, one.senders[`=${sender}`]?.floorMs ?? one.floorMs)
            expect(floorOf(cursor)).toBeGreaterThanOrEqual(floorOf(before))
            expect(floorOf(cursor)).toBeGreaterThanOrEqual(lowestFloor(cursor))
            expect(cursor.senders[`=${sender}`]?.seen.length ?? 0).toBeLessThanOrEqual(given.seenPerSender)
            expect(cursor.senders[`=${sender}`]?.future.length ?? 0).toBeLessThanOrEqual(given.futurePerSender)
          }
        })
      }),
      { numRuns: 500 },
    )
  })
})

test('after an outage today’s messages are no future, and the oldest unseen one is not too old', () => {
  const hourMs = 3_600_000
  const [liveMs, nowMs] = [1_000 * hourMs, 1_072 * hourMs]
  const cursor = emptyCursor(liveMs - 24 * hourMs)
  const limits = { ageFenceMs: 24 * hourMs, seenPerSender: 100, futurePerSender: 1 }
  const at = (timeMs: number) => look(cursor, { id: `${timeMs}`, sender: 'alice', timeMs }, { nowMs, liveMs, limits })

  expect([at(liveMs + 1), at(nowMs), at(nowMs + 13 * hourMs)]).toEqual(['new', 'new', 'future'])
})
