import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createMemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { createNodeDisk } from '../../../src/adapters/store/node-disk.ts'
import type { Json } from '../../../src/domain/json.ts'
import type { Disk } from '../../../src/ports/disk.ts'
import type { FoldSource, Loaded, StoredRecord } from '../../../src/ports/store.ts'

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'store-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export const disks: readonly (readonly [string, () => Disk])[] = [
  ['memory', () => createMemoryDisk()],
  ['node', () => createNodeDisk(temporaryFolder())],
]

export const text = (data: Uint8Array | null): string | null => data && Buffer.from(data).toString()
export const bytes = (content: string): Uint8Array => new TextEncoder().encode(content)

export async function replace(disk: Disk, path: string, content: string | Uint8Array): Promise<void> {
  await disk.write(path, typeof content === 'string' ? bytes(content) : content)
}

/** One record that changes one key. */
export const record = (seq: number, key = `peer:${seq}`, event: Json = { said: `hello ${seq}` }): StoredRecord => ({
  seq,
  atMs: 1_700_000_000_000 + seq,
  changes: [{ key, event }],
})

export const records = (from: number, to: number): StoredRecord[] =>
  Array.from({ length: to - from + 1 }, (_, at) => record(from + at, `peer:${(from + at) % 7}`))

export type Live = FoldSource & { apply(records: readonly StoredRecord[]): void; values(): Map<string, Json> }

/** A live state: each key's value is the list of its events; the event `forget` removes the key. */
export function createLive(): Live {
  const values = new Map<string, Json[]>()
  const changed = new Map<string, number>()
  let last = 0
  return {
    seq: () => last,
    keys: () => values.keys(),
    dirty: () => new Set(changed.keys()),
    read: key => values.get(key),
    values: () => values,
    apply(more) {
      for (const { seq, changes } of more) {
        last = seq
        for (const { key, event } of changes) {
          changed.set(key, seq)
          if (event === 'forget') values.delete(key)
          else values.set(key, [...(values.get(key) ?? []), event])
        }
      }
    },
  }
}

/** What a caller makes of what was found: the entries, and on top of each the records that it does not contain. */
export function restored({ entries, tail, lastSeq }: Loaded): Live {
  const live = createLive()
  const start: StoredRecord[] = []
  for (const [key, { json }] of entries) {
    const value: unknown = JSON.parse(json)
    if (!Array.isArray(value)) throw new Error(`${key} has no list of events.`)
    for (const event of value) start.push({ seq: lastSeq, atMs: 0, changes: [{ key, event }] })
  }
  live.apply(start)
  for (const { seq, atMs, changes } of tail) {
    live.apply([{ seq, atMs, changes: changes.filter(({ key }) => seq > (entries.get(key)?.seq ?? 0)) }])
  }
  live.apply([{ seq: lastSeq, atMs: 0, changes: [] }])
  return live
}
