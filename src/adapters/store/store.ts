import { StoreUnusable } from '../../domain/errors.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Store, StoredRecord } from '../../ports/store.ts'
import { createArchive } from './archive.ts'
import { compactInto } from './compaction.ts'
import { marking } from './doubt.ts'
import { codeOf, storeFailure } from './failures.ts'
import { readHistory } from './history.ts'
import { createJournal, type Journal, SEGMENT_BYTES } from './journal.ts'
import { type Found, loadState } from './load.ts'
import type { Lease } from './lock.ts'
import { createNumbers } from './numbers.ts'
import { SHARDS, shardOf } from './shards.ts'

export interface StoreOptions {
  readonly disk: Disk
  /** For messages: the state directory, as the user knows it. */
  readonly where?: string
  /** Given back by `close`. */
  readonly lease?: Lease
  /** Past this a new segment is begun. */
  readonly segmentBytes?: number
  /** Of a new store; one that exists keeps its own. */
  readonly shards?: number
}

/** Without what was loaded: the caller makes of it what is kept. */
type Open = Omit<Found, 'loaded'> & {
  readonly journal: Journal
  readonly changed: Map<number, number>
  /** Keys of what was appended since the last fold began, each with its newest record: the caller's state may not have them yet. */
  readonly recent: Map<string, number>
}

/** Journal and snapshots of one account, on any disk. Call `load` first. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { where = 'the state directory', lease, segmentBytes = SEGMENT_BYTES, shards = SHARDS } = options
  const disk = marking(options.disk)
  let open: Open | null = null
  const archive = createArchive(disk)
  let compacting: Promise<void> = Promise.resolve()
  let isClosed = false

  const loaded = (): Open => {
    if (!open) throw new Error('The store was used before it was loaded.')
    return open
  }
  const mayGoOn = (): void => {
    if (isClosed) throw new StoreUnusable(`The store of ${where} is closed; what was not folded stays in the journal.`, false)
  }

  /** Nothing that was kept for explaining may stand in the way of what must be written: the next try has its room. */
  const makeRoom = async (failure: unknown): Promise<never> => {
    const code = failure instanceof StoreUnusable ? codeOf(failure.cause) : undefined
    if (code === 'ENOSPC' || code === 'EDQUOT') await archive.clear().catch(() => {})
    throw failure
  }

  return {
    async load() {
      if (open) throw new Error('The store was loaded twice.')
      mayGoOn()
      try {
        const { loaded, ...found } = await loadState(disk, where, shards)
        const numbers = createNumbers(disk)
        const lastNumber = Math.max(found.lastNumber, await numbers.last())
        const journal = createJournal({ disk, numbers, archive, where, segmentBytes, ...found, lastNumber, lastSeq: loaded.lastSeq })
        open = { ...found, journal, changed: new Map(), recent: new Map() }
        noteShards(open, loaded.tail)
        return loaded
      } catch (cause) {
        throw storeFailure(cause, 'Loading the state', where)
      }
    },
    async append(records) {
      const state = loaded()
      noteShards(state, records)
      for (const { seq, changes } of records) for (const { key } of changes) state.recent.set(key, seq)
      await state.journal.append(records).catch(makeRoom)
    },
    journalBytes: () => loaded().journal.bytes(),
    snapshotBytes: () => [...loaded().shardBytes.values()].reduce((sum, bytes) => sum + bytes, 0),
    async compact(source, keep) {
      const state = loaded()
      const before = compacting
      const run = async () => {
        await before
        mayGoOn()
        const { journal, shards: number, shardSeqs, shardBytes, changed, recent } = state
        await compactInto({ disk, where, journal, shards: number, shardSeqs, shardBytes, changed, source, keep, recent, mayGoOn })
      }
      const done = run()
      compacting = done.catch(() => {})
      try {
        await done
      } catch (cause) {
        return makeRoom(storeFailure(cause, 'Writing the snapshot', where))
      }
    },
    history: () => readHistory(disk, archive, loaded().journal),
    async close() {
      isClosed = true
      await compacting
      await open?.journal.close()
      await lease?.release()
    },
  }
}

/** Noted before it is durable: a shard written once too often does no harm. */
function noteShards({ changed, shards }: Open, records: readonly StoredRecord[]): void {
  const newest = new Map<string, number>()
  for (const { seq, changes } of records) for (const { key } of changes) newest.set(key, seq)
  for (const [key, seq] of newest) {
    const shard = shardOf(key, shards)
    changed.set(shard, Math.max(seq, changed.get(shard) ?? 0))
  }
}
