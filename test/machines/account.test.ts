import { describe, expect, test } from 'vitest'
import { type AccountContext, type AccountEvent, accountMachine, type Proof } from '../../machines/account.ts'
import type { ChatId } from '../../src/domain/ids.ts'
import { chartOf, untaken } from './kit.ts'
import { alice } from './words.ts'

const account = chartOf(accountMachine, { account: 'home' })
const context = (changes: Partial<AccountContext> = {}): AccountContext => ({ account: 'home', reason: null, failures: 0, ...changes })

const start: AccountEvent = { type: 'account.start' }
const stop: AccountEvent = { type: 'account.stop' }
const passed: AccountEvent = { type: 'probe.passed' }
const notJoined: AccountEvent = { type: 'probe.not-joined' }
const probeFailed: AccountEvent = { type: 'probe.failed', reason: 'no answer' }
const probeBlocked: AccountEvent = { type: 'probe.blocked', reason: 'not the bot’s agent' }
const joined: AccountEvent = { type: 'join.done' }
const joinFailed: AccountEvent = { type: 'join.failed', reason: 'no permit server' }
const joinBlocked: AccountEvent = { type: 'join.blocked', reason: 'no permit' }
const rested: AccountEvent = { type: 'backoff.over' }
const drained: AccountEvent = { type: 'account.drained' }
const round = (...changed: ChatId[]): AccountEvent => ({ type: 'feed.round', changed })
const feedFailed: AccountEvent = { type: 'feed.failed', reason: 'connection lost' }
const feedBlocked: AccountEvent = { type: 'feed.blocked', reason: 'forbidden' }
const storeFailed: AccountEvent = { type: 'store.failed', reason: 'the disk is full' }

const probe = { type: 'probe', params: {} }
const join = { type: 'join', params: {} }
const opensFeed = { type: 'xstate.spawnChild', params: { src: 'feed', input: { account: 'home' } } }
const closesFeed = { type: 'xstate.stopChild', params: { src: 'feed' } }
const backsOff = (failures: number) => ({ type: 'startBackoff', params: { failures } })
const drain = { type: 'drain', params: {} }

describe('an account that starts', () => {
  test('is idle until it is told to start', () => {
    expect(account.after()).toEqual({ value: 'idle', context: context(), effects: [] })
  })

  test('looks at its agent first', () => {
    expect(account.after(start)).toEqual({ value: 'connecting', context: context(), effects: [probe] })
  })

  test('is live, and opens its feed, when all is well', () => {
    expect(account.after(start, passed)).toEqual({ value: 'live', context: context(), effects: [opensFeed] })
  })

  test('joins the mesh when it has not, and looks again', () => {
    expect(account.after(start, notJoined)).toEqual({ value: 'joining', context: context(), effects: [join] })
    expect(account.after(start, notJoined, joined)).toEqual({ value: 'connecting', context: context(), effects: [probe] })
  })

  test.each([
    ['its agent does not answer', [start, probeFailed], 'no answer'],
    ['joining fails', [start, notJoined, joinFailed], 'no permit server'],
  ])('rests when %s, and says why', (_, events, reason) => {
    expect(account.after(...events)).toEqual({
      value: { degraded: 'resting' },
      context: context({ failures: 1, reason }),
      effects: [backsOff(1)],
    })
  })

  test.each([
    ['its agent is not the bot’s', [start, probeBlocked], 'not the bot’s agent'],
    ['it gets no permit', [start, notJoined, joinBlocked], 'no permit'],
  ])('waits long for somebody to mend it when %s', (_, events, reason) => {
    expect(account.after(...events)).toEqual({
      value: 'blocked',
      context: context({ reason }),
      effects: [{ type: 'startLongRest', params: {} }],
    })
  })

  test('looks again after its long rest', () => {
    expect(account.after(start, probeBlocked, rested)).toEqual({
      value: 'connecting',
      context: context({ reason: 'not the bot’s agent' }),
      effects: [probe],
    })
  })
})

