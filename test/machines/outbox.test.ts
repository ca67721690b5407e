import { describe, expect, test } from 'vitest'
import { type OutboxContext, type OutboxEvent, outboxMachine, type Post } from '../../machines/outbox.ts'
import type { PostLimits } from '../../src/domain/lost-post.ts'
import { chartOf, untaken } from './kit.ts'
import { alice, atChat, commits, queued } from './words.ts'

const outbox = chartOf(outboxMachine, { chat: alice })
const context = (posts: readonly Post[], changes: Partial<OutboxContext> = {}): OutboxContext => ({
  chat: alice,
  posts,
  posting: null,
  unknownSinceMs: null,
  failures: 0,
  looks: 0,
  lagging: false,
  overtaking: false,
  ...changes,
})
const waits = (key: string, changes: Partial<Post> = {}): Post => ({
  key,
  phase: 'queued',
  attempts: 0,
  postedAtMs: 0,
  answeredAtMs: null,
  accepted: true,
  seen: false,
  uncheckedSinceMs: null,
  ...changes,
})
/** Queued by the process before this one. */
const unchecked = (key: string, changes: Partial<Post> = {}): Post => waits(key, { uncheckedSinceMs: 1_000, ...changes })
const posted = (key: string, changes: Partial<Post> = {}): Post =>
  waits(key, { phase: 'posted', attempts: 1, postedAtMs: 1_000, answeredAtMs: 1_000, ...changes })
/** The agent has not answered yet. */
const underWay = (key: string): Post => posted(key, { answeredAtMs: null })
const state = (sending: string, confirming: string) => ({ sending, confirming })

const limits: PostLimits = { lostPostMs: 60_000, lostUnansweredPostMs: 15_000, uncertainRepostMs: 900_000 }
const granted = (atMs = 1_000): OutboxEvent => ({ type: 'slot.granted', atMs })
const posting = (key: string, atMs = 1_000) => ({ type: 'reply.posting', key, atMs }) as const
const answer = (type: 'post.accepted' | 'post.unknown' | 'post.not-sent', key: string, atMs = 1_000): OutboxEvent =>
  type === 'post.not-sent' ? { type, key } : { type, key, atMs }
const refused = (status: number, key: string, atMs = 1_000): OutboxEvent => ({ type: 'post.refused', key, status, reason: 'refused', atMs })
const rested: OutboxEvent = { type: 'backoff.over' }
const lagged = (key: string): OutboxEvent => ({ type: 'lag.over', key })
const agentLost: OutboxEvent = { type: 'agent.lost' }
const lookDue = (nowMs: number): OutboxEvent => ({ type: 'look.due', nowMs, limits })
const seen = (...keys: readonly string[]): OutboxEvent => ({ type: 'reply.seen', keys })
const absent = (key: string, nowMs: number): OutboxEvent => ({
  type: 'ledger.absent',
  key,
  limits,
  nowMs,
  laterConfirmed: false,
  otherUnconfirmed: 1,
})
const sent = (...keys: readonly string[]) => ({ type: 'reply.sent', keys, postedAtMs: 1_000 }) as const
const requeued = (key: string) => ({ type: 'reply.requeued', key, reason: 'lost on the way', posted: true }) as const
/** After a restart it is posted after one look. */
const notSentYet = commits(atChat({ type: 'reply.requeued', key: 'k1', reason: 'not sent', posted: false }))
const failed = (key: string) => ({ type: 'reply.failed', key, reason: 'refused' }) as const
const resumed: OutboxEvent = { type: 'host.resumed', atMs: 1_000 }

const asksForSlot = { type: 'requestSlot', params: { chat: alice } }
const freesSlot = { type: 'releaseSlot', params: { chat: alice } }
const tellsUncertain = { type: 'reportUncertain', params: { chat: alice, key: 'k1' } }
const posts = (key: string) => ({ type: 'post', params: { chat: alice, key } })
const waitsForLag = (key: string) => ({ type: 'startLag', params: { chat: alice, key } })
const waitsToLook = (looks: number) => ({ type: 'startLook', params: { chat: alice, looks } })
const looks = { type: 'look', params: { chat: alice } }
const backsOff = (failures: number) => ({ type: 'startBackoff', params: { chat: alice, failures } })
const asksLedger = (...keys: readonly string[]) => ({ type: 'checkQueued', params: { chat: alice, keys } })
const notThere = (...keys: readonly string[]): OutboxEvent => ({ type: 'unchecked.absent', keys })
const unknown = (away: boolean, nowMs: number): OutboxEvent => ({ type: 'unchecked.unknown', away, nowMs, limits })
const checks = (key: string, answeredAtMs = 1_000) => ({
  type: 'checkLedger',
  params: { chat: alice, key, answeredAtMs },
})

