/** Which accounts a feeder has, and that nobody else has them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Member } from '../../../src/cluster/contracts.ts'
import { EngineRefused } from '../../../src/cluster/engine.ts'
import { createFeeder, fallsTo } from '../../../src/cluster/feeder/feeder.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import { away, createGate, MEMBERSHIP_MS } from './engine-stand-in.ts'
import { createStage, jobFor } from './stage.ts'

const RENEW_MS = 2_000
const IDS = ['a', 'b', 'c', 'd', 'e', 'f']
const { accounts } = parseConfig({
  meshName: 'home',
  pollInterval: 5_000,
  accounts: { ...Object.fromEntries(IDS.map(id => [id, { username: `bot-${id}` }])), off: { username: 'bot-off', enabled: false } },
})

function open(count = 1) {
  const stage = createStage()
  const { there, clock } = stage
  const feeders = Array.from({ length: count }, (_, n) => {
    const mayWrite = new Map<string, () => boolean>()
    /** Its own way to the engine, which can be cut. */
    const way = { isCut: false }
    const engine = {
      ...there.engine,
      call: (...asked: Parameters<typeof there.engine.call>) =>
        way.isCut ? Promise.reject(new Error('cut')) : there.engine.call(...asked),
    }
    const feeder = createFeeder({
      ...stage.ports,
      engine,
      accounts,
      address: `10.0.0.${n}:9090`,
      agent(settings, may) {
        mayWrite.set(settings.id, may)
        return stage.agentOf(settings, may)
      },
    })
    const writes = () => IDS.filter(id => mayWrite.get(id)?.() ?? false)
    const has = () => IDS.filter(id => feeder.posts(id) !== null)
    return { feeder, way, writes, has }
  })
  /** Every tenth of a second it is looked whether two may write for one account. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      await clock.advance(100)
      const writers = feeders.flatMap(({ writes }) => writes())
      expect(writers).toEqual([...new Set(writers)])
    }
  }
  const end = async () => {
    const stopped = Promise.all(feeders.map(({ feeder }) => feeder.stop()))
    await clock.advance(5_000)
    await stopped
  }
  return { ...stage, feeders, pass, end }
}

async function fed(count = 1) {
  const world = open(count)
  for (const { feeder } of world.feeders) feeder.start()
  await world.pass(3 * RENEW_MS)
  return { ...world, first: world.feeders[0]!, second: world.feeders[1]! }
}

/** Of the members that the fleet has, in any order. */
const owner = (account: string, sessions: readonly string[]) =>
  fallsTo(
    account,
    sessions.map(session => ({ session, address: 'x' })),
  )?.session

describe('to whom an account falls', () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 })

  test('is one member, whatever the order in which they are told; nobody, when there are none', () => {
    fc.assert(
      fc.property(fc.string(), names, fc.nat(), (account, sessions, turn) => {
        const turned = [...sessions.slice(turn % sessions.length), ...sessions.slice(0, turn % sessions.length)]
        expect(sessions).toContain(owner(account, sessions))
        expect(owner(account, turned)).toBe(owner(account, sessions))
      }),
    )
    expect(fallsTo('a', [] as readonly Member[])).toBeNull()
  })

  test('changes for few: whoever goes leaves only its own, whoever comes takes only what is its own then', () => {
    fc.assert(
      fc.property(
        names,
        fc.string({ minLength: 13, maxLength: 20 }),
        fc.uniqueArray(fc.string(), { maxLength: 30 }),
        (sessions, other, all) => {
          for (const account of all) {
            const before = owner(account, sessions)
            const after = owner(account, [...sessions, other])
            expect([before, other]).toContain(after)
          }
        },
      ),
    )
  })

  test('is shared out evenly enough', () => {
    const all = Array.from({ length: 1_000 }, (_, n) => `bot-${n}`)
    const counts = Object.values(Object.groupBy(all, account => owner(account, ['s1', 's2', 's3', 's4'])!)).map(found => found!.length)

    expect(Math.min(...counts)).toBeGreaterThan(150)
    expect(Math.max(...counts)).toBeLessThan(350)
  })
})