describe('a live account', () => {
  test('watches the chats that a round of the feed names', () => {
    expect(account.after(start, passed, round(alice))).toEqual({
      value: 'live',
      context: context(),
      effects: [{ type: 'watch', params: { chats: [alice] } }],
    })
  })

  test('does nothing for a round without changes', () => {
    expect(account.after(start, passed, round())).toEqual({ value: 'live', context: context(), effects: [] })
  })

  test.each([
    ['its feed fails', feedFailed, 'connection lost'],
    ['its disk fails', storeFailed, 'the disk is full'],
  ])('closes its feed and rests when %s', (_, failure, reason) => {
    expect(account.after(start, passed, failure)).toEqual({
      value: { degraded: 'resting' },
      context: context({ failures: 1, reason }),
      effects: [closesFeed, backsOff(1)],
    })
  })
})

test('a live account that is not allowed to look waits for somebody to allow it', () => {
  expect(account.after(start, passed, feedBlocked)).toEqual({
    value: 'blocked',
    context: context({ reason: 'forbidden' }),
    effects: [closesFeed, { type: 'startLongRest', params: {} }],
  })
})

describe('a degraded account', () => {
  test('looks at its agent after each rest', () => {
    expect(account.after(start, probeFailed, rested)).toEqual({
      value: { degraded: 'probing' },
      context: context({ failures: 1, reason: 'no answer' }),
      effects: [probe],
    })
  })

  test('never gives up, and counts its failures', () => {
    expect(account.after(start, probeFailed, rested, probeFailed, rested, probeFailed)).toEqual({
      value: { degraded: 'resting' },
      context: context({ failures: 3, reason: 'no answer' }),
      effects: [backsOff(3)],
    })
  })

  test('is live again when a look goes well; its failures are forgotten only when the feed has brought something, too', () => {
    const live = { value: 'live', context: context({ failures: 1 }), effects: [opensFeed] }
    expect(account.after(start, probeFailed, rested, passed)).toEqual(live)
    expect(account.after(start, probeFailed, rested, passed, round()).context).toEqual(context())
    expect(account.after(start, probeFailed, rested, passed, round(alice)).context).toEqual(context())
    expect(account.after(start, probeFailed, rested, passed, feedFailed)).toMatchObject({ effects: [closesFeed, backsOff(2)] })
  })

  test('joins when it is found to have left the mesh', () => {
    expect(account.after(start, probeFailed, rested, notJoined)).toEqual({
      value: 'joining',
      context: context({ failures: 1, reason: 'no answer' }),
      effects: [join],
    })
  })

  test('is blocked when somebody has to mend something', () => {
    expect(account.after(start, probeFailed, rested, probeBlocked)).toEqual({
      value: 'blocked',
      context: context({ failures: 1, reason: 'not the bot’s agent' }),
      effects: [{ type: 'startLongRest', params: {} }],
    })
  })
})

