import type { Disk } from '../../ports/disk.ts'
import type { FoldSource, HistoryBounds } from '../../ports/store.ts'
import type { Journal } from './journal.ts'
import { type Shard, shardDatabase } from './shard-file.ts'
import { INDEX_PATH, SHARD_FOLDER, shardOf, shardPath } from './shards.ts'

export interface CompactionOptions {
  readonly disk: Disk
  readonly where: string
  readonly journal: Journal
  readonly shards: number
  /** Last record that each shard contains; kept up to date here. */
  readonly shardSeqs: Map<number, number>
  /** How large each file is, by its path; kept up to date here. */
  readonly shardBytes: Map<string, number>
  /** Last record that changed something in each shard. */
  readonly changed: ReadonlyMap<number, number>
  readonly source: FoldSource
  /** For the segments that are covered; without, they are dropped. */
  readonly keep: HistoryBounds | undefined
  /**
   * Keys of records that the source may not contain yet, each with its newest one: under way when this begins, or appended while it runs.
   * The store goes on filling it; what the source contains is taken out here.
   */
  readonly recent: Map<string, number>
  /** Called between two shards; throws when the rest is not to be done. */
  readonly mayGoOn: () => void
}

/**
 * Writes the shards in which something changed, then the index, and only then drops the segments that nobody needs any more.
 * Until the index is durable, a start finds everything in the journal.
 */
export async function compactInto(options: CompactionOptions): Promise<void> {
  const { disk, where, journal, shards, shardSeqs, shardBytes, source, keep, recent, mayGoOn } = options
  const write = (path: string, data: Shard): Promise<void> => {
    const noteBytes = (bytes: number) => void shardBytes.set(path, bytes)
    const database = shardDatabase({ disk, path, where, untilDurable: journal.untilDurable, noteBytes })
    database.data = data
    return database.write()
  }

  journal.seal()
  const floor = source.seq()
  const keys = byShard(source.keys(), shards)
  for (const [key, seq] of recent) if (seq <= floor) recent.delete(key)
  const written = new Map<number, number>()
  for (const shard of shardsToWrite(options)) {
    mayGoOn()
    // Captured and turned into text in one turn: no event can come in between.
    const known = keys[shard] ?? new Set()
    for (const key of recent.keys()) if (shardOf(key, shards) === shard) known.add(key)
    const data = capture(source, shards, known)
    await write(shardPath(shard), data)
    written.set(shard, data.seq)
  }
  if (written.size > 0) await disk.syncFolder(SHARD_FOLDER)
  for (const [shard, seq] of written) shardSeqs.set(shard, seq)

  await write(INDEX_PATH, { seq: floor, shards, entries: [...shardSeqs].map(([shard, seq]) => [String(shard), seq]) })
  await disk.syncFolder(SHARD_FOLDER)
  await journal.dropUpTo(floor, keep)
}

/** What the caller calls dirty, and what the journal says has changed: a key forgotten by the one must not cost its records. */
function shardsToWrite({ source, shards, shardSeqs, changed }: CompactionOptions): number[] {
  const due = new Set<number>()
  for (const key of source.dirty()) due.add(shardOf(key, shards))
  for (const [shard, seq] of changed) if (seq > (shardSeqs.get(shard) ?? 0)) due.add(shard)
  return [...due].sort((a, b) => a - b)
}

/** In one pass: there may be many keys, and each shard has few. */
function byShard(keys: Iterable<string>, shards: number): readonly Set<string>[] {
  const found = Array.from({ length: shards }, () => new Set<string>())
  for (const key of keys) found[shardOf(key, shards)]?.add(key)
  return found
}

function capture(source: FoldSource, shards: number, keys: ReadonlySet<string>): Shard {
  const entries: Shard['entries'] = []
  for (const key of keys) {
    const value = source.read(key)
    if (value !== undefined) entries.push([key, value])
  }
  return { seq: source.seq(), shards, entries }
}
