/** The journal run through the charts again, silently, up to a moment: what the account was like then. */
import type { Json } from '../domain/json.ts'
import type { Limits } from '../domain/limits.ts'
import type { Loaded, Store, StoredRecord } from '../ports/store.ts'
import { noEffects } from './effects.ts'
import { createNursery } from './nursery.ts'
import { createRegistry } from './registry.ts'

/** Up to this wall-clock moment, ms, and up to this record, both included. */
export type Until = { readonly atMs?: number; readonly seq?: number }

export interface Replayed {
  /** The first and the last record that were run; null when there was none. */
  readonly firstSeq: number | null
  readonly lastSeq: number | null
  /** When the last one was decided, wall clock ms. */
  readonly atMs: number | null
  /** What was kept, by key: `account`, `chat:CHAT`, `pairing:USER`. A chart that rests is null. */
  readonly entries: ReadonlyMap<string, Json>
  /** One sentence for each gap, and each record that could not be read. */
  readonly problems: readonly string[]
}

export async function replayFrom(store: Pick<Store, 'history'>, limits: Limits, until: Until = {}): Promise<Replayed> {
  const { atMs = Number.POSITIVE_INFINITY, seq = Number.POSITIVE_INFINITY } = until
  const tail: StoredRecord[] = []
  const problems: string[] = []
  for await (const record of store.history()) {
    if (record.atMs > atMs || record.seq > seq) break
    const next = (tail.at(-1)?.seq ?? 0) + 1
    if (record.seq > next)
      problems.push(`Records ${next} to ${record.seq - 1} are not kept any more: what was as they left it is not known to this replay.`)
    tail.push(record)
  }
  const state = stateOf({ entries: new Map(), tail, lastSeq: tail.at(-1)?.seq ?? 0, problems: [] }, limits)
  problems.push(...state.problems)
  const entries = new Map([...state.keys()].map((key): readonly [string, Json] => [key, state.read(key)]))
  state.close()
  return { firstSeq: tail[0]?.seq ?? null, lastSeq: tail.at(-1)?.seq ?? null, atMs: tail.at(-1)?.atMs ?? null, entries, problems }
}

export interface State {
  /** Of all that is kept: `account`, `chat:CHAT`, `pairing:USER`. */
  keys(): Iterable<string>
  /** As a snapshot has it. */
  read(key: string): Json
  /** One sentence for each record that could not be read. */
  readonly problems: readonly string[]
  close(): void
}

/** What was kept when this was loaded: no chart runs, and nothing is asked for. */
export function stateOf(loaded: Loaded, limits: Limits): State {
  const nursery = createNursery('replay', (_, error) => {
    throw error
  })
  const registry = createRegistry({ nursery, limits, effects: noEffects })
  const problems = registry.replay(loaded)
  const source = registry.beginFold()
  return {
    keys: () => source.keys(),
    read: key => source.read(key) ?? null,
    problems,
    close() {
      registry.stop()
      nursery.stop()
    },
  }
}
