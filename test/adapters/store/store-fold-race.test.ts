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
