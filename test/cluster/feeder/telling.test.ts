/** What a chat is told of what is read, and how often. */
import { describe, expect, test } from 'vitest'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import type { Found } from '../../../src/cluster/contracts.ts'
import { createPosted } from '../../../src/cluster/feeder/posted.ts'
import { createTelling } from '../../../src/cluster/feeder/telling.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import { answeredBy, type ChatId, replyKey } from '../../../src/domain/ids.ts'
import type { RawMessage } from '../../../src/ports/ztm-agent.ts'
import { restoreAccount } from '../../../src/runtime/account-entry.ts'
import type { Backlog } from '../../../src/runtime/backlog.ts'
import { createMemberships } from '../../../src/runtime/membership.ts'

const NOW_MS = Date.UTC(2026, 10, 24, 12)
const ALICE = 'peer:alice'
const TEAM = 'group:carol/team'
const settings = parseConfig({ meshName: 'home', username: 'my-bot', enableGroups: true }).accounts[0]!
const { limits } = settings
const noEnd = new AbortController().signal
const none: ReadonlySet<string> = new Set()

const says = (text: string, timeMs = NOW_MS, sender = 'alice'): RawMessage => ({ time: timeMs, sender, message: { text } })
const reply = (key: string): RawMessage => ({ time: NOW_MS, sender: 'my-bot', message: { text: 'ok', ztmChat: { key } } })

function open({ members = ['alice', 'bob'] as readonly string[] | null, chats = limits.chats } = {}) {
  const clock = createVirtualClock(NOW_MS)
  const told: (Found & { readonly chat: ChatId })[] = []
  const behind = new Set<ChatId>()
  const again: ChatId[] = []
  const unusable: number[] = []
  const room = { taken: Number.POSITIVE_INFINITY, isThere: true }
  const group = { members }
  const posted = createPosted(clock)
  const backlog: Backlog = {
    behind: chat => void behind.add(chat),
    caughtUp: chat => void behind.delete(chat),
    liveMs: () => NOW_MS,
    settle: () => behind.size === 0,
    stored: () => [],
  }
  const asks = { times: 0 }
  const agent = {
    group: async () => {
      asks.times += 1
      return group.members && { creator: 'carol', group: 'team', name: 'Team', members: [...group.members] }
    },
  }
  const telling = createTelling({
    settings: { ...settings, limits: { ...limits, chats } },
    clock,
    account: restoreAccount({}),
    backlog,
    memberships: createMemberships(agent as never, clock, limits),
    posted,
    feeder: () => ({ address: 'x:1', session: 's1', isPushed: false }),
    isFirstLoad: () => false,
    indexedMs: () => null,
    async receive(chat, found) {
      if (!room.isThere) throw new Error('the engine is away')
      told.push({ ...found, chat })
      return Math.min(room.taken, found.messages.length)
    },
    later: (_, delayMs, tell) =>
      void clock.after(delayMs, () => {
        tell().catch(() => {})
      }),
    again: chat => again.push(chat),
    onUnusable: count => unusable.push(count),
  })
  const take = (messages: readonly RawMessage[], { chat = ALICE as ChatId, source = 'app' as 'app' | 'files', answered = none } = {}) =>
    telling.take(chat, source, messages, answered, noEnd)
  const texts = () => told.map(({ messages }) => messages.map(({ message }) => (message as { text: string }).text))
  return { clock, telling, take, told, texts, behind, again, unusable, room, group, asks, posted }
}