/** k1 is posted and answered with 201; k2 waits behind it. */
const unconfirmed = [queued('k1', 'k2'), granted(), posting('k1'), answer('post.accepted', 'k1')]

describe('a reply that is queued', () => {
  test('waits for one of the slots of the account', () => {
    expect(outbox.after(queued('k1'))).toEqual({
      value: state('waiting', 'quiet'),
      context: context([waits('k1')]),
      effects: [asksForSlot],
    })
  })

  test('is taken once under one key', () => {
    expect(outbox.after(queued('k1'), queued('k1', 'k2'))).toEqual({
      value: state('waiting', 'quiet'),
      context: context([waits('k1'), waits('k2')]),
      effects: [],
    })
  })

  test('is recorded as being posted before it is posted', () => {
    expect(outbox.after(queued('k1'), granted())).toEqual({
      value: state('committing', 'quiet'),
      context: context([waits('k1')]),
      effects: [commits(atChat(posting('k1')))],
    })
  })

  test('is posted, and looked for from then on, when that is durable', () => {
    expect(outbox.after(queued('k1'), granted(), posting('k1'))).toEqual({
      value: state('posting', 'watching'),
      context: context([underWay('k1')], { posting: 'k1' }),
      effects: [posts('k1'), waitsToLook(0)],
    })
  })
})

