/** An object's own part in a move: what it takes, what it refuses, and what it gives out. */
import type { ObjectContext } from '@restatedev/restate-sdk'
import { expect, test } from 'vitest'
import { SHARD_VERSION } from '../../../src/adapters/store/shard-file.ts'
import type { Move } from '../../../src/cluster/contracts.ts'
import type { Kept } from '../../../src/cluster/kept.ts'
import { isGone } from '../../../src/cluster/kept.ts'
import { adopting, isComing, leave, notHere, SPENT_MAX, spentBy } from '../../../src/cluster/service/moved.ts'
import { noTimers } from '../../../src/cluster/timers.ts'
import type { Json } from '../../../src/domain/json.ts'

const KEY = 'home/peer:alice'
const nothing: Kept = { version: SHARD_VERSION, stored: null, timers: noTimers, feeder: null }
const running = { running: [{ name: 'look', atMs: 100, input: null }], wake: { number: 7, atMs: 100 }, sent: 7 }
const bringing = (stored: Json, move = 'm1') => ({ move, version: SHARD_VERSION, stored })

function objectWith(kept: Kept) {
  const written: Kept[] = []
  const ctx = { key: KEY, get: async () => written.at(-1) ?? kept, set: (_: string, value: Kept) => written.push(value) }
  return { ctx: ctx as unknown as ObjectContext, written }
}

test('what has nothing of its own takes what is brought, once for each import', () => {
  const taken = adopting(KEY, nothing, bringing({ a: 1 }))!

  expect(taken).toMatchObject({ stored: { a: 1 }, moved: { way: 'in', move: 'm1' } })
  expect(adopting(KEY, { ...taken, stored: { a: 2 } }, bringing({ a: 1 }))).toBeNull()
})

test('what has a state of its own, or that of another import, keeps it', () => {
  const own = { ...nothing, stored: { mine: true } }

  for (const kept of [own, { ...own, moved: { way: 'in', move: 'm0' } as const }])
    expect(() => adopting(KEY, kept, bringing({ a: 1 }))).toThrow(`"${KEY}" has a state of its own in the fleet, which was left as it is`)
})

test('the state of another release is refused', () => {
  expect(() => adopting(KEY, nothing, { ...bringing({}), version: SHARD_VERSION + 1 })).toThrow(
    `The state has version ${SHARD_VERSION + 1}, and the services know version ${SHARD_VERSION} only; bring both to the same release.`,
  )
})

test('what is given out is given out as often as it is asked for, and then does nothing: no wake finds its timer', async () => {
  const { ctx, written } = objectWith({ ...nothing, stored: { a: 1 }, timers: running })

  expect([await leave(ctx), await leave(ctx)]).toEqual(Array(2).fill({ version: SHARD_VERSION, stored: { a: 1 } }))

  expect(written).toEqual([{ ...nothing, stored: { a: 1 }, timers: { running: [], wake: null, sent: 7 }, moved: { way: 'out' } }])
  expect([isGone(written[0]!), isGone(nothing)]).toEqual([true, false])
})

test('what was given out may be taken over, or forgotten; a wake of its former life does nothing', () => {
  const gone = { ...nothing, stored: { a: 1 }, timers: running, moved: { way: 'out' } } as const

  expect(adopting(KEY, gone, bringing({ b: 1 }))).toMatchObject({ stored: { b: 1 }, timers: { running: [], wake: null, sent: 7 } })
  expect(adopting(KEY, gone, bringing(null))).toMatchObject({ stored: null, moved: { way: 'in' } })
})

test('what has nothing to give is left as it is', async () => {
  const { ctx, written } = objectWith(nothing)

  expect(await leave(ctx)).toEqual({ version: SHARD_VERSION, stored: null })
  expect(written).toEqual([])
})

test('an account that is elsewhere, or has not all come, is not here', () => {
  expect(notHere('home', null)).toBeNull()
  expect(notHere('home', { way: 'in', move: 'm1', isOver: true })).toBeNull()
  expect(notHere('home', { way: 'in', move: 'm1', isOver: false })?.message).toBe(
    '"home" has not all come from its state directory; repeat "ztm-chat fleet import" there, and then this.',
  )
  for (const isOver of [false, true])
    expect(notHere('home', { way: 'out', move: 'm2', isOver })?.message).toBe(
      '"home" was moved to a state directory, where it is answered for.',
    )
})

test('an account takes what an import brings once, and not again after it has left, whatever was moved in and out since', () => {
  const here = { way: 'in', move: 'm1', isOver: true } as const
  const away = { way: 'out', move: 'm2', isOver: false, spent: spentBy(here) } as const

  expect(isComing('home', null, false, 'm1')).toBe(true)
  expect(isComing('home', here, true, 'm1')).toBe(false)
  expect(isComing('home', away, true, 'm3')).toBe(true)
  let last: Move = away
  for (const move of ['m3', 'm4', 'm5', 'm6']) last = { way: last.way === 'in' ? 'out' : 'in', move, isOver: true, spent: spentBy(last) }
  for (const gone of [away, last])
    expect(() => isComing('home', gone, true, 'm1')).toThrow(
      'What this import brought of the account "home" was moved out of the fleet since; import the folder that it went to,',
    )
})

test('of imports that are over the newest are remembered', () => {
  let last: Move | null = null
  for (let at = 0; at <= SPENT_MAX; at += 1) last = { way: 'in', move: `${at}`, isOver: true, spent: spentBy(last) }

  expect(spentBy(last)).toEqual(Array.from({ length: SPENT_MAX }, (_, at) => `${at + 1}`))
})
