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
  /** Last record that changed something in each shard. */
  readonly changed: ReadonlyMap<number, number>
  readonly source: FoldSource
  /** For the segments that are covered; without, they are dropped. */
  readonly keep: HistoryBounds | undefined
  /** Called between two shards; throws when the rest is not to be done. */
  readonly mayGoOn: () => void
}

/**
 * Writes the shards in which something changed, then the index, and only then drops the segments that nobody needs any more.
 * Until the index is durable, a start finds everything in the journal.
 */
export async function compactInto(options: CompactionOptions): Promise<void> {
  const { disk, where, journal, shards, shardSeqs, source, keep, mayGoOn } = options
  const write = (path: string, data: Shard): Promise<void> => {
    const database = shardDatabase({ disk, path, where, untilDurable: journal.untilDurable })
    database.data = data
    return database.write()
  }

  journal.seal()
  const floor = source.seq()
  const written = new Map<number, number>()
  for (const shard of shardsToWrite(options)) {
    mayGoOn()
    // Captured and turned into text in one turn: no event can come in between.
    const data = capture(source, shard, shards)
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

function capture(source: FoldSource, shard: number, shards: number): Shard {
  const entries: Shard['entries'] = []
  for (const key of source.keys()) if (shardOf(key, shards) === shard) entries.push([key, source.read(key)])
  return { seq: source.seq(), shards, entries }
}