describe('what was told', () => {
  test('is not told again from the same source; from the other it is, for one of them may be a part', async () => {
    const { take, texts } = open()

    expect(await take([says('one')])).toBe(true)
    expect(await take([says('one'), says('two', NOW_MS + 1)])).toBe(true)
    expect(await take([says('one'), says('two', NOW_MS + 1)])).toBe(true)
    expect(await take([says('one')], { source: 'files' })).toBe(true)

    expect(texts()).toEqual([['one'], ['two'], ['one']])
  })

  test('is in order of time, without what is our own, with what is answered marked', async () => {
    const { take, told, texts } = open()

    await take([says('two', NOW_MS + 1), reply('k'), says('one')])
    await take([says('three', NOW_MS + 2)], { answered: new Set([told[0]!.messages[0]!.id]) })

    expect(texts()).toEqual([['one', 'two'], ['three']])
    expect(told[1]!.messages[0]!.isAnswered).toBe(false)
    const other = open()
    await other.take([says('one')], { answered: new Set([told[0]!.messages[0]!.id]) })
    expect(other.told[0]!.messages[0]!.isAnswered).toBe(true)
  })

  test('is forgotten of the chat that was read longest ago, when there are too many; but not of one that has no room', async () => {
    const { take, told, room } = open({ chats: 3 })
    const of = (chat: string) => told.filter(one => one.chat === `peer:${chat}`).length
    const reads = async (...chats: readonly string[]) => {
      for (const chat of chats) await take([says('hello', NOW_MS, chat)], { chat: `peer:${chat}` })
    }
    room.taken = 0
    await reads('full')
    room.taken = 1
    await reads('a', 'b', 'a', 'c')
    expect([of('a'), of('b'), of('c')]).toEqual([1, 1, 1])

    await reads('a', 'b')

    expect([of('a'), of('b')]).toEqual([1, 2])
    expect(of('full')).toBe(1)
    await reads('full', 'full')
    expect(of('full')).toBe(2)
  })

  test('and was not heard is told again', async () => {
    const { take, texts, room, telling } = open()

    room.isThere = false
    await expect(take([says('one')])).rejects.toThrow('the engine is away')
    expect(telling.knows(ALICE, says('one'))).toBe(false)
    room.isThere = true
    await take([says('one')])

    expect(texts()).toEqual([['one']])
    expect(telling.knows(ALICE, says('one'))).toBe(true)
    expect(telling.knows(ALICE, says('two'))).toBe(false)
    expect(telling.knows(ALICE, reply('k'))).toBe(true)
  })

  test('and found no room is told again: the chat is behind, and fetched again, until all of it is taken', async () => {
    const { take, texts, room, telling, behind, again } = open()
    const all = [says('one'), says('two', NOW_MS + 1), says('three', NOW_MS + 2)]

    room.taken = 1
    expect(await take(all)).toBe(false)
    expect([telling.isFull(ALICE), behind.has(ALICE), again]).toEqual([true, true, [ALICE]])
    room.taken = Number.POSITIVE_INFINITY
    expect(await take(all)).toBe(true)

    expect(texts()).toEqual([
      ['one', 'two', 'three'],
      ['two', 'three'],
    ])
    expect(telling.isFull(ALICE)).toBe(false)
    expect(again).toEqual([ALICE])
  })
})

test('messages without a time are told to nobody, and counted once each', async () => {
  const { take, texts, unusable, telling } = open()
  const odd = [
    { ...says('no time'), time: 'yesterday' as never },
    { ...says('before time'), time: -1 },
  ]

  await take([says('one'), ...odd])
  await take([says('one'), ...odd])

  expect(texts()).toEqual([['one']])
  expect(unusable).toEqual([2])
  expect(telling.knows(ALICE, odd[0]!)).toBe(true)
})

test('a group’s first look is told though it is empty, once; a person’s is not', async () => {
  const { take, told } = open()

  await take([])
  await take([], { chat: TEAM, source: 'files' })
  expect(told).toEqual([])
  await take([], { chat: TEAM })
  await take([], { chat: TEAM })

  expect(told.map(({ chat, source, messages }) => ({ chat, source, messages }))).toEqual([{ chat: TEAM, source: 'app', messages: [] }])
})

test('and is told again when it was not heard', async () => {
  const { take, told, room } = open()

  room.isThere = false
  await expect(take([], { chat: TEAM })).rejects.toThrow('the engine is away')
  room.isThere = true
  await take([], { chat: TEAM })

  expect(told.length).toBe(1)
})

