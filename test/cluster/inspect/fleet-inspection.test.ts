/** A fleet as the inspector sees it, on tables that read the same SQL, in virtual time. */
import { expect, onTestFinished, test } from 'vitest'
import { type ChatRecord, type OutboxRecord, toChat } from '../../../machines/records.ts'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { createFleetInspection, LOOK_EVERY_MS } from '../../../src/cluster/inspect/fleet-inspection.ts'
import { createLooking } from '../../../src/cluster/inspect/picture.ts'
import { keyIn } from '../../../src/cluster/keys.ts'
import { PAST, type Past, pastWith } from '../../../src/cluster/past.ts'
import { openTables } from '../../../src/cluster/tables.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import type { ChatId } from '../../../src/domain/ids.ts'
import type { Json } from '../../../src/domain/json.ts'
import { type Input, step } from '../../../src/runtime/cell.ts'
import type { Step } from '../../../src/runtime/inspection.ts'
import type { Subject } from '../../../src/runtime/parse-record.ts'
import type { AccountStatus, RuntimeEvent } from '../../../src/runtime/runtime.ts'
import { createStatusKeeper } from '../../../src/runtime/status.ts'
import { accepted, alice, held, queued, received } from '../../machines/words.ts'
import { startTables } from '../engine-tables.ts'

const START_MS = 1_800_000_000_000
const { accounts } = parseConfig({ meshName: 'home', accounts: { home: { username: 'bot' }, work: { username: 'other-bot' } } })
const ids = accounts.map(({ id }) => id)
const settings = accounts[0]!
const FEEDER = { address: '10.0.0.7:9090', session: 's1', isPushed: true }

function told(account: string, state: AccountStatus['state'], reason: string | null = null): AccountStatus {
  const keeper = createStatusKeeper(account, () => {})
  keeper.state(state, reason, START_MS - 60_000)
  const none = { chats: 0, waitingDispatches: 0, runningDispatches: 0, outbox: 0, uncertain: 0, pendingPairings: 0, deadLetters: 0 }
  return keeper.status({ ...none, feed: 'push', selfHeal: null, warnings: ['A certificate expires soon.'] })
}

async function open() {
  const engine = await startTables()
  const clock = createVirtualClock(START_MS)
  const tables = openTables(engine.url)
  onTestFinished(() => tables.close())
  const feeder: { answer: readonly AccountStatus[] } = { answer: [told('home', 'live')] }
  const transport = {
    request: async () => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify({ accounts: feeder.answer })) }),
  }
  const counting = { looks: 0, isAway: false }
  const looking = createLooking({ accounts, tables, transport, secret: 'not-a-secret-of-anybody' })
  const fleet = createFleetInspection({
    accounts: ids,
    clock,
    look: async wanted => {
      counting.looks += 1
      if (counting.isAway) throw new Error('Restate does not answer; is it running?')
      return await looking(wanted)
    },
  })
  onTestFinished(() => fleet.close())
  engine.put('fleet', 'all', 'members', [{ session: 's1', address: FEEDER.address, renewed: 0 }])
  engine.put('account', 'home', 'holder', FEEDER)

  const kept = new Map<string, { stored: Json; past: Past | null }>()
  /** As an invocation of an object does. */
  const invoked = (subject: Subject, account: string, inputs: readonly Input[], atMs: number) => {
    const [kind, name] =
      subject.at === 'pairing' ? ['pairing' as const, subject.user] : ['chat' as const, (subject as { chat: ChatId }).chat]
    const key = keyIn(account, name as ChatId)
    const before = kept.get(kind + key) ?? { stored: null, past: null }
    const { stored, applied } = step({ subject, stored: before.stored, inputs, atMs, limits: settings.limits })
    const events = applied.flatMap(change => (change.at === 'chat' ? change.event : []))
    const past = events.length > 0 ? pastWith(before.past, events, atMs) : before.past
    kept.set(kind + key, { stored: JSON.parse(JSON.stringify(stored)) as Json, past })
    engine.keep(kind, account, name, stored)
    if (past !== null) engine.put('chat', key, PAST, past)
  }
  const tell = (chat: ChatId, ...inputs: readonly Input[]) => invoked({ at: 'chat', chat }, 'home', inputs, clock.now())
  const stranger = (...inputs: readonly Input[]) => invoked({ at: 'pairing', user: 'alice' }, 'home', inputs, clock.now())

  /** Real answers take no virtual time: as many looks as the clock has room for have been taken. */
  const pass = async (looks = 1) => {
    const until = counting.looks + looks
    await expect
      .poll(async () => {
        if (counting.looks < until) await clock.advance(LOOK_EVERY_MS)
        return counting.looks
      })
      .toBeGreaterThanOrEqual(until)
    await fleet.fresh()
  }
  const [home, work] = fleet.accounts()
  return { engine, clock, fleet, counting, feeder, tell, stranger, pass, home: home!, work: work! }
}
const recordsOf = (chat: ChatId, ...events: readonly (ChatRecord | OutboxRecord)[]): Input => ({
  to: 'records',
  changes: events.map(event => toChat(chat, event)),
})
const records = (...events: readonly (ChatRecord | OutboxRecord)[]) => recordsOf(alice, ...events)

