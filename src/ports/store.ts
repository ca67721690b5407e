import type { Json } from '../domain/json.ts'

/** One durable step: everything in it happens, or nothing. `seq` counts from 1 without gaps. */
export interface StoredRecord {
  readonly seq: number
  /** Wall clock, ms since 1970, when it was decided. */
  readonly atMs: number
  /** Who is changed by it: each `key` is an entry of the snapshot. */
  readonly changes: readonly { readonly key: string; readonly event: Json }[]
}

/** What was found on disk. */
export interface Loaded {
  /** Folded state by key, as JSON text, which is a quarter of what it takes as objects; `seq` is the last record it contains. */
  readonly entries: ReadonlyMap<string, { readonly seq: number; readonly json: string }>
  /** The journal after the oldest snapshot, ascending by seq. A record may already be part of some entries: compare `seq`. */
  readonly tail: readonly StoredRecord[]
  /** The next record must have `lastSeq + 1`. */
  readonly lastSeq: number
  /** One sentence for each damaged file that was set aside, with its new name. */
  readonly problems: readonly string[]
}

/** The live state, as the compaction reads it. Each `read` is a state that contains exactly the records up to `seq()`. */
export interface FoldSource {
  /** Last record that the state contains. Read together with the values, without an await in between. */
  seq(): number
  /** Every key that has a value now. Asked for once; keys that come later are known from their records. */
  keys(): Iterable<string>
  /** Keys changed since the last compaction that succeeded. */
  dirty(): ReadonlySet<string>
  /** Undefined when the key has no value, or none any more. */
  read(key: string): Json | undefined
}

/** How much of what was folded stays readable: by age, counted back from the newest, and by size. */
export interface HistoryBounds {
  readonly ms: number
  readonly bytes: number
}

/** One account's durable memory; one writer. Opening it took the lock. */
export interface Store {
  load(): Promise<Loaded>
  /** Resolves when all of them are durable. After a rejection none may be taken for durable, and the next call goes on with a new segment. */
  append(records: readonly StoredRecord[]): Promise<void>
  /** Bytes of journal that a start would have to replay. */
  journalBytes(): number
  /** Bytes of the snapshot: about what a fold would write when everything has changed. */
  snapshotBytes(): number
  /**
   * Folds the journal into the snapshot. Segments that are covered are kept for `history` within these bounds, and dropped without.
   * Appends may go on meanwhile.
   */
  compact(source: FoldSource, keep?: HistoryBounds): Promise<void>
  /** Durable records that can still be read, oldest first: those that were folded and kept, then the journal's. Beyond bounds, or damaged, are gaps. */
  history(): AsyncIterable<StoredRecord>
  /** Closes files and gives the lock back. */
  close(): Promise<void>
}
