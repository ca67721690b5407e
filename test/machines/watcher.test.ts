import { describe, expect, test } from 'vitest'
import { type WatcherContext, type WatcherEvent, watcherMachine } from '../../machines/watcher.ts'
import { chartOf, untaken } from './kit.ts'
import { alice } from './words.ts'

const watcher = chartOf(watcherMachine, { chat: alice })
const context = (changes: Partial<WatcherContext> = {}): WatcherContext => ({ chat: alice, changedAgain: false, failures: 0, ...changes })

const changed: WatcherEvent = { type: 'chat.changed' }
const done: WatcherEvent = { type: 'fetch.done' }
const failed: WatcherEvent = { type: 'fetch.failed', retryable: true, reason: 'the agent is away' }
const refused: WatcherEvent = { type: 'fetch.failed', retryable: false, reason: 'no such chat' }
const rested: WatcherEvent = { type: 'backoff.over' }
const fetches = { type: 'fetch', params: { chat: alice } }

describe('the watcher', () => {
  test('waits for a change', () => {
    expect(watcher.after()).toEqual({ value: 'idle', context: context(), effects: [] })
  })

  test('fetches a chat that changed', () => {
    expect(watcher.after(changed)).toEqual({ value: 'fetching', context: context(), effects: [fetches] })
  })

  test('starts no second fetch for a change during the fetch, and keeps it in mind', () => {
    expect(watcher.after(changed, changed)).toEqual({ value: 'fetching', context: context({ changedAgain: true }), effects: [] })
  })

  test('fetches once more, and only once, when the chat changed meanwhile', () => {
    expect(watcher.after(changed, changed, changed, done)).toEqual({ value: 'fetching', context: context(), effects: [fetches] })
    expect(watcher.after(changed, changed, changed, done, done)).toEqual({ value: 'idle', context: context(), effects: [] })
  })

  test('ends in idle when nothing more changed', () => {
    expect(watcher.after(changed, done)).toEqual({ value: 'idle', context: context(), effects: [] })
  })

  test('rests after a failure that time can mend, the longer the more there were', () => {
    const rests = (failures: number) => ({
      value: 'backing off',
      context: context({ failures }),
      effects: [{ type: 'startBackoff', params: { failures } }],
    })

    expect(watcher.after(changed, failed)).toEqual(rests(1))
    expect(watcher.after(changed, failed, rested, failed)).toEqual(rests(2))
  })

  test('fetches again after its rest, which also sees what changed during it', () => {
    expect(watcher.after(changed, failed, changed)).toEqual({ value: 'backing off', context: context({ failures: 1 }), effects: [] })
    expect(watcher.after(changed, failed, changed, rested)).toEqual({
      value: 'fetching',
      context: context({ failures: 1 }),
      effects: [fetches],
    })
  })

  test('forgets its failures with the first fetch that goes through', () => {
    expect(watcher.after(changed, failed, rested, done)).toEqual({ value: 'idle', context: context(), effects: [] })
    expect(watcher.after(changed, failed, rested, changed, done)).toEqual({ value: 'fetching', context: context(), effects: [fetches] })
  })

  test('reports a failure that time cannot mend, and waits for the next change', () => {
    expect(watcher.after(changed, refused)).toEqual({
      value: 'idle',
      context: context(),
      effects: [{ type: 'reportTrouble', params: { chat: alice, reason: 'no such chat' } }],
    })
  })

  test('does not forget what changed during a fetch that failed for good', () => {
    expect(watcher.after(changed, changed, refused)).toEqual({
      value: 'fetching',
      context: context(),
      effects: [{ type: 'reportTrouble', params: { chat: alice, reason: 'no such chat' } }, fetches],
    })
  })
})

test('every transition of the watcher chart was taken by the tests above', () => {
  expect(untaken(watcher)).toEqual([])
})
