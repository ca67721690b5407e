import { expect, test } from 'vitest'
import { createMemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'
import { copyState } from '../../../src/adapters/store/copy.ts'
import { INDEX_PATH } from '../../../src/adapters/store/shards.ts'
import { openStore } from '../../../src/adapters/store/store.ts'
import type { Disk } from '../../../src/ports/disk.ts'
import type { StoredRecord } from '../../../src/ports/store.ts'
import { createLive, disks, record, restored } from './world.ts'

const SMALL = { segmentBytes: 600, shards: 4 }

/** Others get up to so many turns before each operation. */
function slowed(disk: Disk, turns: () => number): Disk {
  const wait = async () => {
    for (let left = turns(); left > 0; left--) await Promise.resolve()
  }
  return {
    ...disk,
    list: folder => wait().then(() => disk.list(folder)),
    read: path => wait().then(() => disk.read(path)),
    rename: (path, to) => wait().then(() => disk.rename(path, to)),
  }
}

/** What a start finds on a disk, and what it says of damage. */
async function found(disk: Disk) {
  const store = await openStore({ disk, ...SMALL })
  const loaded = await store.load()
  await store.close()
  return { lastSeq: loaded.lastSeq, problems: loaded.problems, values: restored(loaded).values() }
}

/** The state after so many records. */
function after(records: readonly StoredRecord[], seq: number) {
  const live = createLive()
  live.apply(records.slice(0, seq))
  return live.values()
}

test.each(Array.from({ length: 100 }, (_, seed) => seed + 1))(
  'a copy that is taken while records are written and folded is the state of one moment (seed %i)',
  async seed => {
    const random = createSeededRandom(seed)
    const disk = createMemoryDisk()
    const store = await openStore({ disk: slowed(disk, () => random.integer(20)), ...SMALL })
    await store.load()
    const live = createLive()
    let folding = Promise.resolve()
    const all: StoredRecord[] = []
    let durable = 0
    let folds = 0
    let isOver = false
    const write = async (count: number) => {
      for (let left = count; left > 0; left--) {
        // Of two keys each, which a half copy would tear apart.
        const seq = all.length + 1
        const [one, other] = [`peer:${random.integer(9)}`, `peer:${random.integer(9)}`]
        all.push({ ...record(seq), changes: [one, other].map(key => ({ key, event: { seq } })) })
        await store.append(all.slice(-1))
        live.apply(all.slice(-1))
        durable = seq
        // While it folds the others go on.
        if (random.unit() < 0.03 && ++folds < 10)
          folding = store.compact(live, random.unit() < 0.5 ? { ms: 1_000_000, bytes: 2_000 } : undefined)
      }
    }

    await write(random.integer(30))
    const beganAt = durable
    const writing = (async () => {
      while (!isOver) await write(1)
    })()
    const copy = createMemoryDisk()
    const copied = await copyState(
      slowed(disk, () => random.integer(4)),
      copy,
    ).finally(() => {
      isOver = true
    })
    await writing
    await folding
    await store.close()

    expect(copied).toEqual({ files: copy.files().length, bytes: copy.bytes() })
    const { lastSeq, problems, values } = await found(copy)
    expect(problems).toEqual([])
    expect(lastSeq).toBeGreaterThanOrEqual(beganAt)
    expect(values).toEqual(after(all, lastSeq))
  },
)

test.each(disks)('a copy goes on where it was taken, with what is kept for explaining (%s)', async (_, makeDisk) => {
  const disk = makeDisk()
  const store = await openStore({ disk, ...SMALL })
  await store.load()
  const live = createLive()
  const write = async (seq: number) => {
    await store.append([record(seq)])
    live.apply([record(seq)])
  }
  for (let seq = 1; seq <= 20; seq++) await write(seq)
  await store.compact(live, { ms: 1_000_000, bytes: 1_000_000 })
  await write(21)

  const copy = makeDisk()
  await copyState(disk, copy)
  await write(22)
  await store.close()

  const again = await openStore({ disk: copy, ...SMALL })
  const { lastSeq, problems } = await again.load()
  expect({ lastSeq, problems }).toEqual({ lastSeq: 21, problems: [] })
  await again.append([record(22, 'peer:other')])
  const seqs: number[] = []
  for await (const { seq } of again.history()) seqs.push(seq)
  expect(seqs).toEqual(Array.from({ length: 22 }, (_, at) => at + 1))
  await again.close()
})

test('a state that is folded all the time is not copied by halves: it says so', async () => {
  const disk = createMemoryDisk()
  let folds = 0
  const folding: Disk = {
    ...disk,
    async read(path) {
      if (path !== INDEX_PATH) return disk.read(path)
      folds += 1
      return new TextEncoder().encode(`fold ${folds}`)
    },
  }

  await expect(copyState(folding, createMemoryDisk(), '/var/state')).rejects.toThrow(
    'The state in /var/state was folded 10 times while it was copied, and no copy is whole; try again when it is quieter, or stop the bot.',
  )
})

test('the copy of an account that has recorded nothing yet is one that starts', async () => {
  const copy = createMemoryDisk()
  expect(await copyState(createMemoryDisk(), copy)).toEqual({ files: 0, bytes: 0 })
  expect(await found(copy)).toMatchObject({ lastSeq: 0, problems: [] })
})
