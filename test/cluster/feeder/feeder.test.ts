/** Which accounts a feeder has. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { createFeeder, fallsTo } from '../../../src/cluster/feeder/feeder.ts'
import { MEMBERSHIP_MS } from '../../../src/cluster/fleet.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import type { ZtmAgent } from '../../../src/ports/ztm-agent.ts'
import { createFleetEngine } from './fleet-engine.ts'

const members = (...sessions: readonly string[]) => sessions.map(session => ({ session, address: `${session}:1` }))

test('each account falls to one member, and only what fell to one who went moves', () => {
  const sessions = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 8 })
  fc.assert(
    fc.property(sessions, fc.string(), (names, account) => {
      const before = fallsTo(account, members(...names))!
      const [gone = '', ...others] = names
      const after = fallsTo(account, members(...others))!
      expect(fallsTo(account, members(...names.toReversed()))).toEqual(before)
      if (before.session !== gone) expect(after).toEqual(before)
    }),
  )
  expect(fallsTo('default', [])).toBeNull()
})

const ACCOUNTS = ['a', 'b', 'c', 'd', 'e', 'f']
const { accounts } = parseConfig({
  meshName: 'home',
  accounts: Object.fromEntries(ACCOUNTS.map(id => [id, { username: id, agentUrl: `http://${id}.example` }])),
})

function scene() {
  const clock = createVirtualClock(Date.UTC(2026, 10, 28))
  const engine = createFleetEngine(clock)
  const mayWrite = new Map<string, () => boolean>()
  const start = (address: string) => {
    const feeder = createFeeder({
      accounts,
      address,
      clock,
      random: cryptoRandom,
      log: createMemoryLog().log,
      engine,
      permits: async () => ({}) as never,
      agent(settings, may) {
        mayWrite.set(`${address} ${settings.id}`, may)
        // An agent that never answers is enough: nothing is read here.
        return new Proxy({} as ZtmAgent, { get: (_, name) => (name === 'close' ? async () => {} : () => new Promise(() => {})) })
      },
    })
    feeder.start()
    return {
      ...feeder,
      has: () => [...feeder.states().keys()].toSorted(),
      writes: (account: string) => mayWrite.get(`${address} ${account}`)?.(),
    }
  }
  return { clock, engine, start }
}

test('one alone has all; one that comes takes what falls to it, and nobody has what another has', async () => {
  const { clock, engine, start } = scene()
  const first = start('one:1')
  await clock.advance(3_000)
  expect(first.has()).toEqual(ACCOUNTS)

  const second = start('two:1')
  await clock.advance(3 * MEMBERSHIP_MS)
  const both = members(...engine.members)
  expect([...first.has(), ...second.has()].toSorted()).toEqual(ACCOUNTS)
  expect(second.has()).toEqual(ACCOUNTS.filter(id => fallsTo(id, both)?.session === 's2'))
  for (const id of ACCOUNTS)
    expect([first.posts(id) !== null, second.posts(id) !== null]).toEqual([first.has().includes(id), second.has().includes(id)])
})

test('what a dead one had is with another soon after its membership has ended, and never before', async () => {
  const { clock, engine, start } = scene()
  const first = start('one:1')
  await clock.advance(3_000)
  // Dead: it renews no more.
  const dead = await engine.call(['fleet', 'all', 'join'], { address: 'dead:1' })
  const { session } = dead as { readonly session: string }
  engine.holders.set('a', session)
  const second = start('two:1')
  await clock.advance(MEMBERSHIP_MS - 1)
  expect(engine.holders.get('a')).toBe(session)
  await clock.advance(15_000 - MEMBERSHIP_MS)

  expect([...first.has(), ...second.has()].filter(id => id === 'a').length).toBeGreaterThan(0)
  expect(engine.holders.get('a')).not.toBe(session)
})

test('who cannot reach the engine writes nothing any more before another may', async () => {
  const { clock, engine, start } = scene()
  const only = start('one:1')
  await clock.advance(3_000)
  expect(only.writes('a')).toBe(true)

  engine.isAway = true
  while (only.writes('a')) await clock.advance(10)
  expect(engine.members.has('s1')).toBe(true)
  await clock.advance(1_000)
  expect([only.has(), only.posts('a'), only.trouble()]).toEqual([[], null, 'The engine cannot be reached: this feeder is in no fleet.'])
})

test('who stops gives its accounts back, so that another need not wait', async () => {
  const { clock, engine, start } = scene()
  const only = start('one:1')
  await clock.advance(3_000)
  await Promise.all([only.stop(), clock.advance(5_000)])

  expect([engine.holders.size, engine.members.size, only.has()]).toEqual([0, 0, []])
})