test('alone it claims every account that is enabled, once, and reads its mesh', async () => {
  const { first, there, mesh, pass, end } = await fed()
  await pass(30_000)

  expect(first.has()).toEqual(IDS)
  expect(first.writes()).toEqual(IDS)
  expect(first.feeder.trouble()).toBeNull()
  expect(there.called('account/claim').map(({ key }) => key)).toEqual(IDS)
  expect(first.feeder.statuses().map(({ state }) => state)).toEqual(IDS.map(() => 'live'))

  await mesh.user('alice').says('hi', 'peer:bot-a')
  await pass(10_000)
  expect(there.called('chat/receive').at(-1)).toMatchObject({ key: 'a/peer:alice', input: { messages: [{ sender: 'alice' }] } })
  await end()
})

test('two share the accounts, each has what falls to it, and at no moment may both write for one', async () => {
  const { first, second, there, pass, end } = await fed(2)
  await pass(6_000)

  const [one, other] = [...there.members]
  expect(first.has()).toEqual(IDS.filter(id => owner(id, [one!, other!]) === one))
  expect(second.has()).toEqual(IDS.filter(id => owner(id, [one!, other!]) === other))
  expect(first.has().length * second.has().length).toBeGreaterThan(0)
  const claims = there.called('account/claim').length
  await pass(6_000)
  expect(there.called('account/claim').length).toBe(claims)
  await end()
})

test('when one dies, the other has all of it once the membership has ended, and the dead one may write nothing by then', async () => {
  const { first, second, pass, end } = await fed(2)
  await pass(6_000)

  first.way.isCut = true
  await pass(MEMBERSHIP_MS + 3 * RENEW_MS)

  expect(first.has()).toEqual([])
  expect(first.writes()).toEqual([])
  expect(first.feeder.trouble()).toBe('The engine cannot be reached: this feeder is in no fleet.')
  expect(second.has()).toEqual(IDS)
  await end()
})

test('what it had when its membership ended it claims again with the next one', async () => {
  const { first, there, pass, end } = await fed()

  there.expel('s1')
  await pass(RENEW_MS)
  expect(first.has()).toEqual([])
  await pass(3 * RENEW_MS)

  expect(first.has()).toEqual(IDS)
  expect([...there.holders.values()]).toEqual(IDS.map(() => 's2'))
  await end()
})

test('a claim that is answered after the membership has changed begins nothing', async () => {
  const { there, clock, feeders, pass, end } = open()
  const gate = createGate()
  there.hearsWhoLeaves = false
  there.after = ({ what, input }) => (what === 'account/claim' && (input as { session: string }).session === 's1' ? gate.closed : undefined)
  feeders[0]!.feeder.start()
  await pass(RENEW_MS)

  there.expel('s1')
  there.before = ({ what }) => (what === 'fleet/join' ? away() : undefined)
  await pass(RENEW_MS)
  gate.open()
  await clock.drain()

  expect(feeders[0]!.has()).toEqual([])
  there.before = () => {}
  await pass(3 * RENEW_MS)
  expect(feeders[0]!.has()).toEqual(IDS)
  await end()
})

test('a claim that hangs holds up no other once the membership has ended', async () => {
  const { there, feeders, pass, end } = open()
  there.before = ({ what }) => (what === 'account/claim' ? new Promise<void>(() => {}) : undefined)
  feeders[0]!.feeder.start()
  await pass(RENEW_MS)

  there.expel('s1')
  there.before = () => {}
  await pass(4 * RENEW_MS)

  expect(feeders[0]!.has()).toEqual(IDS)
  await end()
})

test('the answer to a claim is lost, and the account falls to another by then: it is released, and the other has it', async () => {
  const { there, feeders, pass, end } = open(2)
  const [first, second] = feeders
  there.after = ({ what }) => (what === 'account/claim' ? away() : undefined)
  first!.feeder.start()
  await pass(RENEW_MS)
  expect(there.holders.size).toBe(IDS.length)
  expect(first!.has()).toEqual([])

  second!.feeder.start()
  there.after = () => {}
  await pass(4 * RENEW_MS)

  expect(second!.has()).toEqual(IDS.filter(id => owner(id, ['s1', 's2']) === 's2'))
  expect([...first!.has(), ...second!.has()].sort()).toEqual(IDS)
  await end()
})