describe('who is in a group', () => {
  test('is told with what was written', async () => {
    const { take, told } = open()

    await take([says('one'), says('two', NOW_MS, 'mallory'), says('three', NOW_MS, 'carol')], { chat: TEAM })

    expect(told[0]!.messages.map(({ sender, membership }) => [sender, membership])).toEqual([
      ['alice', 'member'],
      ['mallory', 'outsider'],
      ['carol', 'member'],
    ])
  })

  test('and cannot be learnt holds the messages back, all of them, until it can', async () => {
    const { take, told, group, clock } = open({ members: null })
    const messages = [says('one', NOW_MS, 'carol'), says('two', NOW_MS + 1)]

    await expect(take(messages, { chat: TEAM })).rejects.toThrow('The member list of group carol/team cannot be learnt at present')
    expect(told).toEqual([])
    await clock.advance(5_000)
    group.members = ['alice']
    await take(messages, { chat: TEAM })

    expect(told[0]!.messages.map(({ membership }) => membership)).toEqual(['member', 'member'])
  })

  test('and cannot be learnt for ten minutes is unknown, also of those that waited behind the first', async () => {
    const { take, told, clock } = open({ members: null })
    const messages = [says('one'), says('two', NOW_MS + 1, 'bob')]

    await expect(take(messages, { chat: TEAM })).rejects.toThrow()
    await clock.advance(limits.membershipHoldMs)
    await take(messages, { chat: TEAM })

    expect(told[0]!.messages.map(({ membership }) => membership)).toEqual(['unknown', 'unknown'])
  })

  test('is not asked for messages of before', async () => {
    const { take, asks, clock } = open()

    await take([says('one')], { chat: TEAM })
    await clock.advance(2 * limits.membershipFreshMs)
    await take([says('one')], { chat: TEAM })

    expect(asks.times).toBe(1)
  })
})

describe('a reply that was seen', () => {
  const key = replyKey('m1', 0)

  test('goes along with the next message', async () => {
    const { telling, take, told, posted, clock } = open()
    posted.add(ALICE, key, false)

    expect(telling.seeOwn(ALICE, [reply(key), says('hi')])).toEqual(new Set([answeredBy(key)]))
    await take([says('one')])
    await clock.advance(60_000)

    expect(told.map(({ seen }) => seen)).toEqual([[key]])
    expect(posted.isEmpty()).toBe(true)
  })

  test('is told by itself when nothing is written in two seconds', async () => {
    const { telling, told, posted, clock } = open()
    posted.add(ALICE, key, false)

    telling.seeOwn(ALICE, [reply(key)])
    await clock.advance(1_999)
    expect(told).toEqual([])
    await clock.advance(1)
    await clock.drain()

    expect(told).toMatchObject([{ chat: ALICE, messages: [], seen: [key] }])
    expect(posted.isEmpty()).toBe(true)
  })

  test('is told at once when the next part waits for it', async () => {
    const { telling, told, posted, clock } = open()
    posted.add(ALICE, key, true)

    telling.seeOwn(ALICE, [reply(key)])
    await clock.drain()

    expect(told).toMatchObject([{ messages: [], seen: [key] }])
  })

  test('and could not be told stays with those that wait, and is told when it is seen again', async () => {
    const { telling, told, posted, clock, room } = open()
    posted.add(ALICE, key, true)

    room.isThere = false
    telling.seeOwn(ALICE, [reply(key)])
    await clock.drain()
    expect(posted.awaits(ALICE)).toBe(true)
    room.isThere = true
    telling.seeOwn(ALICE, [reply(key)])
    await clock.drain()

    expect(told).toMatchObject([{ seen: [key] }])
  })

  test('and was not posted here is told to nobody, but known to answer its message', async () => {
    const { telling, told, clock } = open()

    expect(telling.seeOwn(ALICE, [reply(key)])).toEqual(new Set([answeredBy(key)]))
    await clock.advance(60_000)

    expect(told).toEqual([])
  })

  test('under another name is nothing of ours', async () => {
    const { telling, told, posted, clock } = open()
    posted.add(ALICE, key, true)

    expect(telling.seeOwn(ALICE, [{ ...reply(key), sender: 'mallory' }])).toEqual(new Set())
    await clock.advance(60_000)

    expect(told).toEqual([])
  })
})

test('the chat app is asked from the age fence on, and further back for what was posted before it', async () => {
  const { telling, take, posted, clock } = open()
  expect(telling.sinceMs(ALICE)).toBe(NOW_MS - limits.ageFenceMs)
  await take([says('one')])
  expect(telling.sinceMs(ALICE)).toBe(NOW_MS - limits.ageFenceMs)

  clock.jump(-limits.ageFenceMs)
  posted.add(ALICE, 'k1', false)

  expect(telling.sinceMs(ALICE)).toBe(NOW_MS - limits.ageFenceMs - 3_600_000)
})
