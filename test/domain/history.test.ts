import { describe, expect, test } from 'vitest'
import { type Beginnings, isHistory, waitsForFiles, wasThere } from '../../src/domain/history.ts'

const MET_MS = 1_000_000
const FIRST_SYNC_MS = 1_000
/** The oldest moment of which a message is answered however long it was there. */
const FRESH_MS = MET_MS - FIRST_SYNC_MS

const met: Beginnings = {
  isGroup: false,
  openedAtMs: MET_MS,
  shown: false,
  isFirstLoad: true,
  indexBeginMs: null,
  indexedMs: null,
  firstSyncMs: FIRST_SYNC_MS,
  nowMs: MET_MS + 500_000,
}
const group = { isGroup: true, isFirstLoad: false }
/** The file index has been read from a moment on that is after the group was met, or before. */
const index = { indexBeginMs: MET_MS + 50, indexedMs: MET_MS + 200_000 }

/** In the columns: whether it was there before us, by its arrival at the hub; null = only the chat app has shown it. */
const ARRIVALS = [null, FRESH_MS - 1, FRESH_MS, MET_MS + 50, MET_MS + 51] as const

describe.each<[string, Partial<Beginnings>, readonly boolean[]]>([
  //                                                                       shown by the app, and arrived long before, when met, with the index, after
  ['a chat at the very first start', {}, [true, false, false, false, false]],
  ['a chat that shows up later', { isFirstLoad: false }, [false, false, false, false, false]],
  ['a chat that was shown before', { shown: true }, [false, false, false, false, false]],
  ['a chat at the first start, with an index', index, [true, true, true, true, false]],
  ['a chat that shows up later, with an index', { isFirstLoad: false, ...index }, [false, true, true, true, false]],
  ['a group that is met', group, [true, true, false, false, false]],
  ['a group that was shown before', { ...group, shown: true }, [false, true, false, false, false]],
  ['a group that is met, with an index', { ...group, ...index }, [true, true, true, true, false]],
  // The index began long before the group was met: the hub's date tells.
  ['a group that is met later, with an index', { ...group, indexBeginMs: 5, indexedMs: MET_MS }, [true, true, false, false, false]],
])('%s', (_, more, expected) => {
  test('was there before us, or was not', () => {
    expect(ARRIVALS.map(arrivedMs => wasThere({ ...met, ...more }, arrivedMs))).toEqual(expected)
  })

  test('is history only in what is also old by its own clock', () => {
    const history = (timeMs: number) => ARRIVALS.map(arrivedMs => isHistory({ ...met, ...more }, { timeMs, arrivedMs }))

    expect(history(FRESH_MS - 1)).toEqual(expected)
    expect(history(FRESH_MS)).toEqual(ARRIVALS.map(() => false))
    // It has no time.
    expect(history(-1)).toEqual(ARRIVALS.map(() => false))
  })
})

test('what was met just now is as old as now; a clock that was ahead when it was met makes nothing older than it is', () => {
  const now = { ...met, openedAtMs: null, nowMs: MET_MS }
  const ahead = { ...met, openedAtMs: MET_MS + 3_600_000, nowMs: MET_MS }

  for (const beginnings of [now, ahead]) {
    expect(isHistory(beginnings, { timeMs: FRESH_MS - 1, arrivedMs: null })).toBe(true)
    expect(isHistory(beginnings, { timeMs: FRESH_MS, arrivedMs: null })).toBe(false)
  }
})

test('of a group that was met by a clock ahead of the hub, the hub’s own place tells what is old', () => {
  const ahead = { ...met, ...group, openedAtMs: MET_MS + 400_000, indexBeginMs: 5, indexedMs: MET_MS }

  expect(wasThere(ahead, FRESH_MS - 1)).toBe(true)
  expect(wasThere(ahead, FRESH_MS)).toBe(false)
})

describe('what the chat app shows waits for the files', () => {
  test.each<[string, Partial<Beginnings>, number, boolean]>([
    ['of a group that is met, where there is an index', { ...group, ...index }, FRESH_MS - 1, true],
    ['but not what is answered anyhow', { ...group, ...index }, FRESH_MS, false],
    ['not where there is no index', group, FRESH_MS - 1, false],
    ['not of a group that was shown before', { ...group, ...index, shown: true }, FRESH_MS - 1, false],
    ['not of a person', index, FRESH_MS - 1, false],
  ])('%s', (_, more, timeMs, expected) => {
    expect(waitsForFiles({ ...met, ...more }, { timeMs })).toBe(expected)
  })
})
