/** Posts of whoever had the account before, as far as their chats tell of them. */
import { expect, test } from 'vitest'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { createInherited } from '../../../src/cluster/feeder/inherited.ts'
import type { ChatId } from '../../../src/domain/ids.ts'

const LOOK_MS = 15_000
const UNDER_WAY_MS = 5_000
const at = async () => 'answered'

function open(ours: readonly ChatId[] = []) {
  const clock = createVirtualClock(1_000_000)
  return { clock, inherited: createInherited(clock, { confirmationLookMsMax: LOOK_MS }, chat => ours.includes(chat)) }
}

test('at first there may be others of which nobody has asked yet', async () => {
  const { clock, inherited } = open()

  await inherited.asking('peer:alice', 1, at)
  await clock.advance(LOOK_MS + UNDER_WAY_MS - 1)
  expect([inherited.othersThatMayTell('peer:alice', 0), inherited.othersThatMayTell('peer:alice', 3)]).toEqual([1, 3])
  await clock.advance(1)

  expect(inherited.othersThatMayTell('peer:alice', 0)).toBe(0)
})

test('of those that were asked about the oldest is treated as the only one; the others wait for it', async () => {
  const { clock, inherited } = open()
  await clock.advance(2 * LOOK_MS)
  await inherited.asking('peer:carol', 3, at)
  await inherited.asking('peer:alice', 1, at)
  await inherited.asking('peer:bob', 1, at)

  expect((['peer:alice', 'peer:bob', 'peer:carol'] as const).map(chat => inherited.othersThatMayTell(chat, 0))).toEqual([0, 2, 2])
  expect(inherited.othersThatMayTell('peer:alice', 1)).toBe(3)
})

test('a chat that only looks may wait for one that is older still', async () => {
  const { clock, inherited } = open()
  inherited.looked('peer:bob')
  await clock.advance(2 * LOOK_MS)
  await inherited.asking('peer:alice', 1, at)

  expect(inherited.othersThatMayTell('peer:alice', 0)).toBe(1)
  await clock.advance(LOOK_MS)
  expect(inherited.othersThatMayTell('peer:alice', 0)).toBe(0)
})

test('one that is asked about for long counts until it is answered, and a while longer', async () => {
  const { clock, inherited } = open()
  await clock.advance(2 * LOOK_MS)
  const { promise, resolve } = Promise.withResolvers<void>()
  const asking = inherited.asking('peer:alice', 1, () => promise)
  await clock.advance(100 * LOOK_MS)
  await inherited.asking('peer:bob', 2, at)

  expect(inherited.othersThatMayTell('peer:bob', 0)).toBe(1)
  resolve()
  await asking
  expect(inherited.othersThatMayTell('peer:bob', 0)).toBe(1)
  await clock.advance(3 * LOOK_MS)
  expect(inherited.othersThatMayTell('peer:bob', 0)).toBe(0)
})

test('what was posted here is none of them, nor is a chat that begins to look later', async () => {
  const { clock, inherited } = open(['peer:ours'])
  await inherited.asking('peer:ours', 1, at)
  await clock.advance(2 * LOOK_MS)
  inherited.looked('peer:late')

  expect([inherited.othersThatMayTell('peer:alice', 0), inherited.othersThatMayTell('peer:ours', 0)]).toEqual([0, 0])
})