describe('a reply that was posted', () => {
  test('keeps the next one waiting until it is confirmed', () => {
    expect(outbox.after(...unconfirmed)).toEqual({
      value: state('resting', 'watching'),
      context: context([posted('k1'), waits('k2')], { posting: 'k1' }),
      effects: [waitsForLag('k1')],
    })
  })

  test('lets the next one go out when its confirmation lags', () => {
    expect(outbox.after(...unconfirmed, lagged('k1'))).toEqual({
      value: state('waiting', 'watching'),
      context: context([posted('k1'), waits('k2')], { posting: 'k1', lagging: true }),
      effects: [asksForSlot],
    })
  })

  test('keeps the next one waiting for good when the agent was away: what comes again must not come behind it', () => {
    const both = [posted('k1'), waits('k2')]
    const stopsLag = { type: 'stopLag', params: { chat: alice } }
    expect(outbox.after(...unconfirmed, agentLost)).toEqual({
      value: state('resting', 'watching'),
      context: context(both, { posting: 'k1' }),
      effects: [stopsLag],
    })
    expect(outbox.after(...unconfirmed, lagged('k1'), agentLost, granted())).toEqual({
      value: state('resting', 'watching'),
      context: context(both, { posting: 'k1' }),
      effects: [freesSlot],
    })
  })

  test('keeps the next one waiting after the agent was away also when that one had begun, and was not sent', () => {
    const begun = [...unconfirmed, lagged('k1'), granted(), posting('k2')]
    expect(outbox.after(...begun, answer('post.not-sent', 'k2'), rested)).toMatchObject({ value: { sending: 'waiting' } })
    expect(outbox.after(...begun, agentLost, answer('post.not-sent', 'k2'), rested)).toMatchObject({ value: { sending: 'resting' } })
  })

  test('does not lag after a restart because it did before: nobody knows whether the agent was there', () => {
    expect(outbox.after(...unconfirmed, lagged('k1'), resumed)).toMatchObject({ context: { lagging: false } })
  })

  test('does not lag because an older one did', () => {
    expect(outbox.after(...unconfirmed, lagged('k0'))).toEqual({
      value: state('resting', 'watching'),
      context: context([posted('k1'), waits('k2')], { posting: 'k1' }),
      effects: [],
    })
  })

  test('keeps the next one waiting while it is not known whether it was posted', () => {
    expect(outbox.after(queued('k1', 'k2'), granted(), posting('k1'), answer('post.unknown', 'k1'))).toEqual({
      value: state('resting', 'watching'),
      context: context([posted('k1', { accepted: false }), waits('k2')], { posting: 'k1' }),
      effects: [],
    })
  })

  test('is posted again after a rest when it is proven not to have been sent', () => {
    const notSent = [queued('k1'), granted(), posting('k1'), answer('post.not-sent', 'k1')]
    const again = context([waits('k1', { attempts: 1, postedAtMs: 1_000 })], { posting: 'k1', failures: 1 })

    expect(outbox.after(...notSent)).toEqual({
      value: state('backing off', 'quiet'),
      context: again,
      effects: [notSentYet, freesSlot, backsOff(1)],
    })
    expect(outbox.after(...notSent, rested)).toEqual({ value: state('waiting', 'quiet'), context: again, effects: [asksForSlot] })
  })

  test('is posted again after a rest when the agent does not know the chat yet', () => {
    expect(outbox.after(queued('k1'), granted(), posting('k1'), refused(404, 'k1'))).toEqual({
      value: state('backing off', 'quiet'),
      context: context([waits('k1', { attempts: 1, postedAtMs: 1_000 })], {
        posting: 'k1',
        failures: 1,
        unknownSinceMs: 1_000,
      }),
      effects: [notSentYet, freesSlot, backsOff(1)],
    })
  })

  test('is a dead letter when the agent refuses it', () => {
    const dead = [queued('k1'), granted(), posting('k1'), refused(403, 'k1')]

    expect(outbox.after(...dead)).toEqual({
      value: state('resting', 'watching'),
      context: context([underWay('k1')], { posting: 'k1' }),
      effects: [commits(atChat(failed('k1')))],
    })
    expect(outbox.after(...dead, failed('k1'))).toEqual({
      value: state('resting', 'quiet'),
      context: context([], { posting: 'k1' }),
      effects: [freesSlot],
    })
  })

  test('is a dead letter when the agent has not known the chat for a minute, and for no other refusal', () => {
    const again = (status: number, atMs: number): readonly OutboxEvent[] => [granted(), posting('k1'), refused(status, 'k1', atMs), rested]
    const effectsOf = (status: number, atMs: number) =>
      outbox.after(queued('k1'), ...again(404, 1_000), granted(), posting('k1'), refused(status, 'k1', atMs)).effects

    expect(effectsOf(404, 61_000)).toEqual([commits(atChat(failed('k1')))])
    expect(effectsOf(404, 60_999)).toEqual([notSentYet, freesSlot, backsOff(2)])
    // A process that begins knows nothing of how long: its agent may have begun with it.
    expect(outbox.after(queued('k1'), ...again(404, 1_000), resumed, granted(), posting('k1'), refused(404, 'k1', 61_000)).effects).toEqual(
      [notSentYet, freesSlot, backsOff(2)],
    )
    expect(effectsOf(401, 61_000)).toEqual([notSentYet, freesSlot, backsOff(2)])
  })

  test.each([
    ['201', answer('post.accepted', 'k1')],
    ['no answer', answer('post.unknown', 'k1')],
    ['proof that it was not sent', answer('post.not-sent', 'k1')],
    ['a refusal', refused(403, 'k1')],
  ])('is not confused with the next one when its own result comes late: %s', (_, late) => {
    const { value, effects } = outbox.after(
      queued('k1', 'k2'),
      granted(),
      posting('k1'),
      sent('k1'),
      granted(2_000),
      posting('k2', 2_000),
      late,
    )

    expect({ value, effects }).toEqual({ value: state('posting', 'watching'), effects: [] })
  })
})

