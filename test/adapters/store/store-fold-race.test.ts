import { expect, test } from 'vitest'
import { createMemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { openStore } from '../../../src/adapters/store/store.ts'
import type { Disk } from '../../../src/ports/disk.ts'
import type { FoldSource, StoredRecord } from '../../../src/ports/store.ts'

const record = (seq: number): StoredRecord => ({ seq, atMs: seq, changes: [{ key: 'account', event: { seq } }] })

test('a fold that ends while a new segment is being made does not remove it', async () => {
  const disk = createMemoryDisk()
  let made = Promise.withResolvers<void>()
  let goOn: Promise<void> = Promise.resolve()
  const slow: Disk = {
    ...disk,
    async append(path) {
      const file = await disk.append(path)
      made.resolve()
      await goOn
      return file
    },
  }
  const store = await openStore({ disk: slow })
  await store.load()
  await store.append([record(1)])
  const fold: FoldSource = { seq: () => 1, keys: () => ['account'], dirty: () => new Set(['account']), read: () => ({ seq: 1 }) }
  // The fold ends the live segment, so that the next record begins a new one.
  await store.compact(fold)

  made = Promise.withResolvers()
  const gate = Promise.withResolvers<void>()
  goOn = gate.promise
  const appended = store.append([record(2)])
  await made.promise
  await store.compact(fold)
  gate.resolve()
  await appended
  await store.close()

  const again = await openStore({ disk })
  const { tail, lastSeq } = await again.load()
  expect({ seqs: tail.map(({ seq }) => seq), lastSeq }).toEqual({ seqs: [2], lastSeq: 2 })
})

/** One that begins in the same turn as the append, or in any of the next while it is under way. */
test.each([0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20])(
  'what is written for the first time when a fold begins is there after the next start (the fold is %i turns late)',
  async turns => {
    const disk = createMemoryDisk()
    const store = await openStore({ disk, shards: 8 })
    await store.load()
    const values = new Map<string, number>()
    let seq = 0
    const live: FoldSource = {
      seq: () => seq,
      keys: () => values.keys(),
      dirty: () => new Set(values.keys()),
      read: key => values.get(key),
    }
    const write = async (next: number, what: string) => {
      const keys = Array.from({ length: 20 }, (_, at) => `${what} ${at}`)
      await store.append([{ seq: next, atMs: next, changes: keys.map(key => ({ key, event: {} })) }])
      seq = next
      for (const key of keys) values.set(key, next)
    }
    await write(1, 'old')

    const written = write(2, 'new')
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    await store.compact(live)
    await written
    await store.close()

    const { entries, tail } = await (await openStore({ disk })).load()
    const found = [...entries.keys(), ...tail.flatMap(({ changes }) => changes.map(({ key }) => key))]
    expect(new Set(found)).toEqual(new Set(values.keys()))
  },
)
