/** A feeder never thinks that it has what somebody else may have. */
import { expect, test } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { createMembership } from '../../../src/cluster/feeder/membership.ts'
import { MEMBERSHIP_MS } from '../../../src/cluster/fleet.ts'
import { createFleetEngine } from './fleet-engine.ts'

const RENEW_MS = 2_000

async function scene() {
  const clock = createVirtualClock(Date.UTC(2026, 10, 28))
  const engine = createFleetEngine(clock)
  const told: string[] = []
  const membership = createMembership({
    engine,
    address: 'here:1',
    clock,
    log: createMemoryLog().log,
    onMembers: members =>
      told.push(
        members
          .map(({ session }) => session)
          .toSorted()
          .join(' '),
      ),
    onEnded: () => told.push('ended'),
  })
  membership.start()
  await clock.drain()
  return { clock, engine, membership, told }
}

test('whoever renews stays a member, and hears who else is one', async () => {
  const { clock, engine, membership, told } = await scene()
  await engine.call(['fleet', 'all', 'join'], { address: 'there:1' })
  await clock.advance(RENEW_MS)

  expect([membership.session(), membership.isValid()]).toEqual(['s1', true])
  expect(told).toEqual(['s1', 's1 s2'])
  await clock.advance(10 * MEMBERSHIP_MS)
  expect([membership.session(), membership.isValid(), told.includes('ended')]).toEqual(['s1', true, false])
})

test('while the engine is away it ends here before it ends there, once, and begins anew when the engine is back', async () => {
  const { clock, engine, membership, told } = await scene()
  engine.isAway = true
  while (membership.isValid()) await clock.advance(10)

  expect(engine.members).toContain('s1')
  expect([membership.session(), told.filter(one => one === 'ended')]).toEqual([null, ['ended']])
  await clock.advance(10 * MEMBERSHIP_MS)
  expect(told.filter(one => one === 'ended')).toHaveLength(1)
  engine.isAway = false
  await clock.advance(RENEW_MS)
  expect([membership.session(), membership.isValid()]).toEqual(['s2', true])
})

test('it counts from when a renewal was sent, however late it is answered', async () => {
  const { clock, engine, membership } = await scene()
  engine.answersAfterMs = 3_000
  await clock.advance(RENEW_MS + 2_990)
  engine.isAway = true

  for (let ms = 0; ms < 3 * MEMBERSHIP_MS; ms += 10) {
    await clock.advance(10)
    expect(membership.isValid() && !engine.members.has(membership.session() ?? '')).toBe(false)
  }
})

test('a machine that slept, which only its wall clock tells, has nothing any more', async () => {
  const { clock, membership, told } = await scene()
  clock.jump(MEMBERSHIP_MS)

  expect(membership.isValid()).toBe(false)
  await clock.advance(RENEW_MS)
  expect(told).toContain('ended')
  expect(membership.session()).toBe('s2')
})

test('who hears that it is no member any more has ended, and joins again', async () => {
  const { clock, engine, membership, told } = await scene()
  engine.members.delete('s1')
  await clock.advance(RENEW_MS)

  expect([membership.session(), told.at(-1)]).toEqual([null, 'ended'])
  await clock.advance(RENEW_MS)
  expect(membership.session()).toBe('s2')
})

test('who leaves is no member any more, and what is answered later revives nothing', async () => {
  const { clock, engine, membership, told } = await scene()
  engine.answersAfterMs = 500
  await clock.advance(RENEW_MS)
  await Promise.all([membership.leave(), clock.advance(MEMBERSHIP_MS)])

  expect([membership.session(), membership.isValid(), engine.members.size, told]).toEqual([null, false, 0, ['s1']])
  expect(clock.pending()).toBe(0)
})
