import { expect, test } from 'vitest'
import { createMemoryDisk, type DiskOperation, type MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'
import { encodeHeader, encodeRecord } from '../../../src/adapters/store/segment.ts'
import { encodeShard } from '../../../src/adapters/store/shard-file.ts'
import { shardOf } from '../../../src/adapters/store/shards.ts'
import { openStore } from '../../../src/adapters/store/store.ts'
import { StoreUnusable } from '../../../src/domain/errors.ts'
import type { Disk } from '../../../src/ports/disk.ts'
import type { StoredRecord } from '../../../src/ports/store.ts'
import { createLive, record, records, restored } from './world.ts'

async function started(disk: MemoryDisk, segmentBytes?: number) {
  const store = await openStore({ disk, where: '/state', shards: 4, ...(segmentBytes ? { segmentBytes } : {}) })
  const loaded = await store.load()
  return { store, loaded, live: restored(loaded) }
}

function watched() {
  const seen: DiskOperation[] = []
  const disk = createMemoryDisk({ faults: operation => void seen.push(operation) })
  return {
    disk,
    seen,
    count: (name: DiskOperation['name']) => seen.filter(one => one.name === name && one.path.startsWith('journal/')).length,
  }
}

test('a batch is one write and one sync', async () => {
  const { disk, count } = watched()
  const { store } = await started(disk)

  await store.append(records(1, 100))

  expect([count('write'), count('sync')]).toEqual([1, 1])
})

test('what is appended while a sync runs goes out together in the next write', async () => {
  const { disk, count } = watched()
  const { store } = await started(disk)
  await store.append([record(1)])

  const first = store.append([record(2)])
  await Promise.resolve()
  await Promise.resolve()
  const others = records(3, 50).map(one => store.append([one]))
  await Promise.all([first, ...others])

  expect([count('write'), count('sync')]).toEqual([3, 3])
  expect((await started(disk.crash())).loaded.lastSeq).toBe(50)
})

test('what is appended in one turn goes out in one write', async () => {
  const { disk, count } = watched()
  const { store } = await started(disk)

  await Promise.all(records(1, 20).map(one => store.append([one])))

  expect([count('write'), count('sync')]).toEqual([1, 1])
})

test('what was answered survives a crash at once', async () => {
  const disk = createMemoryDisk()
  const { store } = await started(disk)
  await store.append(records(1, 3))

  const { loaded } = await started(disk.crash())

  expect(loaded.tail).toEqual(records(1, 3))
})

test('a failed sync fails its batch and what was appended behind it, and the next append goes on in a new segment', async () => {
  const disk = createMemoryDisk()
  const { store } = await started(disk)
  await store.append([record(1)])
  disk.failNextSync()

  const results = await Promise.allSettled([store.append([record(2)]), store.append([record(3)])])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await store.append([record(2, 'peer:other'), record(3)])

  expect(await disk.list('journal')).toEqual(['00000001.log', '00000002.log'])
  expect((await started(disk.crash())).loaded.tail).toEqual([record(1), record(2, 'peer:other'), record(3)])
})

test('the failure is typed, and says what to do', async () => {
  const disk = createMemoryDisk()
  const { store } = await started(disk)
  disk.fill(10)

  const failure = await store.append([record(1)]).catch((cause: unknown) => cause)

  expect(failure).toBeInstanceOf(StoreUnusable)
  expect(failure).toMatchObject({
    message:
      'Writing the journal failed (ENOSPC): there is no room left on the disk of /state; make room, the work then goes on by itself.',
    retryable: true,
    mayHaveActed: false,
  })
})

test('a failed batch is out of sight: a process that starts after it does not take it for durable', async () => {
  const disk = createMemoryDisk()
  const first = await started(disk)
  await first.store.append([record(1)])
  disk.failNextSync()
  await expect(first.store.append([record(2)])).rejects.toThrow('EIO')
  await first.store.close()

  const { loaded } = await started(disk)

  expect(loaded.tail).toEqual([record(1)])
})

/** A disk with these segments, as an earlier process left them. */
async function diskWith(...segments: readonly Uint8Array[]): Promise<MemoryDisk> {
  const disk = createMemoryDisk()
  await disk.makeFolder('journal')
  for (const [at, segment] of segments.entries()) await disk.write(`journal/0000000${at + 1}.log`, segment)
  await disk.syncFolder('journal')
  return disk
}

const segment = (after: number, ...lines: readonly StoredRecord[]): Buffer =>
  Buffer.concat([encodeHeader(after), ...lines.map(line => encodeRecord(line))])
const damagedLine = Buffer.from('12 00000000 {"seq":9999}\n')
const old = record(2, 'peer:old')

test('a batch that failed and reached the disk all the same is void once another was written in its place', async () => {
  const disk = await diskWith(segment(0, record(1), old, record(3, 'peer:old')), segment(1, record(2)))

  const { loaded, store, live } = await started(disk)

  expect(loaded.tail).toEqual([record(1), record(2)])
  expect([loaded.lastSeq, loaded.problems]).toEqual([2, []])
  await store.compact(live)
  expect((await started(disk.crash())).loaded.lastSeq).toBe(2)
})

test('what is void is void also where the heading of the newer segment cannot be read', async () => {
  const disk = await diskWith(segment(0, record(1), old, record(3, 'peer:old')), Buffer.concat([damagedLine, encodeRecord(record(2))]))

  const { loaded } = await started(disk)

  expect(loaded.tail).toEqual([record(1), record(2)])
  expect(loaded.problems).toHaveLength(1)
})

test('a record that is void never stands in for one that is damaged', async () => {
  const disk = await diskWith(segment(0, record(1), old), Buffer.concat([segment(1), damagedLine, encodeRecord(record(3))]))

  const { loaded } = await started(disk)

  expect(loaded.tail).toEqual([record(1), record(3)])
  expect(loaded.problems[1]).toBe(
    'Record 2 is missing from the journal of /state; what was changed there is lost where no snapshot has it.',
  )
})

test('damage in what is void troubles nobody', async () => {
  const disk = await diskWith(Buffer.concat([segment(0, record(1)), damagedLine]), segment(1, record(2)))

  const { loaded } = await started(disk)

  expect([loaded.tail, loaded.problems]).toEqual([[record(1), record(2)], []])
})

test('what a killed process had written and not synced is made durable before it is told', async () => {
  const disk = await diskWith(segment(0, record(1)))
  const killed = await disk.append('journal/00000001.log')
  await killed.write(encodeRecord(record(2)))

  const { loaded } = await started(disk)
  expect(loaded.tail).toEqual([record(1), record(2)])

  expect((await started(disk.crash())).loaded.tail).toEqual([record(1), record(2)])
})

test('names that a killed process had not made durable are durable before what they name is told', async () => {
  const disk = await diskWith(segment(2, record(3)))
  await disk.makeFolder('shards')
  const shard = encodeShard({ seq: 2, shards: 1, entries: [['peer:alice', ['hi']]] })
  await disk.write('shards/shard-00.json', Buffer.from(shard))
  await disk.write('journal/00000002.log', segment(3, record(4)))

  const { loaded } = await started(disk)

  expect((await started(disk.crash())).loaded).toEqual(loaded)
  expect([loaded.entries.size, loaded.lastSeq]).toEqual([1, 4])
})

test('what a failed sync has taken with it is written anew by the next start, whose own sync succeeds for nothing', async () => {
  let fails = true
  const disk = createMemoryDisk({
    faults({ name, path }) {
      if (fails && name === 'syncFolder' && path === 'shards') disk.failNextSync()
    },
  })
  fails = false
  const first = await started(disk)
  await first.store.append(records(1, 3))
  first.live.apply(records(1, 3))
  fails = true
  await expect(first.store.compact(first.live)).rejects.toThrow('EIO')
  await first.store.close()
  fails = false

  const second = await started(disk)
  await second.store.append(records(4, 4))
  second.live.apply(records(4, 4))
  await second.store.compact({ ...second.live, dirty: () => new Set(['peer:4']) })
  await second.store.append(records(5, 5))
  await second.store.close()

  const { loaded, live } = await started(disk.crash())
  expect(loaded.problems).toEqual([])
  expect(live.values()).toEqual(new Map(records(1, 5).map(({ changes: [change] }) => [change!.key, [change!.event]])))
  expect(disk.files()).not.toContain('unsynced')
})

/** A state whose last sync failed, so that the next start finds the mark. */
async function doubtful(disk: MemoryDisk): Promise<void> {
  const { store, live } = await started(disk)
  for (const [from, to] of [
    [1, 3],
    [4, 6],
  ] as const) {
    await store.append(records(from, to))
    live.apply(records(from, to))
    await store.compact(live)
  }
  disk.failNextSync()
  await expect(store.append([record(7)])).rejects.toThrow('EIO')
  await store.close()
  expect(disk.files()).toContain('unsynced')
}

test('after a failed sync a file that no start needs and nobody can read stands in the way of none', async () => {
  const disk = createMemoryDisk()
  await doubtful(disk)
  disk.makeUnreadable(disk.files().find(path => path.endsWith('.old.json'))!)

  const { loaded, live } = await started(disk)
  expect(loaded.problems).toEqual([])
  expect(live.values().size).toBe(6)
  expect(disk.files()).not.toContain('unsynced')
})

test('after a failed sync a full disk does not keep a start from running, and the next one makes up for it', async () => {
  const disk = createMemoryDisk()
  await doubtful(disk)
  disk.fill(0)

  expect((await started(disk)).live.values().size).toBe(6)
  expect(disk.files()).toContain('unsynced')
  disk.fill(Number.POSITIVE_INFINITY)
  expect((await started(disk)).live.values().size).toBe(6)
  expect(disk.files()).not.toContain('unsynced')
})

test.each(Array.from({ length: 12 }, (_, seed) => seed + 1))(
  'a segment that failed and comes back makes nothing void that was begun since (seed %i)',
  async seed => {
    let isFolding = false
    const disk = createMemoryDisk({
      random: createSeededRandom(seed),
      faults({ name, path }) {
        if (isFolding && name === 'syncFolder' && path === 'journal') disk.failNextSync()
      },
    })
    const first = await started(disk, 1)
    await first.store.append([record(1)])
    first.live.apply([record(1)])
    for (let tries = 0; tries < 4; tries++) {
      disk.failNextSync()
      await expect(first.store.append([record(2, 'peer:failed')])).rejects.toThrow('EIO')
    }
    isFolding = true
    // Nothing of it is removed for good.
    await expect(first.store.compact(first.live)).rejects.toThrow('EIO')
    isFolding = false
    await first.store.close()
    for (const name of await disk.list('journal')) await disk.remove(`journal/${name}`)

    const second = await started(disk, 1)
    await second.store.append([record(2)])
    await second.store.append([record(3)])
    await second.store.close()

    const { loaded, live } = await started(disk.crash(), 1)
    expect(loaded.problems).toEqual([])
    expect([...live.values().keys()].sort()).toEqual(['peer:1', 'peer:2', 'peer:3'])
  },
)

test('a sync of the folder that fails under a fold takes the name of a new segment with it: what is in there is not durable', async () => {
  const disk = createMemoryDisk()
  const made = Promise.withResolvers<void>()
  const folderSync = Promise.withResolvers<void>()
  let hasFolded = false
  let hasFailed = false
  const held: Disk = {
    ...disk,
    async append(path) {
      // The failure is told only when this is written: whatever goes on beside it could be over by then.
      if (path === 'unsynced') await new Promise<void>(resolve => setImmediate(resolve))
      const file = await disk.append(path)
      if (!(hasFolded && path.startsWith('journal/'))) return file
      made.resolve()
      return {
        ...file,
        async write(data) {
          await folderSync.promise
          await file.write(data)
        },
      }
    },
    async syncFolder(folder) {
      const fails = folder === 'journal' && hasFolded && !hasFailed
      if (fails) {
        hasFailed = true
        disk.failNextSync()
      }
      const sync = disk.syncFolder(folder)
      if (fails) folderSync.resolve()
      await sync
    },
    async remove(path) {
      await disk.remove(path)
      if (hasFolded || !path.startsWith('journal/')) return
      hasFolded = true
      appended = store.append([record(2)]).catch((cause: unknown) => cause)
      // The name of the new segment is there when the sync that fails begins.
      await made.promise
    },
  }
  let appended: Promise<unknown> = Promise.resolve()
  const store = await openStore({ disk: held, where: '/state', shards: 4 })
  const live = restored(await store.load())
  await store.append([record(1)])
  live.apply([record(1)])
  await expect(store.compact(live)).rejects.toThrow('EIO')

  expect(await appended).toBeInstanceOf(StoreUnusable)
  await store.append([record(2)])
  expect((await started(disk.crash())).loaded.tail.at(-1)).toEqual(record(2))
})

test('a segment whose removal never became durable comes back, and is taken for what it is: older than what was begun since', async () => {
  let fails = false
  const disk = createMemoryDisk({
    faults({ name, path }) {
      if (fails && name === 'syncFolder' && path === 'journal') disk.failNextSync()
    },
  })
  const first = await started(disk, 1)
  for (const seq of [1, 2, 3]) {
    await first.store.append([record(seq)])
    first.live.apply([record(seq)])
  }
  fails = true
  await expect(first.store.compact(first.live)).rejects.toThrow('EIO')
  await first.store.compact(first.live).catch(() => {})
  await first.store.close()
  fails = false
  for (const name of await disk.list('journal')) await disk.remove(`journal/${name}`)

  const second = await started(disk, 1)
  await second.store.append([record(4)])
  await second.store.close()
  const restarted = disk.crash()
  expect(await restarted.list('journal')).toContain('00000003.log')

  const { loaded, live } = await started(restarted, 1)
  expect(loaded.problems).toEqual([])
  expect([...live.values().keys()].sort()).toEqual(['peer:1', 'peer:2', 'peer:3', 'peer:4'])
})

test('records that are missing at the end are missed, too', async () => {
  const disk = await diskWith(segment(0, record(1)), segment(4))

  const { loaded } = await started(disk)

  expect(loaded.lastSeq).toBe(4)
  expect(loaded.problems).toEqual([
    'Records 2 to 4 are missing from the journal of /state; what was changed there is lost where no snapshot has it.',
  ])
})

test('trying again and again on a full disk leaves no files behind, and goes on when there is room', async () => {
  const disk = createMemoryDisk()
  const { store } = await started(disk)
  await store.append([record(1)])
  const files = disk.files()
  disk.fill(20)

  for (let attempt = 0; attempt < 50; attempt++) await expect(store.append(records(2, 9))).rejects.toThrow('no room')

  expect(disk.files()).toEqual(files)
  disk.fill(Number.POSITIVE_INFINITY)
  await store.append([record(2)])
  expect((await started(disk.crash())).loaded.tail).toEqual([record(1), record(2)])
})

test('a read-only disk is told as such', async () => {
  const disk = createMemoryDisk()
  const { store } = await started(disk)
  disk.readOnly()

  await expect(store.append([record(1)])).rejects.toThrow(
    'Writing the journal failed (EROFS): the disk of /state is read-only; make it writable.',
  )
})

test('a compaction that finds no room leaves everything usable, gives its room back, and may be repeated', async () => {
  const disk = createMemoryDisk()
  const { store, live } = await started(disk)
  live.apply(records(1, 40))
  await store.append(records(1, 40))
  const files = disk.files()
  disk.fill(300)

  await expect(store.compact(live)).rejects.toMatchObject({
    message:
      'Writing the snapshot failed (ENOSPC): there is no room left on the disk of /state; make room, the work then goes on by itself.',
    retryable: true,
  })
  expect(disk.files().filter(file => !files.includes(file) && file.endsWith('.tmp'))).toEqual([])
  disk.fill(Number.POSITIVE_INFINITY)
  live.apply([record(41)])
  await store.append([record(41)])
  await store.compact(live)

  expect(store.journalBytes()).toBe(0)
  const { loaded } = await started(disk.crash())
  expect([restored(loaded).values(), loaded.problems]).toEqual([live.values(), []])
})

test('a snapshot never contains a record that is not durable', async () => {
  const disk = createMemoryDisk()
  const { store, live } = await started(disk)
  live.apply([record(1)])

  await expect(store.compact(live)).rejects.toThrow('Record 1 of /state is not durable, so no snapshot may contain it; try again later.')
  expect(disk.files()).toEqual([])

  const appending = store.append([record(1)])
  await store.compact(live)
  await appending
  expect((await started(disk.crash())).loaded.entries.size).toBe(1)
})

test('a record that changes nothing must be durable, too, before the journal counts as folded up to it', async () => {
  const { store, live } = await started(createMemoryDisk())
  live.apply([{ seq: 1, atMs: 0, changes: [] }])

  await expect(store.compact(live)).rejects.toThrow('Record 1 of /state is not durable')
})

test('a compaction whose append fails meanwhile is given up', async () => {
  const disk = createMemoryDisk()
  const { store, live } = await started(disk)
  live.apply([record(1)])
  disk.fill(0)
  const appending = store.append([record(1)])

  const results = await Promise.allSettled([appending, store.compact(live)])

  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect((await started(disk.crash())).loaded.entries).toEqual(new Map())
})

test('a key that the caller does not call dirty is folded all the same when the journal has changed it', async () => {
  const disk = createMemoryDisk()
  const { store, live } = await started(disk)
  live.apply(records(1, 9))
  await store.append(records(1, 9))

  await store.compact({ ...live, dirty: () => new Set<string>() })

  expect(restored((await started(disk.crash())).loaded).values()).toEqual(live.values())
})

test('a key that the caller calls dirty is written also when no record has changed it', async () => {
  const disk = createMemoryDisk()
  const { store, live } = await started(disk)

  await store.compact({ ...live, keys: () => ['peer:alice'], dirty: () => new Set(['peer:alice']), read: () => ['mended'] })

  expect((await started(disk.crash())).loaded.entries).toEqual(new Map([['peer:alice', { seq: 0, json: '["mended"]' }]]))
})

test('one shard is captured in one turn, with the record it belongs to', async () => {
  const disk = createMemoryDisk()
  const { store, live } = await started(disk)
  live.apply(records(1, 40))
  await store.append(records(1, 40))
  let turn = 0
  const turnsOf = new Map<number, Set<number>>()
  const read = (key: string) => {
    const shard = shardOf(key, 4)
    queueMicrotask(() => turn++)
    turnsOf.set(shard, (turnsOf.get(shard) ?? new Set()).add(turn))
    return live.read(key)
  }

  await store.compact({ ...live, read })

  expect(turnsOf.size).toBeGreaterThan(1)
  expect([...turnsOf.values()].map(turns => turns.size)).toEqual([...turnsOf].map(() => 1))
})

test('a compaction folds what the state contains, and what is beyond stays in the journal', async () => {
  const disk = createMemoryDisk()
  const { store, live } = await started(disk, 1)
  for (const one of records(1, 9)) await store.append([one])
  live.apply(records(1, 5))

  await store.compact(live)

  expect(await disk.list('journal')).toEqual(['00000006.log', '00000007.log', '00000008.log', '00000009.log'])
  const { loaded } = await started(disk.crash())
  expect([loaded.tail, loaded.problems]).toEqual([records(6, 9), []])
})

test('folded segments go oldest first, and the newest only when the others are durably gone', async () => {
  const { disk, seen } = watched()
  const { store, live } = await started(disk, 1)
  live.apply(records(1, 3))
  for (const one of records(1, 3)) await store.append([one])
  const before = seen.length

  await store.compact(live)

  const operations = seen.slice(before).map(({ name, path }) => `${name} ${path}`)
  expect(operations.slice(-6)).toEqual([
    'syncFolder shards',
    'remove journal/00000001.log',
    'remove journal/00000002.log',
    'syncFolder journal',
    'remove journal/00000003.log',
    'syncFolder journal',
  ])
})

test('two compactions at once run one after the other', async () => {
  const disk = createMemoryDisk()
  const { store, live } = await started(disk)
  live.apply(records(1, 9))
  await store.append(records(1, 9))

  await Promise.all([store.compact(live), store.compact(live)])

  expect((await started(disk.crash())).loaded.problems).toEqual([])
})

test('closing waits for a compaction to come to a shard’s end, and what it did not fold stays in the journal', async () => {
  const { disk, seen } = watched()
  const { store, live } = await started(disk)
  live.apply(records(1, 9))
  await store.append(records(1, 9))
  let atClose = 0
  let closing: Promise<void> | undefined
  const close = async () => {
    await store.close()
    atClose = seen.length
  }
  const read = (key: string) => {
    closing ??= close()
    return live.read(key)
  }

  await expect(store.compact({ ...live, read })).rejects.toThrow('The store of /state is closed; what was not folded stays in the journal.')

  await closing
  expect(seen).toHaveLength(atClose)
  expect(restored((await started(disk.crash())).loaded).values()).toEqual(live.values())
})

test('many short segments count for more than their bytes, so that many short lives are folded, too', async () => {
  const disk = await diskWith(segment(0, record(1)), segment(1, record(2)), segment(2, record(3)))

  const { store } = await started(disk)

  expect(store.journalBytes()).toBe(3 * 16 * 1_024)
})

test('a file that the device cannot read is set aside, and the rest loads', async () => {
  const disk = createMemoryDisk()
  const { store, live } = await started(disk, 1)
  live.apply(records(1, 9))
  await store.append(records(1, 9))
  await store.compact(live)
  for (const seq of [10, 11, 12]) await store.append([record(seq)])
  await store.close()
  disk.makeUnreadable('journal/00000003.log')

  const { loaded } = await started(disk)

  expect(loaded.tail).toEqual([record(10), record(12)])
  expect(loaded.problems).toEqual([
    'journal/00000003.log in /state cannot be read and was set aside as damaged/00000003.log-1.',
    'Record 11 is missing from the journal of /state; what was changed there is lost where no snapshot has it.',
  ])
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'a crash at any operation of a compaction loses nothing, and the next one succeeds (seed %i)',
  async seed => {
    // Every second time the folded segments are kept.
    const keep = seed % 2 === 0 ? { ms: 1_000, bytes: 1_000 } : undefined
    const crashedAt = async (dieAt: number): Promise<boolean> => {
      let left = Number.POSITIVE_INFINITY
      const faults = () => {
        if (left-- <= 0) throw Object.assign(new Error('The power is off.'), { code: 'EIO' })
      }
      const disk = createMemoryDisk({ random: createSeededRandom(seed * 1_000 + dieAt), faults })
      const { store, live } = await started(disk, 500)
      const decide = (from: number, to: number) => {
        const more = records(from, to).map(one => (one.seq % 5 === 0 ? record(one.seq, `peer:${one.seq % 7}`, 'forget') : one))
        live.apply(more)
        return more
      }
      await store.append(decide(1, 20))
      await store.compact(live, keep)
      await store.append(decide(21, 35))

      left = dieAt
      const hasCrashed = await store.compact(live, keep).then(
        () => false,
        () => true,
      )

      const again = await started(disk.crash(), 500)
      expect([again.loaded.problems, again.loaded.lastSeq]).toEqual([[], 35])
      expect(again.live.values()).toEqual(live.values())
      await again.store.compact(again.live, keep)
      expect(again.store.journalBytes()).toBe(0)
      return hasCrashed
    }

    let dieAt = 0
    while (await crashedAt(dieAt)) dieAt++

    expect(dieAt).toBeGreaterThan(15)
  },
)

test('a store that was never loaded is a mistake of the caller', async () => {
  const store = await openStore({ disk: createMemoryDisk() })

  await expect(store.append([record(1)])).rejects.toThrow('The store was used before it was loaded.')
  await expect(store.compact(createLive())).rejects.toThrow('The store was used before it was loaded.')
})
