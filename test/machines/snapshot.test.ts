import { describe, expect, test } from 'vitest'
import { type SnapshotEvent, snapshotMachine } from '../../machines/snapshot.ts'
import { chartOf, untaken } from './kit.ts'

const snapshot = chartOf(snapshotMachine)
const well = { failures: 0, reason: null }

const loaded: SnapshotEvent = { type: 'load.done' }
const waiting: SnapshotEvent = { type: 'records.waiting' }
const flushed = (now: { waiting?: boolean; foldDue?: boolean } = {}): SnapshotEvent => ({
  type: 'flush.done',
  waiting: false,
  foldDue: false,
  ...now,
})
const failed: SnapshotEvent = { type: 'flush.failed', reason: 'the disk is full' }
const rested: SnapshotEvent = { type: 'backoff.over' }
const folded: SnapshotEvent = { type: 'fold.done' }
const foldFailed: SnapshotEvent = { type: 'fold.failed', reason: 'the disk is full' }

const flush = { type: 'flush', params: {} }
const fold = { type: 'fold', params: {} }
const recovery = { type: 'reportRecovery', params: {} }
const trouble = { type: 'reportTrouble', params: { reason: 'the disk is full' } }
const state = (journal: string, snapshots = 'resting') => ({ journal, snapshots })

describe('the journal', () => {
  test('is loaded before anything is written', () => {
    expect(snapshot.after()).toEqual({ value: state('loading'), context: well, effects: [{ type: 'load', params: {} }] })
    expect(snapshot.after(loaded)).toEqual({ value: state('ready'), context: well, effects: [] })
  })

  test('is left untouched for good when it cannot be loaded', () => {
    const unusable = { value: state('unusable'), context: { failures: 1, reason: 'locked by process 7' }, effects: [] }

    expect(snapshot.after({ type: 'load.failed', reason: 'locked by process 7' })).toEqual(unusable)
    expect(snapshot.after({ type: 'load.failed', reason: 'locked by process 7' }, waiting, loaded)).toEqual(unusable)
  })

  test('is flushed as soon as a record waits', () => {
    expect(snapshot.after(loaded, waiting)).toEqual({ value: state('flushing'), context: well, effects: [flush] })
  })

  test('gathers records while a flush runs, without starting a second one', () => {
    expect(snapshot.after(loaded, waiting, waiting)).toEqual({ value: state('flushing'), context: well, effects: [] })
  })

  test('flushes what gathered in one more flush', () => {
    expect(snapshot.after(loaded, waiting, flushed({ waiting: true }))).toEqual({
      value: state('flushing'),
      context: well,
      effects: [recovery, flush],
    })
  })

  test('is ready again when nothing waits', () => {
    expect(snapshot.after(loaded, waiting, flushed())).toEqual({ value: state('ready'), context: well, effects: [recovery] })
  })

  test('rests after a failed flush, and says why', () => {
    expect(snapshot.after(loaded, waiting, failed)).toEqual({
      value: state('failed'),
      context: { failures: 1, reason: 'the disk is full' },
      effects: [trouble, { type: 'startBackoff', params: { failures: 1 } }],
    })
  })

  test('starts no flush for records that come while it rests', () => {
    expect(snapshot.after(loaded, waiting, failed, waiting)).toEqual({
      value: state('failed'),
      context: { failures: 1, reason: 'the disk is full' },
      effects: [],
    })
  })

  test('tries the same records again after its rest, and counts the failures until one flush goes through', () => {
    const again = snapshot.after(loaded, waiting, failed, rested)
    const twice = snapshot.after(loaded, waiting, failed, rested, failed)
    const atLast = snapshot.after(loaded, waiting, failed, rested, failed, rested, flushed())

    expect(again).toEqual({ value: state('flushing'), context: { failures: 1, reason: 'the disk is full' }, effects: [flush] })
    expect(twice.effects).toEqual([trouble, { type: 'startBackoff', params: { failures: 2 } }])
    expect(atLast).toEqual({ value: state('ready'), context: well, effects: [recovery] })
  })
})

describe('the snapshots', () => {
  test('are folded when a flush made the journal long enough', () => {
    expect(snapshot.after(loaded, waiting, flushed({ foldDue: true }))).toEqual({
      value: state('ready', 'folding'),
      context: well,
      effects: [recovery, fold],
    })
  })

  test('are folded while the journal goes on flushing, one fold at a time', () => {
    expect(snapshot.after(loaded, waiting, flushed({ foldDue: true, waiting: true }), flushed({ foldDue: true }))).toEqual({
      value: state('ready', 'folding'),
      context: well,
      effects: [recovery],
    })
  })

  test('rest after a fold', () => {
    expect(snapshot.after(loaded, waiting, flushed({ foldDue: true }), folded)).toEqual({
      value: state('ready'),
      context: well,
      effects: [],
    })
  })

  test('rest after a fold that failed, say why, and are folded after the next flush', () => {
    const asFailed = snapshot.after(loaded, waiting, flushed({ foldDue: true }), foldFailed)
    const next = snapshot.after(loaded, waiting, flushed({ foldDue: true }), foldFailed, waiting, flushed({ foldDue: true }))

    expect(asFailed).toEqual({ value: state('ready'), context: well, effects: [{ type: 'warn', params: { reason: 'the disk is full' } }] })
    expect(next).toEqual({ value: state('ready', 'folding'), context: well, effects: [recovery, fold] })
  })
})

test('every transition of the snapshot chart was taken by the tests above', () => {
  expect(untaken(snapshot)).toEqual([])
})
