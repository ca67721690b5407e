/** Makes changes durable before anybody believes them: records of all charts gather and go out in one flush. */
import { createActor, type SnapshotFrom } from 'xstate'
import type { Change, Commit } from '../../machines/records.ts'
import { type SnapshotEvent, snapshotMachine } from '../../machines/snapshot.ts'
import { backoffMs } from '../domain/backoff.ts'
import { StoreUnusable } from '../domain/errors.ts'
import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import type { FoldSource, Loaded, Store, StoredRecord } from '../ports/store.ts'
import type { Nursery } from './nursery.ts'
import { keyOf } from './parse-record.ts'
import type { Timers } from './timers.ts'

/** Records of one flush: bounds the memory of a batch, not what may wait. */
const BATCH_MAX = 1_000

export interface Journal {
  /** Resolves when the disk has been read; rejects with StoreUnusable. */
  load(): Promise<Loaded>
  commit(commit: Commit): void
  /** The same, for callers that must know. Resolves after the charts have been told; rejects when the account stops first. */
  committed(changes: readonly Change[]): Promise<void>
  /** Resolves when everything given so far is durable and told. */
  flushed(): Promise<void>
  /** Why nothing can be written at present; null when all is well. */
  trouble(): string | null
  look(): SnapshotFrom<typeof snapshotMachine>
  /** Everything given so far has been flushed, or cannot be. Then the store is closed. */
  close(): Promise<void>
}

export type JournalOptions = {
  readonly nursery: Nursery
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly timers: Timers
  readonly limits: Limits
  readonly log: Log
  readonly apply: (seq: number, atMs: number, changes: readonly Change[]) => void
  readonly beginFold: () => FoldSource
  readonly foldFailed: () => void
  readonly onTrouble: (reason: string) => void
}

type Waiting = {
  readonly changes: readonly Change[]
  readonly waiter: { readonly resolve: () => void; readonly reject: (error: StoreUnusable) => void } | null
}

export function createJournal(options: JournalOptions): Journal {
  const { store, clock, random, timers, limits, log } = options
  let waiting: Waiting[] = []
  let lastSeq = 0
  let reason: string | null = null
  let loaded: { resolve: (loaded: Loaded) => void; reject: (error: unknown) => void } | null = null
  let idle: (() => void)[] = []
  let closed = false

  const stopped = () => new StoreUnusable('The account stopped before this was recorded; try again when it runs.', true)

  const sentence = (error: unknown) => (error instanceof Error ? error.message : String(error))

  const flush = async () => {
    const batch = waiting.slice(0, BATCH_MAX)
    const atMs = clock.now()
    // A waiter without changes only wants to know when those before it are done.
    const steps = batch.filter(({ changes }) => changes.length > 0)
    const records: StoredRecord[] = steps.map(({ changes }, index) => ({
      seq: lastSeq + 1 + index,
      atMs,
      changes: changes.map(change => ({ key: keyOf(change), event: change.event })),
    }))
    try {
      if (records.length > 0) await store.append(records)
    } catch (error) {
      actor.send({ type: 'flush.failed', reason: sentence(error) })
      return
    }
    waiting = waiting.slice(batch.length)
    for (const { changes, waiter } of batch) {
      if (changes.length > 0) options.apply(++lastSeq, atMs, changes)
      waiter?.resolve()
    }
    actor.send({ type: 'flush.done', waiting: waiting.length > 0, foldDue: isFoldDue() })
    if (waiting.length === 0) release()
  }

  /** A fold may write the whole snapshot anew: no sooner than as much has been journalled, or many chats would make each message dear. */
  const isFoldDue = () => store.journalBytes() >= Math.max(limits.journalBytes, store.snapshotBytes())

  const release = () => {
    const resolves = idle
    idle = []
    for (const resolve of resolves) resolve()
  }

  const actor = createActor(
    snapshotMachine.provide({
      actions: {
        load: () => {
          store.load().then(
            found => {
              lastSeq = found.lastSeq
              actor.send({ type: 'load.done' })
              loaded?.resolve(found)
              // Whoever waits has it; what was loaded may be large, and is nobody's afterwards.
              loaded = null
            },
            error => {
              actor.send({ type: 'load.failed', reason: sentence(error) })
              loaded?.reject(error)
            },
          )
        },
        // A turn later, so that what one event brings about goes out together.
        flush: () => queueMicrotask(() => void flush()),
        fold: () => {
          store.compact(options.beginFold(), { ms: limits.historyMs, bytes: limits.historyBytes }).then(
            () => tell({ type: 'fold.done' }),
            error => {
              options.foldFailed()
              tell({ type: 'fold.failed', reason: sentence(error) })
            },
          )
        },
        startBackoff: (_, { failures }) =>
          timers.set(
            'journal',
            backoffMs({ failures, baseMs: limits.reconnectMs, maxMs: limits.reconnectMsMax, unit: random.unit() }),
            () => actor.send({ type: 'backoff.over' }),
          ),
        reportTrouble: (_, trouble) => {
          reason = trouble.reason
          log.error({ reason }, 'state cannot be written')
          options.onTrouble(trouble.reason)
          release()
        },
        warn: (_, warning) => log.warn(warning, 'the journal could not be folded into the snapshots; it is tried again'),
        reportRecovery: () => {
          if (reason) log.info({}, 'state can be written again')
          reason = null
        },
      },
    }),
    { id: 'snapshot', parent: options.nursery.ref },
  )

  /** A fold may end after the account has stopped. */
  const tell = (event: SnapshotEvent) => {
    if (actor.getSnapshot().status === 'active') actor.send(event)
  }

  const add = (entry: Waiting) => {
    if (closed) return entry.waiter?.reject(stopped())
    // While a flush runs, or is waited for, they gather; it looks for itself what has come.
    if (waiting.push(entry) === 1 || actor.getSnapshot().value.journal === 'ready') actor.send({ type: 'records.waiting' })
  }

  return {
    load: () =>
      new Promise((resolve, reject) => {
        loaded = { resolve, reject }
        actor.start()
      }),
    commit: ({ changes }) => add({ changes, waiter: null }),
    committed: changes => new Promise((resolve, reject) => add({ changes, waiter: { resolve, reject } })),
    flushed: () => new Promise((resolve, reject) => add({ changes: [], waiter: { resolve, reject } })),
    trouble: () => reason,
    look: () => actor.getSnapshot(),
    async close() {
      // What one flush brings about may be the next.
      while (waiting.length > 0 && reason === null) await new Promise<void>(resolve => idle.push(resolve))
      if (waiting.length > 0)
        log.warn(
          { records: waiting.length, reason },
          'stopped with records that could not be written; they are decided again at the next start',
        )
      closed = true
      for (const { waiter } of waiting) waiter?.reject(stopped())
      options.nursery.stopChild(actor)
      await store.close()
    },
  }
}
