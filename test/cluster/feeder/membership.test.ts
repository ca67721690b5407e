/** When a feeder is of the fleet, and when it is not any more: always sooner than the fleet itself says so. */
import { describe, expect, test } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import type { Member } from '../../../src/cluster/contracts.ts'
import { createMembership } from '../../../src/cluster/feeder/membership.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import { away, createEngineStandIn, createGate, MEMBERSHIP_MS } from './engine-stand-in.ts'

const RENEW_MS = 2_000
const MARGIN_MS = 1_000
const HELD_MS = MEMBERSHIP_MS - MARGIN_MS

function begin(clockOf: (clock: Clock) => Clock = clock => clock) {
  const clock = createVirtualClock(Date.UTC(2026, 10, 24))
  const there = createEngineStandIn(clock)
  const { log, lines } = createMemoryLog()
  const told: (readonly Member[])[] = []
  const ended = { times: 0 }
  const membership = createMembership({
    engine: there.engine,
    address: '10.0.0.7:9090',
    clock: clockOf(clock),
    log,
    onMembers: members => told.push(members),
    onEnded: () => {
      ended.times += 1
    },
  })
  membership.start()
  return { clock, there, membership, told, ended, lines }
}

async function joined() {
  const world = begin()
  await world.clock.drain()
  return world
}

test('a feeder joins, is told who lives, and stays as long as it is heard', async () => {
  const { clock, there, membership, told, ended } = await joined()
  expect(membership.session()).toBe('s1')
  expect(membership.isValid()).toBe(true)
  expect(told).toEqual([[{ session: 's1', address: '10.0.0.7:9090' }]])

  await clock.advance(10 * MEMBERSHIP_MS)

  expect(membership.session()).toBe('s1')
  expect(there.members).toEqual(new Set(['s1']))
  expect(ended.times).toBe(0)
  expect(told.length).toBe(1 + (10 * MEMBERSHIP_MS) / RENEW_MS)
})

describe('it ends here before it ends there', () => {
  test('by the monotonic clock, from when the last renewal that was answered was sent', async () => {
    const { clock, there, membership, ended } = await joined()
    there.after = ({ what }) => (what === 'fleet/renew' ? new Promise<void>(resolve => void clock.after(1_500, resolve)) : undefined)
    await clock.advance(RENEW_MS + 1_500)
    there.before = away

    await clock.advance(HELD_MS - 1_500 - 1)
    expect(membership.isValid()).toBe(true)
    await clock.advance(1)

    expect(membership.isValid()).toBe(false)
    expect(membership.session()).toBeNull()
    expect(ended.times).toBe(1)
    expect(there.members).toEqual(new Set(['s1']))
  })

  test('by the wall clock, which goes on while the machine sleeps, and before any timer has come', async () => {
    const { clock, membership, ended } = await joined()

    clock.jump(HELD_MS - 1)
    expect(membership.isValid()).toBe(true)
    clock.jump(1)
    expect(membership.isValid()).toBe(false)

    await clock.advance(RENEW_MS)
    expect(ended.times).toBe(1)
    expect(membership.session()).toBe('s2')
    expect(membership.isValid()).toBe(true)
  })

  test('and a wall clock that is set back makes it no longer', async () => {
    const { clock, there, membership, ended } = await joined()
    there.before = away

    clock.jump(-3_600_000)
    await clock.advance(HELD_MS)

    expect(membership.isValid()).toBe(false)
    expect(ended.times).toBe(1)
  })

  test('even when its timer comes a moment early', async () => {
    const early = (clock: Clock): Clock => ({ ...clock, after: (ms, run) => clock.after(ms > 1 ? ms - 1 : ms, run) })
    const { clock, there, membership, ended } = begin(early)
    await clock.drain()
    there.before = away

    await clock.advance(HELD_MS)

    expect(membership.session()).toBeNull()
    expect(ended.times).toBe(1)
  })
})

test('one that the fleet knows no more is over with the next renewal, once, and another begins by itself', async () => {
  const { clock, there, membership, ended } = await joined()

  there.expel('s1')
  await clock.advance(RENEW_MS)
  expect(membership.session()).toBeNull()
  expect(ended.times).toBe(1)
  await clock.advance(RENEW_MS)

  expect(membership.session()).toBe('s2')
  expect(membership.isValid()).toBe(true)
  expect(ended.times).toBe(1)
})