describe('an account whose agent is proven to be stuck', () => {
  const proven = (facts: Partial<Proof> = {}): AccountEvent => ({
    type: 'trouble.proven',
    reason: 'the chat app is frozen',
    selfHeal: true,
    sinceHealMs: null,
    restMs: 600_000,
    ...facts,
  })
  const quiet: AccountEvent = { type: 'posts.quiet' }
  const quiesced: AccountEvent = { type: 'quiesce.over' }
  const rejoined: AccountEvent = { type: 'rejoin.done' }
  const rejoinFailed: AccountEvent = { type: 'rejoin.failed', reason: 'refused' }
  const settled: AccountEvent = { type: 'agent.settled' }
  const settleFailed: AccountEvent = { type: 'settle.failed', reason: 'not online' }
  const holds = { type: 'holdPosts', params: {} }
  const releases = { type: 'releasePosts', params: {} }
  const quiesces = { type: 'startQuiesce', params: {} }
  const rejoins = { type: 'rejoin', params: { reason: 'the chat app is frozen' } }
  const settles = { type: 'settle', params: {} }
  const stuck = context({ reason: 'the chat app is frozen' })

  test('holds its posts and lets those under way be confirmed, while its feed goes on', () => {
    expect(account.after(start, passed, proven())).toEqual({
      value: { healing: 'quiescing' },
      context: stuck,
      effects: [closesFeed, holds, quiesces, opensFeed],
    })
    expect(account.after(start, passed, proven(), round(alice)).effects).toEqual([{ type: 'watch', params: { chats: [alice] } }])
    expect(account.after(start, passed, proven(), round())).toMatchObject({ value: { healing: 'quiescing' }, effects: [] })
    for (const failure of [feedFailed, feedBlocked])
      expect(account.after(start, passed, proven(), failure)).toEqual({ value: { healing: 'quiescing' }, context: stuck, effects: [] })
  })

  test.each([
    ['are confirmed', quiet],
    ['have had their time', quiesced],
  ])('joins again when the posts %s', (_, event) => {
    expect(account.after(start, passed, proven(), event)).toEqual({
      value: { healing: 'rejoining' },
      context: stuck,
      effects: [closesFeed, rejoins],
    })
  })

  test('posts again only when the agent has settled, and looks at it first', () => {
    expect(account.after(start, passed, proven(), quiet, rejoined)).toEqual({
      value: { healing: 'settling' },
      context: stuck,
      effects: [settles],
    })
    expect(account.after(start, passed, proven(), quiet, rejoined, settled)).toEqual({
      value: 'connecting',
      context: stuck,
      effects: [releases, probe],
    })
    expect(account.after(start, passed, proven(), quiet, rejoined, settled, passed)).toMatchObject({ value: 'live', context: context() })
  })

  test.each([
    ['joining again fails', [quiet, rejoinFailed], 'refused'],
    ['it does not settle', [quiet, rejoined, settleFailed], 'not online'],
  ])('is degraded, and posts as before, when %s', (_, events, reason) => {
    expect(account.after(start, passed, proven(), ...events)).toEqual({
      value: { degraded: 'resting' },
      context: context({ reason, failures: 1 }),
      effects: [releases, backsOff(1)],
    })
  })

  test.each([
    ['while its posts become quiet', []],
    ['while it settles', [quiet, rejoined]],
  ])('is degraded when its disk fails %s', (_, events) => {
    expect(account.after(start, passed, proven(), ...events, storeFailed)).toMatchObject({
      value: { degraded: 'resting' },
      context: context({ reason: 'the disk is full', failures: 1 }),
      effects: expect.arrayContaining([releases, backsOff(1)]),
    })
  })

  test('waits for its disk before it joins again, and posts nothing meanwhile', () => {
    expect(account.after(start, passed, proven(), quiet, storeFailed)).toEqual({
      value: { healing: 'rejoining' },
      context: context({ reason: 'the disk is full' }),
      effects: [],
    })
  })

  test('is healed while it is degraded, too', () => {
    expect(account.after(start, probeFailed, proven())).toMatchObject({ value: { healing: 'quiescing' } })
  })

  test.each([
    ['self-heal is off', { selfHeal: false }],
    ['the last time was a short while ago', { sinceHealMs: 599_999 }],
  ])('is left alone when %s', (_, facts) => {
    expect(account.after(start, passed, proven(facts))).toEqual({ value: 'live', context: context(), effects: [] })
    expect(account.after(start, probeFailed, proven(facts))).toMatchObject({ value: { degraded: 'resting' }, effects: [] })
  })

  test('may be healed once more when the limit is over', () => {
    expect(account.after(start, passed, proven({ sinceHealMs: 600_000 }))).toMatchObject({ value: { healing: 'quiescing' } })
  })

  test('stops when it is told to, whatever is being healed', () => {
    for (const events of [[], [quiet], [quiet, rejoined]])
      expect(account.after(start, passed, proven(), ...events, stop).effects).toContainEqual(drain)
  })
})

describe('an account that is told to stop', () => {
  test.each([
    ['idle', [], []],
    ['connecting', [start], []],
    ['joining', [start, notJoined], []],
    ['live', [start, passed], [closesFeed]],
    ['resting', [start, probeFailed], []],
    ['probing again', [start, probeFailed, rested], []],
    ['blocked', [start, probeBlocked], []],
  ])('drains what is under way, from %s too', (_, events, before) => {
    const { value, effects } = account.after(...events, stop)

    expect({ value, effects }).toEqual({ value: 'stopping', effects: [...before, drain] })
  })

  test('drains once, however often it is told', () => {
    expect(account.after(start, stop, stop)).toEqual({ value: 'stopping', context: context(), effects: [] })
  })

  test('stays stopped once it has drained', () => {
    expect(account.after(start, stop, drained)).toEqual({ value: 'stopped', context: context(), effects: [] })
    expect(account.after(start, stop, drained, start)).toEqual({ value: 'stopped', context: context(), effects: [] })
  })
})

test('every transition of the account chart was taken by the tests above', () => {
  expect(untaken(account)).toEqual([])
})
