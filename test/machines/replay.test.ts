/** The heart of crash safety: what the journal says is what the charts believe, whenever the lights go out. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { advance, charts, inOneLine, type Move, movesOf, type Name, type Owed, REMINDER_MS, tell, type World } from './conversation.ts'
import { afterCrash, fold, forgetful } from './crash.ts'
import { bounds, choices, live } from './runs.ts'
import { queued } from './words.ts'

const RUNS = 200
/** Many small steps on a machine that others use, too. */
const PATIENCE_MS = 60_000
const runs = { numRuns: RUNS, seed: 70_412 }

const flushed = (world: World): World => (world.underWay.length === 0 ? world : flushed(advance(world, { type: 'flush' })))

/** What the charts keep that the journal vouches for. */
const believed = ({ snapshots: { chat, outbox, pairing }, journal }: World) => ({
  chat: chat?.context ?? null,
  outbox: outbox && forgetful(outbox.context, journal),
  // A request without a record is as good as none: the chat that holds a message asks for it again.
  pairing: pairing && pairing.context.code !== '' ? pairing.context : null,
})

/** Timers of backoffs run out, so that what was asked for is compared, not how long each waits for it. */
function rested(world: World): World {
  const backoff = world.owed.find(({ effect }) => effect.type === 'startBackoff')
  if (!backoff) return world
  const over = movesOf({ ...world, arrived: bounds.arrivals }, bounds).find(move => move.type === 'tell' && move.answers === backoff)
  return rested(advance(world, over!))
}
/** Whatever is in custody is answered, whether somebody has asked what has become of it or not. */
function turnsOver(world: World): World {
  const over = movesOf({ ...world, arrived: bounds.arrivals }, bounds).find(
    move => move.type === 'tell' && (move.event.type === 'dispatch.over' || move.event.type === 'custody.told'),
  )
  return over ? turnsOver(flushed(advance(world, over))) : world
}
const sorted = (owed: readonly Owed[]) => owed.map(one => JSON.stringify(one)).sort()

const print = (moves: readonly Move[]) => moves.map(inOneLine).join('\n')

describe.each<readonly [string, readonly Name[]]>([
  ['a chat', ['chat']],
  ['a pairing request', ['pairing']],
  ['an outbox', ['outbox']],
  ['a conversation with all three', ['chat', 'outbox', 'pairing']],
])('%s', { timeout: PATIENCE_MS }, (_, has) => {
  test('believes at rest what a silent replay of its records gives', () => {
    fc.assert(
      fc.property(choices, numbers => {
        const { worlds, moves } = live(has, numbers)
        const last = flushed(worlds.at(-1)!)

        expect(believed(afterCrash(last, null)), print(moves)).toEqual(believed(last))
      }),
      runs,
    )
  })

  test('believes after a crash what it would have believed had its snapshot been folded at any moment before', () => {
    fc.assert(
      fc.property(choices, fc.nat(), (numbers, at) => {
        const { worlds, moves } = live(has, numbers)
        const last = flushed(worlds.at(-1)!)
        const folded = fold(worlds[at % worlds.length]!)

        expect(believed(afterCrash(last, folded)), `folded after ${at % worlds.length} of\n${print(moves)}`).toEqual(
          believed(afterCrash(last, null)),
        )
      }),
      runs,
    )
  })
})

describe('after a crash at any moment', { timeout: PATIENCE_MS }, () => {
  test.each<readonly [string, readonly Name[]]>([
    ['a chat', ['chat']],
    ['a pairing request', ['pairing']],
  ])('%s owes and is owed what it was before, under the same ids', (_, has) => {
    fc.assert(
      fc.property(choices, numbers => {
        const { worlds, moves } = live(has, numbers)
        const last = flushed(worlds.at(-1)!)

        expect(sorted(rested(turnsOver(afterCrash(last, null))).owed), print(moves)).toEqual(sorted(rested(turnsOver(last)).owed))
      }),
      runs,
    )
  })

  test('an outbox looks for every reply that may have been posted, and asks the ledger for every other one, and posts none before that', () => {
    fc.assert(
      fc.property(choices, numbers => {
        const { worlds, moves } = live(['outbox'], numbers)
        const crashed = afterCrash(worlds.at(-1)!, null)
        const asked = crashed.asked.map(({ effect }) => effect.type)
        const posts = crashed.snapshots.outbox?.context.posts ?? []

        expect(asked, print(moves)).not.toContain('post')
        expect(asked.includes('look') && asked.includes('startLook'), print(moves)).toBe(posts.some(({ phase }) => phase !== 'queued'))
        expect(asked.includes('checkQueued'), print(moves)).toBe(posts.some(({ phase }) => phase === 'queued'))
        expect(asked, print(moves)).not.toContain('requestSlot')
      }),
      runs,
    )
  })

  test('an outbox that was left to rest asks for a slot when the next reply comes', () => {
    fc.assert(
      fc.property(choices, numbers => {
        const { worlds, moves } = live(['outbox'], numbers)
        const crashed = afterCrash(flushed(worlds.at(-1)!), null)
        fc.pre(crashed.snapshots.outbox?.context.posts.length === 0)
        const next = tell(crashed, { to: 'outbox', event: queued('k9') })

        expect(
          next.asked.map(({ effect }) => effect.type),
          print(moves),
        ).toEqual(['requestSlot'])
      }),
      runs,
    )
  })

  test('a stranger is told at most one thing in a while, whatever is lost on the way (P2)', () => {
    fc.assert(
      fc.property(choices, numbers => {
        const { worlds, moves } = live(['chat', 'outbox', 'pairing'], numbers)
        let toldAtMs = Number.NEGATIVE_INFINITY
        for (const { event } of flushed(worlds.at(-1)!).journal) {
          if (event.type === 'pairing.opened') toldAtMs = event.openedAtMs
          if (event.type !== 'pairing.reminded') continue
          expect(event.atMs - toldAtMs, print(moves)).toBeGreaterThanOrEqual(REMINDER_MS)
          toldAtMs = event.atMs
        }
      }),
      runs,
    )
  })

  test('every held message belongs to a request that is open, or is being opened', () => {
    fc.assert(
      fc.property(choices, numbers => {
        const { worlds, moves } = live(['chat', 'outbox', 'pairing'], numbers)
        const last = flushed(worlds.at(-1)!)
        for (const world of [last, afterCrash(last, null)]) {
          const holds = (world.snapshots.chat?.context.held.length ?? 0) > 0
          const isLookedAfter = world.snapshots.pairing !== null || world.underWay.length > 0

          expect(holds && !isLookedAfter, print(moves)).toBe(false)
        }
      }),
      runs,
    )
  })
})

test('the charts of this test are the ones that run', () => {
  expect(Object.values(charts).map(({ machine }) => machine.id)).toEqual(['chat', 'outbox', 'pairing'])
})