describe('a reply that is seen on the mesh', () => {
  test('is recorded as sent', () => {
    expect(outbox.after(...unconfirmed, seen('k1', 'k0'))).toEqual({
      value: state('resting', 'watching'),
      context: context([posted('k1', { seen: true }), waits('k2')], { posting: 'k1' }),
      effects: [commits(atChat(sent('k1')))],
    })
  })

  test('is recorded once, however often it is seen', () => {
    expect(outbox.after(...unconfirmed, seen('k1'), seen('k1')).effects).toEqual([])
  })

  test('is none of ours when it is not in the outbox', () => {
    expect(outbox.after(seen('k1'))).toEqual({ value: state('resting', 'quiet'), context: context([]), effects: [] })
  })

  test('makes room for the next one when that is durable', () => {
    expect(outbox.after(...unconfirmed, seen('k1'), sent('k1'))).toEqual({
      value: state('waiting', 'quiet'),
      context: context([waits('k2')], { posting: 'k1' }),
      effects: [freesSlot, asksForSlot],
    })
  })

  test('ends its post though the agent has not answered yet', () => {
    expect(outbox.after(queued('k1'), granted(), posting('k1'), sent('k1'))).toEqual({
      value: state('resting', 'quiet'),
      context: context([], { posting: 'k1' }),
      effects: [freesSlot],
    })
  })

  test('is not posted again when it turns up while it waits to be', () => {
    const lost = [queued('k1'), posting('k1'), requeued('k1')]

    expect(outbox.after(...lost, seen('k1'), granted())).toEqual({
      value: state('resting', 'quiet'),
      context: context([waits('k1', { attempts: 1, postedAtMs: 1_000, seen: true })], { posting: 'k1' }),
      effects: [freesSlot],
    })
    expect(outbox.after(...lost, seen('k1'), sent('k1'))).toEqual({
      value: state('resting', 'quiet'),
      context: context([], { posting: 'k1' }),
      effects: [freesSlot],
    })
  })

  test('is not posted again when it turns up while that is being recorded', () => {
    expect(outbox.after(queued('k1'), posting('k1'), requeued('k1'), granted(2_000), seen('k1'), posting('k1', 2_000))).toEqual({
      value: state('resting', 'quiet'),
      context: context([waits('k1', { attempts: 1, postedAtMs: 1_000, seen: true })], { posting: 'k1' }),
      effects: [],
    })
  })
})

describe('a reply that is not seen', () => {
  test('is looked for again and again', () => {
    expect(outbox.after(...unconfirmed, lookDue(2_000))).toEqual({
      value: state('resting', 'watching'),
      context: context([posted('k1'), waits('k2')], { posting: 'k1', looks: 1 }),
      effects: [looks, waitsToLook(1)],
    })
  })

  test('is looked for in our own files when it is overdue', () => {
    expect(outbox.after(...unconfirmed, lookDue(61_000))).toEqual({
      value: state('resting', 'checking'),
      context: context([posted('k1'), waits('k2')], { posting: 'k1', looks: 1 }),
      effects: [checks('k1')],
    })
  })

  test('is overdue sooner when the agent never said 201', () => {
    expect(outbox.after(queued('k1'), granted(), posting('k1'), answer('post.unknown', 'k1'), lookDue(16_000)).effects).toEqual([
      checks('k1'),
    ])
  })

  test('is looked for again when the files could not be read', () => {
    expect(outbox.after(...unconfirmed, lookDue(61_000), { type: 'ledger.failed', key: 'k1', nowMs: 61_000, limits })).toEqual({
      value: state('resting', 'watching'),
      context: context([posted('k1'), waits('k2')], { posting: 'k1', looks: 1 }),
      effects: [waitsToLook(1)],
    })
  })

  test('is uncertain, and posted again at last, also when the files can never be read', () => {
    const unread = (nowMs: number): OutboxEvent => ({ type: 'ledger.failed', key: 'k1', nowMs, limits })

    expect(outbox.after(...unconfirmed, lookDue(121_000), unread(121_000)).context.posts[0]).toEqual(posted('k1', { phase: 'uncertain' }))
    expect(outbox.after(...unconfirmed, lookDue(901_000), unread(901_000)).effects).toEqual([
      commits(atChat({ type: 'reply.requeued', key: 'k1', reason: 'lost on the way', posted: true })),
    ])
  })

  test('is left alone while its absence proves nothing yet', () => {
    expect(outbox.after(...unconfirmed, lookDue(61_000), absent('k1', 61_000))).toEqual({
      value: state('resting', 'watching'),
      context: context([posted('k1'), waits('k2')], { posting: 'k1', looks: 1 }),
      effects: [waitsToLook(1)],
    })
  })

  test('is uncertain, and lets others go first, when nothing was seen of it for long', () => {
    expect(outbox.after(...unconfirmed, lookDue(121_000), absent('k1', 121_000))).toEqual({
      value: state('waiting', 'watching'),
      context: context([posted('k1', { phase: 'uncertain' }), waits('k2')], { posting: 'k1', looks: 1 }),
      effects: [tellsUncertain, freesSlot, waitsToLook(1), asksForSlot],
    })
  })

  test('is recorded as lost when there is evidence, and queued again, in its old place, when that is durable', () => {
    const lost = [...unconfirmed, lookDue(901_000), absent('k1', 901_000)]

    expect(outbox.after(...lost)).toEqual({
      value: state('resting', 'committing'),
      context: context([posted('k1'), waits('k2')], { posting: 'k1', looks: 1 }),
      effects: [commits(atChat(requeued('k1')))],
    })
    expect(outbox.after(...lost, requeued('k1'))).toEqual({
      value: state('waiting', 'quiet'),
      context: context([waits('k1', { attempts: 1, postedAtMs: 1_000 }), waits('k2')], { posting: 'k1', looks: 1 }),
      effects: [freesSlot, waitsToLook(1), asksForSlot],
    })
  })

  test('is not taken for lost while its post is under way, however long that takes and whatever is confirmed meanwhile', () => {
    const hanging = [queued('k1'), granted(), posting('k1')]
    const proof: OutboxEvent = { type: 'ledger.absent', key: 'k1', limits, nowMs: 901_000, laterConfirmed: true, otherUnconfirmed: 0 }

    expect(outbox.after(...hanging, lookDue(901_000))).toMatchObject({
      value: state('posting', 'watching'),
      effects: [looks, waitsToLook(1)],
    })
    expect(outbox.after(...hanging, lookDue(901_000), proof).effects).toEqual([])
    expect(outbox.after(...hanging, answer('post.unknown', 'k1', 300_000), lookDue(314_000)).effects).toEqual([looks, waitsToLook(1)])
    expect(outbox.after(...hanging, answer('post.unknown', 'k1', 300_000), lookDue(315_000)).effects).toEqual([checks('k1', 300_000)])
  })

  test('of a process that died counts as answered when the next one starts', () => {
    const restarted: OutboxEvent = { type: 'host.resumed', atMs: 100_000 }

    expect(outbox.after(queued('k1'), posting('k1'), restarted, lookDue(159_000)).effects).toEqual([looks, waitsToLook(1)])
    expect(outbox.after(queued('k1'), posting('k1'), restarted, lookDue(160_000)).effects).toEqual([checks('k1', 100_000)])
  })

  test('is itself what is posted again, though a later one was posted meanwhile', () => {
    const { effects } = outbox.after(queued('k1', 'k2'), posting('k1'), posting('k2', 2_000), requeued('k1'), posting('k1', 3_000))

    expect(effects).toEqual([posts('k1')])
  })

  test('is not taken for lost because another one is absent', () => {
    expect(outbox.after(...unconfirmed, lookDue(61_000), absent('k0', 901_000))).toEqual({
      value: state('resting', 'watching'),
      context: context([posted('k1'), waits('k2')], { posting: 'k1', looks: 1 }),
      effects: [waitsToLook(1)],
    })
  })

  test('is looked for no more when it was seen meanwhile', () => {
    expect(outbox.after(...unconfirmed, lookDue(61_000), sent('k1')).value).toEqual(state('waiting', 'quiet'))
    expect(outbox.after(...unconfirmed, lookDue(901_000), absent('k1', 901_000), sent('k1')).value).toEqual(state('waiting', 'quiet'))
  })
})

