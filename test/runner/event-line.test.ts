import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { eventLine } from '../../src/runner/event-line.ts'

test('a dead letter is told with the command that shows what is kept', () => {
  const letter = { account: 'default', chat: 'peer:alice', id: 'c92f19a2a4654de3e36e5404', reason: 'it failed' } as const

  expect(stripVTControlCharacters(eventLine({ event: 'dead-letter', atMs: 0, ...letter }, {}) ?? '')).toMatch(
    / {2}default peer:alice {2}dead letter c92f19a2: it failed \(kept: ztm-chat deadletter list\)$/,
  )
})
