import { describe, expect, test } from 'vitest'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import type { ChatId } from '../../src/domain/ids.ts'
import type { FileEntry } from '../../src/ports/ztm-agent.ts'
import { createIndexReader, type Look } from '../../src/runtime/feed/index-reader.ts'

const NOW_MS = 1_795_000_000_000
const DAY_MS = 24 * 3_600_000

const begin = () => {
  const due: string[] = []
  const unusable: [number, string][] = []
  const reader = createIndexReader({
    clock: createVirtualClock(NOW_MS),
    limits: { lookBackMs: 15_000 },
    username: 'my-bot',
    firstSyncMs: 300_000,
    due: { addFile: (_, { path }) => due.push(path), dropFile: () => {} },
    awaitsOwn: () => false,
    onUnusable: (count, path) => unusable.push([count, path]),
  })
  const read = (look: Look, files: readonly FileEntry[], listed = files) => {
    const listing = reader.begin(look)
    for (const file of files) listing.take(file)
    return listing.end({ count: listed.length, newestMs: Math.max(0, ...listed.map(({ since = 0 }) => since)) })
  }
  return { reader, due, unusable, read }
}

const file = (sender: string, stamp: number, sinceMs: number, hash = `${stamp}`): FileEntry => ({
  path: `/apps/ztm/chat/shared/${sender}/publish/peers/my-bot/messages/${stamp}.json`,
  hash,
  size: 1_100,
  time: sinceMs,
  since: sinceMs,
})
const old = NOW_MS - DAY_MS
const alice: ChatId = 'peer:alice'

describe('what is remembered of the file index', () => {
  test('grows with the chats and not with the files: the newest three of each sender, and those of the last half minute', () => {
    const { reader, read } = begin()
    const files = Array.from({ length: 60_000 }, (_, n) => file(`user${n % 100}`, n, old + n))
    read('first', [...files, ...Array.from({ length: 50 }, (_, n) => file('alice', n, NOW_MS - n))])
    // A hundred users, and alice with fifty files just now.
    expect(reader.size()).toBe(100 * 3 + 3 + 50)

    read('all', files)
    expect(reader.size()).toBe(100 * 3 + 3 + 50)
    read('back', [file('bob', 1, NOW_MS + 60_000)])
    expect(reader.size()).toBe(100 * 3 + 3 + 1 + 1)
  })

  test('is no more while the very first list comes in', () => {
    const { reader } = begin()
    const listing = reader.begin('first')
    let most = 0
    for (let n = 0; n < 60_000; n++) {
      // Twenty seconds apart: of the last half minute there are two.
      listing.take(file(`user${n % 100}`, n, old - (60_000 - n) * 20_000))
      if (n % 100 === 0) most = Math.max(most, reader.size())
    }
    expect(most).toBeLessThanOrEqual(100 * 3 + 4_096 + 2)
  })

  test('makes old files nobody’s news, whether they are kept or not', () => {
    const { read, due } = begin()
    const files = Array.from({ length: 1_000 }, (_, n) => file(`user${n % 10}`, n, old + n))
    expect(read('first', files).changed).toEqual([])
    expect(read('all', files).changed).toEqual([])
    expect(due).toEqual([])
  })

  test('tells a changed file by its hash, and an older one by the hub’s time', () => {
    const { read, due } = begin()
    const files = Array.from({ length: 10 }, (_, n) => file('alice', n, old + n * 60_000))
    read('first', files)
    // The newest has another version, under its old time: its rights came late.
    expect(read('all', [...files.slice(0, 9), file('alice', 9, old + 9 * 60_000, 'changed')]).changed).toEqual([alice])
    // One that is not kept comes up under a new time.
    expect(read('wait', [file('alice', 2, NOW_MS)]).changed).toEqual([alice])
    expect(due.slice(-2)).toEqual([file('alice', 9, 0).path, file('alice', 2, 0).path])
  })
})

describe('a listing', () => {
  test('of other files of the mesh moves the place on', () => {
    const { read, reader } = begin()
    read('first', [file('alice', 1, old)])
    const { moved } = read('wait', [], [file('alice', 1, old + 5)])
    expect([moved, reader.placeMs()]).toEqual([true, old + 5])
  })

  test('that breaks off leaves the place, and what it had brought is due', () => {
    const { reader, due, read } = begin()
    read('first', [file('alice', 1, old)])
    const listing = reader.begin('back')
    listing.take(file('alice', 2, NOW_MS))
    expect(listing.breakOff()).toEqual([alice])
    expect([due.length, reader.placeMs()]).toEqual([1, old])
  })

  test('that breaks off at the very first look has told nothing: it is begun anew', () => {
    const { reader, due, read } = begin()
    const recent = file('alice', 1, NOW_MS - 1_000)
    reader.begin('first').take(recent)
    expect([due, reader.placeMs()]).toEqual([[], null])
    expect(read('first', [recent]).changed).toEqual([alice])
    expect(due).toEqual([recent.path])
  })

  test('that took long does not take back what was read meanwhile', () => {
    const { reader, read } = begin()
    read('first', [file('alice', 1, old)])
    const slow = reader.begin('all')
    read('wait', [file('bob', 1, old + 60_000)])
    slow.end({ count: 1, newestMs: old })
    expect(reader.placeMs()).toBe(old + 60_000)
  })

  test('of a hub that began anew takes the place back', () => {
    const { reader, read } = begin()
    read('first', [file('alice', 1, NOW_MS + DAY_MS)])
    read('all', [file('alice', 1, NOW_MS)])
    expect(reader.placeMs()).toBe(NOW_MS)
  })

  test('with paths that nobody’s chat app writes counts them, and names the first', () => {
    const { read, unusable } = begin()
    const forged = (n: number) => ({
      ...file('mallory', n, old),
      path: `/apps/ztm/chat/shared/mallory/publish/peers/bob/messages/${n}.json`,
    })
    read('first', [forged(1), forged(2), file('alice', 1, old)])
    expect(unusable).toEqual([[2, forged(1).path]])
  })
})
