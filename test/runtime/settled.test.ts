import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Change } from '../../machines/records.ts'
import { LIMITS } from '../../src/domain/limits.ts'
import { isSettled, newEntry, project } from '../../src/runtime/entries.ts'
import { afterCrash, rests } from '../machines/crash.ts'
import { choices, live } from '../machines/runs.ts'

const entryAfter = (journal: readonly Change[]) => {
  const entry = newEntry(0)
  for (const change of journal) if (change.at === 'chat') project(entry, change.event, 0, LIMITS)
  return entry
}

/** A start leaves out what led to a settled conversation, and takes its charts for new. */
test('the charts of a conversation rest whenever its records have settled everything but dead letters', () => {
  let settled = 0
  fc.assert(
    fc.property(choices, numbers => {
      for (const world of live(['chat', 'outbox', 'pairing'], numbers).worlds) {
        if (!isSettled(entryAfter(world.journal))) continue
        settled += world.journal.length > 0 ? 1 : 0
        const { snapshots } = afterCrash(world, null)
        expect([rests(snapshots, 'chat'), rests(snapshots, 'outbox')], JSON.stringify(world.journal)).toEqual([true, true])
      }
    }),
    { numRuns: 100, seed: 70_413 },
  )
  expect(settled).toBeGreaterThan(100)
})