test('a release that fails is repeated until it is heard', async () => {
  const { there, feeders, pass, end } = open(2)
  const [first, second] = feeders
  first!.feeder.start()
  await pass(2 * RENEW_MS)
  const theirs = IDS.filter(id => owner(id, ['s1', 's2']) === 's2')

  there.before = ({ what }) => (what === 'account/release' ? away() : undefined)
  second!.feeder.start()
  await pass(3 * RENEW_MS)
  expect(second!.has()).toEqual([])
  there.before = () => {}
  await pass(3 * RENEW_MS)

  expect(theirs.length).toBeGreaterThan(0)
  expect(second!.has()).toEqual(theirs)
  await end()
})

test('while a release is under way the account is not claimed again: the release could come behind the claim', async () => {
  const { there, feeders, pass, end } = open(2)
  const [first, second] = feeders
  first!.feeder.start()
  await pass(2 * RENEW_MS)
  const gate = createGate()

  there.before = ({ what }) => (what === 'account/release' ? gate.closed : undefined)
  second!.feeder.start()
  await pass(2 * RENEW_MS)
  there.expel('s2')
  second!.way.isCut = true
  const claims = there.called('account/claim').length
  await pass(2 * RENEW_MS)
  expect(there.called('account/claim').length).toBe(claims)
  gate.open()
  await pass(2 * RENEW_MS)

  expect(first!.has()).toEqual(IDS)
  expect([...there.holders.values()]).toEqual(IDS.map(() => 's1'))
  await end()
})

test('an account that the engine says is another’s is dropped at once, and no other with it', async () => {
  const { first, there, pass, lines, end } = await fed()

  there.before = ({ what, key }) => {
    if (what === 'account/note' && key === 'a') throw new EngineRefused('another feeder has it', 409)
    if (what === 'account/claim') away()
  }
  // By then how far it has come is to be noted.
  await pass(60_000)

  expect(first.has()).toEqual(IDS.slice(1))
  expect(first.writes()).toEqual(IDS.slice(1))
  expect(lines.filter(({ phrase }) => phrase === 'another feeder has the account').length).toBe(1)
  await end()
})

test('who stops leaves its accounts to the others, claims none of them again meanwhile, and leaves nothing running', async () => {
  const { first, second, there, clock, pass, end } = await fed(2)
  await pass(6_000)
  // Its last words are not heard: it takes a while to end.
  there.before = ({ what }) => (what === 'account/note' ? new Promise<void>(() => {}) : undefined)
  const claims = there.called('account/claim').length

  const stopped = first.feeder.stop()
  await pass(500)
  expect(first.has()).toEqual([])
  expect(first.writes()).toEqual([])
  await pass(3 * RENEW_MS)
  await stopped

  expect(
    there
      .called('account/claim')
      .slice(claims)
      .map(({ input }) => (input as { session: string }).session),
  ).not.toContain('s1')
  expect(first.has()).toEqual([])
  expect(second.has()).toEqual(IDS)
  there.before = () => {}
  await end()
  // Of the fleet itself.
  await clock.advance(MEMBERSHIP_MS)
  expect(clock.pending()).toBe(0)
})

test('a renewal that comes between the stop of the accounts and the leave begins nothing, not even what was still to be claimed', async () => {
  const { there, clock, feeders, pass, end } = open()
  const { feeder, has } = feeders[0]!
  there.before = ({ what, key }) => (what === 'account/claim' && key === 'a' ? away() : undefined)
  feeder.start()
  await pass(3 * RENEW_MS - 200)
  expect(has()).toEqual(IDS.slice(1))
  // Its last words are not heard, so that a renewal comes before it has ended.
  there.before = ({ what }) => (what === 'account/note' ? new Promise<void>(() => {}) : undefined)
  const renewals = there.called('fleet/renew').length

  const stopped = feeder.stop()
  await clock.advance(1_000)
  await stopped

  expect(there.called('fleet/renew').length).toBe(renewals + 1)
  expect(has()).toEqual([])
  await end()
  expect(clock.pending()).toBe(0)
})

test('posts are made only by whoever has the account', async () => {
  const { first, mesh, pass, end } = await fed()
  const alice = mesh.user('alice')

  const posted = first.feeder.posts('a')!.post(jobFor('a', 's1'))
  await pass(5_000)

  expect(await posted).toMatchObject({ type: 'post.accepted', key: 'k1' })
  expect(alice.inbox('peer:bot-a').map(({ sender }) => sender)).toEqual(['bot-a'])
  expect(first.feeder.posts('off')).toBeNull()
  expect(first.feeder.posts('nobody')).toBeNull()
  await end()
})