describe('a dead letter', () => {
  test('stops being looked for', () => {
    expect(outbox.after(...unconfirmed, lookDue(61_000), failed('k1')).value).toEqual(state('waiting', 'quiet'))
  })

  test('is queued as new when it is revived by hand', () => {
    expect(outbox.after({ type: 'reply.revived', key: 'k1' })).toEqual({
      value: state('waiting', 'quiet'),
      context: context([waits('k1')]),
      effects: [asksForSlot],
    })
  })

  test('stops waiting for a slot', () => {
    expect(outbox.after(queued('k1'), failed('k1'))).toEqual({
      value: state('resting', 'quiet'),
      context: context([]),
      effects: [freesSlot],
    })
  })
})

describe('a restored outbox', () => {
  test('asks for nothing when nothing is under way', () => {
    expect(outbox.after(resumed)).toEqual({ value: state('resting', 'quiet'), context: context([]), effects: [] })
  })

  test.each([
    ['waited', [queued('k1', 'k2')]],
    ['was about to be posted', [queued('k1', 'k2'), granted()]],
    ['was being looked for', [queued('k1', 'k2'), resumed]],
  ])('asks the ledger for all that is queued before anything is posted, once, also when it %s', (_, events) => {
    expect(outbox.after(...events, resumed)).toEqual({
      value: state('checking ledger', 'quiet'),
      context: context([unchecked('k1'), unchecked('k2')]),
      effects: [asksLedger('k1', 'k2')],
    })
  })

  test('asks for its slot again when what is queued is not on the mesh', () => {
    expect(outbox.after(queued('k1', 'k2'), resumed, notThere('k1', 'k2'))).toEqual({
      value: state('waiting', 'quiet'),
      context: context([waits('k1'), waits('k2')]),
      effects: [asksForSlot],
    })
  })

  test('records as sent what is on the mesh, and posts the rest', () => {
    const found = [queued('k1', 'k2'), resumed, seen('k1')]

    expect(outbox.after(...found).effects).toEqual([commits(atChat({ ...sent('k1'), postedAtMs: 0 }))])
    expect(outbox.after(...found, notThere('k2'), sent('k1'), granted()).effects).toEqual([commits(atChat(posting('k2')))])
  })

  test('posts nothing, and asks again, when nobody can tell', () => {
    const unknownYet = [queued('k1'), resumed, unknown(false, 2_000)]

    expect(outbox.after(...unknownYet)).toEqual({
      value: state('backing off', 'quiet'),
      context: context([unchecked('k1')], { failures: 1 }),
      effects: [freesSlot, backsOff(1)],
    })
    expect(outbox.after(...unknownYet, rested)).toMatchObject({ value: state('checking ledger', 'quiet'), effects: [asksLedger('k1')] })
  })

  test('posts at last when an agent that answers cannot tell for long, and waits for one that is away however long', () => {
    const asked = [queued('k1'), resumed]

    expect(outbox.after(...asked, unknown(false, 901_000)).value).toEqual(state('waiting', 'quiet'))
    expect(outbox.after(...asked, unknown(true, 901_000)).value).toEqual(state('backing off', 'quiet'))
    expect(outbox.after(...asked, unknown(true, 901_000), rested, unknown(false, 1_800_999)).value).toEqual(state('backing off', 'quiet'))
    expect(outbox.after(...asked, unknown(true, 901_000), rested, unknown(false, 1_801_000)).value).toEqual(state('waiting', 'quiet'))
  })

  test('keeps the order: what is queued after the start waits behind what is looked for', () => {
    expect(outbox.after(queued('k1'), resumed, queued('k2'))).toEqual({
      value: state('checking ledger', 'quiet'),
      context: context([unchecked('k1'), waits('k2')]),
      effects: [],
    })
    expect(outbox.after(queued('k1'), resumed, queued('k2'), notThere('k1'), granted()).effects).toEqual([commits(atChat(posting('k1')))])
  })

  test('does not look for what is queued after the start', () => {
    expect(outbox.after(resumed, queued('k1')).effects).toEqual([asksForSlot])
  })

  test('looks for what may have been posted, and posts nothing', () => {
    expect(outbox.after(queued('k1', 'k2'), posting('k1'), resumed)).toEqual({
      value: state('checking ledger', 'watching'),
      context: context([posted('k1'), unchecked('k2')], { posting: 'k1' }),
      effects: [looks, waitsToLook(0), asksLedger('k2')],
    })
    expect(outbox.after(queued('k1', 'k2'), posting('k1'), resumed, notThere('k2'))).toMatchObject({
      value: state('resting', 'watching'),
      effects: [],
    })
  })

  test('looks without resting when it was resting for a post that had failed', () => {
    const { value, effects } = outbox.after(queued('k1'), granted(), posting('k1'), answer('post.not-sent', 'k1'), resumed)

    expect({ value, effects }).toEqual({ value: state('checking ledger', 'quiet'), effects: [asksLedger('k1')] })
  })

  test.each([
    ['looking into our own files', [lookDue(61_000)]],
    ['recording that it is lost', [lookDue(901_000), absent('k1', 901_000)]],
  ])('begins its looks anew when it was %s', (_, events) => {
    expect(outbox.after(...unconfirmed, ...events, resumed)).toEqual({
      value: state('checking ledger', 'watching'),
      context: context([posted('k1'), unchecked('k2')], { posting: 'k1', looks: 1 }),
      effects: [waitsToLook(1), asksLedger('k2')],
    })
  })

  test('has to see again what was seen before its record was durable', () => {
    expect(outbox.after(...unconfirmed, seen('k1'), resumed, seen('k1')).effects).toEqual([commits(atChat(sent('k1')))])
  })
})

test('every transition of the outbox chart was taken by the tests above', () => {
  expect(untaken(outbox)).toEqual([])
})
