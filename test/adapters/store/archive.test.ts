import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createMemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { openStore } from '../../../src/adapters/store/store.ts'
import type { Disk } from '../../../src/ports/disk.ts'
import type { Store, StoredRecord } from '../../../src/ports/store.ts'
import { disks, record, records, restored } from './world.ts'

const ALL = { ms: 1_000_000, bytes: 1_000_000 }

async function started(disk: Disk) {
  const store = await openStore({ disk, where: '/state', segmentBytes: 300 })
  const live = restored(await store.load())
  return {
    store,
    live,
    /** One write for each, so that segments end between them. */
    async append(more: readonly StoredRecord[]) {
      for (const one of more) {
        live.apply([one])
        await store.append([one])
      }
    },
  }
}

async function historyOf(store: Store): Promise<readonly StoredRecord[]> {
  const found: StoredRecord[] = []
  for await (const one of store.history()) found.push(one)
  return found
}

describe.each(disks)('the history on a disk, %s', (_name, create) => {
  test('goes through what was folded and what was not, in order, also after a restart', async () => {
    const disk = create()
    const { store, live, append } = await started(disk)
    await append(records(1, 20))
    await store.compact(live, ALL)
    await append(records(21, 30))
    await store.compact(live, ALL)
    await append(records(31, 33))

    expect(await historyOf(store)).toEqual(records(1, 33))
    await store.close()
    const again = await started(disk)
    expect(await historyOf(again.store)).toEqual(records(1, 33))
  })

  test('has segments of the same file name from before a restart', async () => {
    const disk = create()
    let next = 1
    for (let life = 0; life < 3; life++) {
      const { store, live, append } = await started(disk)
      await append(records(next, next + 4))
      next += 5
      await store.compact(live, ALL)
      await store.close()
    }

    const { store } = await started(disk)
    expect(await historyOf(store)).toEqual(records(1, 15))
  })

  test('is never part of what a start reads', async () => {
    const disk = create()
    const { store, live, append } = await started(disk)
    await append(records(1, 20))
    await store.compact(live, ALL)
    await store.close()
    for (const name of await disk.list('archive')) await disk.write(`archive/${name}`, new TextEncoder().encode('damaged\n'))

    const again = await openStore({ disk, where: '/state' })
    const loaded = await again.load()
    expect([loaded.problems, loaded.lastSeq]).toEqual([[], 20])
    expect(restored(loaded).values()).toEqual(live.values())
    expect(await historyOf(again)).toEqual([])
  })

  test('goes back no further than its bounds: bytes, and time from the newest record', async () => {
    const disk = create()
    const { store, live, append } = await started(disk)
    await append(records(1, 40))
    await store.compact(live, { ...ALL, bytes: 1_000 })
    const bySize = await historyOf(store)
    expect(bySize.at(-1)?.seq).toBe(40)
    expect(bySize.length).toBeGreaterThan(5)
    expect(bySize.length).toBeLessThan(15)

    await append([{ ...record(41), atMs: record(40).atMs + 5_000 }])
    await store.compact(live, { ...ALL, ms: 4_000 })
    expect((await historyOf(store)).map(({ seq }) => seq)).toEqual([41])
  })

  test('is empty when nothing is to be kept', async () => {
    const disk = create()
    const { store, live, append } = await started(disk)
    await append(records(1, 20))
    await store.compact(live)

    expect(await historyOf(store)).toEqual([])
    expect(await disk.list('archive')).toEqual([])
  })
})

test('a fold under way hides nothing from a reader', async () => {
  const { store, live, append } = await started(createMemoryDisk())
  await append(records(1, 20))
  const reader = store.history()[Symbol.asyncIterator]()
  const first = await reader.next()
  await store.compact(live, ALL)
  const found = [first.value]
  for (let next = await reader.next(); !next.done; next = await reader.next()) found.push(next.value)

  expect(found).toEqual(records(1, 20))
})

test('on a full disk the history goes first, and the next write has its room', async () => {
  const disk = createMemoryDisk()
  const { store, live, append } = await started(disk)
  await append(records(1, 40))
  await store.compact(live, ALL)
  const kept = disk.bytes()
  disk.fill(0)
  await expect(store.append([record(41)])).rejects.toThrow('no room left')
  expect(disk.bytes()).toBeLessThan(kept)
  expect(await historyOf(store)).toEqual([])

  disk.fill(kept)
  await store.append([record(41)])
  expect((await historyOf(store)).map(({ seq }) => seq)).toEqual([41])
})

test('what is written and not yet durable is no history', async () => {
  const disk = createMemoryDisk()
  const synced = Promise.withResolvers<void>()
  const written = Promise.withResolvers<void>()
  let isSlow = false
  const slow: Disk = {
    ...disk,
    async append(path) {
      const file = await disk.append(path)
      return {
        ...file,
        async sync() {
          if (isSlow) {
            written.resolve()
            await synced.promise
          }
          await file.sync()
        },
      }
    },
  }
  const { store, append } = await started(slow)
  await append(records(1, 1))
  isSlow = true
  const appending = store.append([record(2)])
  await written.promise

  expect((await historyOf(store)).map(({ seq }) => seq)).toEqual([1])
  synced.resolve()
  await appending
  expect((await historyOf(store)).map(({ seq }) => seq)).toEqual([1, 2])
})

test('whoever reads a long segment lets others have their turn', async () => {
  const store = await openStore({ disk: createMemoryDisk(), where: '/state' })
  await store.load()
  await store.append(records(1, 5_000))
  let turns = 0
  let isOver = false
  const others = async () => {
    while (!isOver) {
      await turn()
      turns++
    }
  }
  const running = others()
  expect(await historyOf(store)).toHaveLength(5_000)
  isOver = true
  await running

  expect(turns).toBeGreaterThan(5)
})
