import type { ObjectContext } from '@restatedev/restate-sdk'
import { expect, test } from 'vitest'
import { SHARD_VERSION } from '../../src/adapters/store/shard-file.ts'
import { keyIn, parseKey } from '../../src/cluster/contracts.ts'
import { readKept } from '../../src/cluster/kept.ts'
import { noTimers } from '../../src/cluster/timers.ts'

const objectWith = (kept: unknown) => ({ key: 'home/peer:alice', get: async () => kept }) as unknown as ObjectContext

test('what nobody has heard of yet is kept in the version that the disk has', async () => {
  expect(await readKept(objectWith(null))).toEqual({ version: SHARD_VERSION, stored: null, timers: noTimers, feeder: null })
})

test('what another version has written is left alone', async () => {
  const newer = { version: SHARD_VERSION + 1, stored: {}, timers: noTimers, feeder: null }

  await expect(readKept(objectWith(newer))).rejects.toThrow(
    `What is kept of "home/peer:alice" has version ${SHARD_VERSION + 1}, and this program knows version ${SHARD_VERSION} only.`,
  )
})

test.each(['%zz/peer:alice', '%64efault/peer:alice', 'a b/peer:alice', 'default'])('%j is no key, since nobody writes it so', key => {
  expect(parseKey(key)).toBeNull()
})

test.each(['home', 'a/b', 'peer:x', 'ä %2F'])('the account %j shares no key with another, and is read from its own', account => {
  expect(parseKey(keyIn(account, 'group:alice/team'))).toEqual({ account, name: 'group:alice/team' })
  expect(keyIn(account, 'peer:alice').indexOf('/')).toBe(encodeURIComponent(account).length)
})
