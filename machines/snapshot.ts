/**
 * One account's memory: one journal, one writer. Records gather while a flush runs, and go out together in the next.
 *
 * S1. Nothing is told to have happened before its flush is done.
 * S2. A failed flush loses nothing: the records stay waiting and are flushed again after a rest.
 * S3. Folding never blocks flushing.
 * S4. It waits for the disk only, never for a chat.
 */
import { assign, setup } from 'xstate'

export type SnapshotContext = { failures: number; reason: string | null }
export type SnapshotEvent =
  | { type: 'load.done' }
  | { type: 'load.failed'; reason: string }
  | { type: 'records.waiting' }
  | { type: 'flush.done'; waiting: boolean; foldDue: boolean }
  | { type: 'flush.failed'; reason: string }
  | { type: 'backoff.over' }
  | { type: 'fold.done' }
  | { type: 'fold.failed'; reason: string }

export const snapshotMachine = setup({
  types: { context: {} as SnapshotContext, events: {} as SnapshotEvent },
  guards: {
    hasWaiting: (_, flushed: { waiting: boolean }) => flushed.waiting,
    /** A start would have to replay too much. */
    isFoldDue: (_, flushed: { foldDue: boolean }) => flushed.foldDue,
  },
  actions: {
    load: (_, _params: Record<string, never>) => {},
    flush: (_, _params: Record<string, never>) => {},
    fold: (_, _params: Record<string, never>) => {},
    startBackoff: (_, _params: { failures: number }) => {},
    reportTrouble: (_, _params: { reason: string }) => {},
    /** Nothing is lost and nothing waits: only the next start takes longer. */
    warn: (_, _params: { reason: string }) => {},
    reportRecovery: (_, _params: Record<string, never>) => {},
    countFailure: assign({
      failures: ({ context }) => context.failures + 1,
      reason: (_, failure: { reason: string }) => failure.reason,
    }),
    forgetFailures: assign({ failures: 0, reason: null }),
  },
}).createMachine({
  id: 'snapshot',
  description: "One account's journal and its folding into snapshots.",
  context: { failures: 0, reason: null },
  type: 'parallel',
  states: {
    journal: {
      initial: 'loading',
      states: {
        loading: {
          entry: { type: 'load', params: {} },
          on: {
            'load.done': 'ready',
            'load.failed': { target: 'unusable', actions: { type: 'countFailure', params: ({ event }) => event } },
          },
        },
        ready: { description: 'Everything is durable.', on: { 'records.waiting': 'flushing' } },
        flushing: {
          entry: { type: 'flush', params: {} },
          on: {
            'records.waiting': { description: 'They gather for the next flush.' },
            'flush.done': [
              {
                guard: { type: 'hasWaiting', params: ({ event }) => event },
                target: 'flushing',
                reenter: true,
                actions: ['forgetFailures', { type: 'reportRecovery', params: {} }],
              },
              { target: 'ready', actions: ['forgetFailures', { type: 'reportRecovery', params: {} }] },
            ],
            'flush.failed': {
              target: 'failed',
              actions: [
                { type: 'countFailure', params: ({ event }) => event },
                { type: 'reportTrouble', params: ({ event }) => ({ reason: event.reason }) },
              ],
            },
          },
        },
        failed: {
          description: 'The disk refused; nothing is told to have happened meanwhile.',
          entry: { type: 'startBackoff', params: ({ context }) => ({ failures: context.failures }) },
          on: {
            'records.waiting': { description: 'They stay waiting.' },
            'backoff.over': 'flushing',
          },
        },
        unusable: { type: 'final', description: 'Locked by another process, or written by a newer version: nothing was touched.' },
      },
    },
    snapshots: {
      initial: 'resting',
      states: {
        resting: {
          on: { 'flush.done': { guard: { type: 'isFoldDue', params: ({ event }) => event }, target: 'folding' } },
        },
        folding: {
          entry: { type: 'fold', params: {} },
          on: {
            'fold.done': 'resting',
            'fold.failed': {
              description: 'The journal still has everything; the next flush asks again.',
              target: 'resting',
              actions: { type: 'warn', params: ({ event }) => ({ reason: event.reason }) },
            },
          },
        },
      },
    },
  },
})