test('while the engine is away it ends once, by time, is told of once in the log, and begins again by itself', async () => {
  const { clock, there, membership, ended, lines } = await joined()

  there.before = away
  await clock.advance(60_000)
  expect(membership.isValid()).toBe(false)
  expect(ended.times).toBe(1)
  expect(lines.filter(({ level }) => level === 'warn').map(({ phrase }) => phrase)).toEqual([
    'the fleet cannot be asked',
    'the membership in the fleet is over: its accounts are left to others',
  ])
  there.before = () => {}
  await clock.advance(RENEW_MS)

  expect(membership.session()).toBe('s2')
  expect(ended.times).toBe(1)
})

test('a renewal that hangs is given up with the membership, and holds up no other', async () => {
  const { clock, there, membership, ended } = await joined()
  const gate = createGate()

  there.before = ({ what }) => (what === 'fleet/renew' ? gate.closed : undefined)
  await clock.advance(HELD_MS)
  expect(ended.times).toBe(1)
  there.before = () => {}
  await clock.advance(RENEW_MS)

  expect(membership.session()).toBe('s2')
})

test('a renewal that is answered after the end revives nothing', async () => {
  const { clock, there, membership, told } = await joined()
  const gate = createGate()
  there.hearsWhoLeaves = false

  there.after = ({ what }) => (what === 'fleet/renew' ? gate.closed : undefined)
  await clock.advance(HELD_MS)
  expect(there.members).toEqual(new Set(['s1']))
  gate.open()
  await clock.drain()

  expect(membership.session()).toBeNull()
  expect(membership.isValid()).toBe(false)
  expect(told.length).toBe(1)
})

test('a joining that is answered too late to be held is over at once, and nobody is told of members', async () => {
  const { clock, there, membership, told, ended } = begin()
  const gate = createGate()
  there.after = () => gate.closed

  await clock.advance(HELD_MS)
  gate.open()
  await clock.drain()

  expect(membership.session()).toBeNull()
  expect(told).toEqual([])
  expect(ended.times).toBe(1)
})

test('nobody is told of members by a renewal during which the machine slept', async () => {
  const { clock, there, membership, told, ended } = await joined()
  const gate = createGate()
  there.after = ({ what }) => (what === 'fleet/renew' ? gate.closed : undefined)
  await clock.advance(RENEW_MS)

  clock.jump(HELD_MS)
  gate.open()
  await clock.drain()

  expect(told.length).toBe(1)
  expect(membership.session()).toBeNull()
  expect(ended.times).toBe(1)
})

describe('whoever leaves', () => {
  test('is a member no more, neither here nor there, and leaves no timer', async () => {
    const { clock, there, membership, ended } = await joined()

    await membership.leave()

    expect(membership.session()).toBeNull()
    expect(membership.isValid()).toBe(false)
    expect(there.members).toEqual(new Set())
    expect(clock.pending()).toBe(0)
    expect(ended.times).toBe(0)
  })

  test('stays outside when a renewal is answered afterwards', async () => {
    const { clock, there, membership, told } = await joined()
    const gate = createGate()
    there.after = ({ what }) => (what === 'fleet/renew' ? gate.closed : undefined)
    await clock.advance(RENEW_MS)

    await membership.leave()
    gate.open()
    await clock.advance(60_000)

    expect(membership.session()).toBeNull()
    expect(there.members).toEqual(new Set())
    expect(there.called('fleet/join').length).toBe(1)
    expect(told.length).toBe(1)
    expect(clock.pending()).toBe(0)
  })

  test('before its joining is answered tells the fleet so then', async () => {
    const { clock, there, membership } = begin()
    const gate = createGate()
    there.after = ({ what }) => (what === 'fleet/join' ? gate.closed : undefined)
    await clock.drain()
    expect(there.members).toEqual(new Set(['s1']))

    await membership.leave()
    gate.open()
    await clock.drain()

    expect(membership.session()).toBeNull()
    expect(membership.isValid()).toBe(false)
    expect(there.members).toEqual(new Set())
    expect(clock.pending()).toBe(0)
  })

  test('waits two seconds at most for an engine that is silent', async () => {
    const { clock, there, membership } = await joined()
    there.before = () => new Promise(() => {})
    let hasLeft = false

    void membership.leave().then(() => {
      hasLeft = true
    })
    await clock.advance(1_999)
    expect(hasLeft).toBe(false)
    await clock.advance(1)
    await clock.drain()

    expect(hasLeft).toBe(true)
  })
})