test('nobody is asked while nobody looks, and each second while somebody does', async () => {
  const { counting, clock, home, fleet, pass } = await open()
  await clock.advance(10 * LOOK_EVERY_MS)
  expect(counting.looks).toBe(0)

  const stop = home.inspection.listen(() => {})
  await fleet.fresh()
  expect(counting.looks).toBe(1)
  await pass(3)
  stop()
  await fleet.fresh()
  const looks = counting.looks
  await clock.advance(10 * LOOK_EVERY_MS)

  expect(counting.looks).toBe(looks)
  expect(clock.pending()).toBe(0)
})

test('whoever leaves while it is looked is not looked for any more', async () => {
  const { counting, clock, home, fleet } = await open()
  const stop = home.inspection.listen(() => {})
  stop()
  await fleet.fresh()
  await clock.advance(10 * LOOK_EVERY_MS)

  expect(counting.looks).toBe(1)
  expect(clock.pending()).toBe(0)
})

test('an engine that takes long to answer is asked for a fifth of the time', async () => {
  const clock = createVirtualClock(START_MS)
  const began: number[] = []
  const look = () => {
    began.push(clock.monotonic())
    return new Promise<never>((_, reject) => clock.after(2_000, () => reject(new Error('There is too much of it.'))))
  }
  const fleet = createFleetInspection({ accounts: ids, clock, look })
  fleet.accounts()[0]?.inspection.listen(() => {})
  await clock.advance(25_000)

  expect(began).toEqual([0, 10_000, 20_000])
  fleet.close()
})

test('whoever asks for the figures gets those of now, whether somebody looks or not', async () => {
  const { fleet, tell, home, clock, counting } = await open()
  await fleet.fresh()
  await fleet.fresh()
  expect(counting.looks).toBe(1)

  await clock.advance(LOOK_EVERY_MS + 1)
  tell(alice, { to: 'chat', event: received('m1') })
  await fleet.fresh()

  expect(home.status()).toMatchObject({ chats: 1, runningDispatches: 1, waitingDispatches: 0, lastInboundAtMs: clock.now() })
})

test('an account is as its feeder tells, and as its chats are', async () => {
  const { fleet, tell, home, work, feeder } = await open()
  feeder.answer = [told('home', 'blocked', 'The user is unknown; correct it.')]
  tell(alice, { to: 'chat', event: received('m1') }, { to: 'chat', event: received('m2') })
  tell('peer:bob', recordsOf('peer:bob', queued('k1', 'k2'), { type: 'reply.failed', key: 'k1', reason: 'too long' }))

  await fleet.fresh()

  expect(home.status()).toMatchObject({
    account: 'home',
    state: 'blocked',
    reason: 'The user is unknown; correct it.',
    sinceMs: START_MS - 60_000,
    warnings: ['A certificate expires soon.'],
    chats: 2,
    runningDispatches: 1,
    waitingDispatches: 1,
    outbox: 1,
    counters: { deadLetters: 1 },
  })
  expect(home.deadLetters()).toMatchObject([{ id: 'k1', kind: 'reply', chat: 'peer:bob', reason: 'too long' }])
  expect(work.status()).toMatchObject({
    state: 'degraded',
    reason: expect.stringMatching('^No feeder has account "work": nothing of it is read or posted.'),
  })
})

test('a feeder that does not know of its account, or does not answer, is named', async () => {
  const { fleet, home, feeder } = await open()
  feeder.answer = []
  await fleet.fresh()
  expect(home.status()).toMatchObject({ state: 'degraded', reason: 'The feeder at 10.0.0.7:9090 does not tell of account "home".' })
})

test('an engine that is away shows at each account, until it is back', async () => {
  const { clock, fleet, counting } = await open()
  counting.isAway = true
  await fleet.fresh()
  expect(fleet.accounts().map(account => account.status().reason)).toEqual(ids.map(() => 'Restate does not answer; is it running?'))

  counting.isAway = false
  await clock.advance(LOOK_EVERY_MS + 1)
  await fleet.fresh()
  expect(fleet.accounts().map(account => account.status().state)).toEqual(['live', 'degraded'])
})

test('a step is a record, with the states it led to, once; what no record tells of is a step, too', async () => {
  const { fleet, tell, home, pass } = await open()
  tell(alice, { to: 'chat', event: received('m0') })
  const steps: Step[] = []
  home.inspection.listen(step => steps.push(step))
  await fleet.fresh()
  expect(steps).toEqual([])

  tell(alice, records({ type: 'turn.answered', id: 'm0' }, queued('m0#0')))
  await pass(2)
  expect(steps.map(({ actor, event, value }) => [actor, event, value])).toEqual([
    ['chat:peer:alice', 'turn.answered', { door: 'deciding', turn: 'idle', errand: 'idle' }],
    ['outbox:peer:alice', 'reply.queued', expect.objectContaining({ sending: 'waiting' })],
  ])

  steps.length = 0
  tell(alice, { to: 'outbox', event: { type: 'slot.granted', atMs: START_MS } })
  await pass(2)
  expect(steps.map(({ actor, event }) => [actor, event])).toEqual([['outbox:peer:alice', 'reply.posting']])
  expect(steps.map(({ taken }) => taken())).toEqual([[]])
})

test('what was decided, posted and confirmed between two looks is counted, and told with its own time', async () => {
  const { fleet, tell, home, pass, clock } = await open()
  tell(alice, records(accepted('m0'), { type: 'turn.answered', id: 'm0' }))
  const events: RuntimeEvent[] = []
  fleet.events.subscribe(event => events.push(event))
  home.inspection.listen(() => {})
  await fleet.fresh()
  const atMs = clock.now() + 500

  await clock.advance(500)
  tell(alice, { to: 'chat', event: received('m1') })
  tell(alice, records({ type: 'turn.answered', id: 'm1' }, queued('m1#0'), { type: 'reply.posting', key: 'm1#0', atMs }))
  tell('peer:carol', recordsOf('peer:carol', accepted('c1')))
  await pass(2)

  const seen = events.filter(({ event }) => event === 'decision' || event === 'posted')
  expect(seen).toEqual([
    expect.objectContaining({ event: 'decision', id: 'm1', account: 'home' }),
    expect.objectContaining({ event: 'posted', key: 'm1#0' }),
    expect.objectContaining({ event: 'decision', id: 'c1' }),
  ])
  expect(seen[0]?.atMs).toBe(atMs)
  expect(home.status().counters).toMatchObject({ seen: 2, processed: 2 })
})

test('the messages of a chat go on while somebody watches them', async () => {
  const { tell, home, pass } = await open()
  tell(alice, { to: 'chat', event: received('m1') })
  home.inspection.listen(() => {})
  const watched = await home.inspection.watch(alice, 10)
  const whatHappened = () => watched.lives().map(({ id, moments }) => [id, ...moments.map(({ what }) => what)])
  expect(whatHappened()).toEqual([['m1', 'accepted']])
  const version = watched.version()

  tell(alice, records({ type: 'turn.answered', id: 'm1' }))
  await pass(2)
  expect(whatHappened()).toEqual([['m1', 'accepted', 'answered']])
  expect(watched.version()).toBeGreaterThan(version)
  expect(await home.inspection.past(alice)).toMatchObject([
    { event: 'message.accepted' },
    { event: 'turn.answered', chat: { turn: 'idle' } },
  ])
})

test('a request is seen with its code and what is held, and its chart without the code', async () => {
  const { tell, stranger, home, fleet } = await open()
  tell(alice, records(held('m1')))
  stranger({ to: 'request' })
  stranger({
    to: 'pairing',
    event: { type: 'ticket.issued', code: 'ABCD2345', atMs: START_MS, expiresAtMs: START_MS + 60_000, notice: 'a code' },
  })
  await fleet.fresh()

  expect(home.pairings()).toEqual([{ user: 'alice', code: 'ABCD2345', openedAtMs: START_MS, expiresAtMs: START_MS + 60_000, held: 1 }])
  expect(home.inspection.look('pairing:alice')).toMatchObject({ kind: 'pairing', context: { code: '(hidden)' } })
  expect(home.inspection.busy()).toEqual(['pairing:alice', 'chat:peer:alice'])
})

test('a chat that is silent for long is shown when it is asked for, as it was, and its old records are no news', async () => {
  const { engine, tell, home, fleet, pass, clock } = await open()
  tell('peer:zoe', recordsOf('peer:zoe', accepted('z1'), { type: 'turn.answered', id: 'z1' }))
  await clock.advance(60_000)
  const resting = step({
    subject: { at: 'chat', chat: alice },
    stored: null,
    inputs: [records({ type: 'chat.read' })],
    atMs: 1,
    limits: settings.limits,
  }).stored
  const busy = pastWith(null, [accepted('n')], clock.now())
  for (let n = 0; n < 600; n++) {
    engine.keep('chat', 'home', `peer:user-${n}`, resting)
    engine.put('chat', keyIn('home', `peer:user-${n}`), PAST, busy)
  }
  const events: RuntimeEvent[] = []
  fleet.events.subscribe(event => events.push(event))
  home.inspection.listen(() => {})
  await fleet.fresh()
  expect(home.inspection.look('chat:peer:zoe')).toBeNull()

  await pass(2)

  expect(home.inspection.look('chat:peer:zoe')).toMatchObject({ kind: 'chat', isRunning: false, value: { turn: 'idle' } })
  expect(events.filter(({ event }) => event === 'decision')).toEqual([])
  expect(home.status().chats).toBe(601)
})
