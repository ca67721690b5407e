/** Which messages are told to a chat's chart, and with which facts. */
import { expect, test } from 'vitest'
import type { Found, FoundMessage } from '../../../src/cluster/contracts.ts'
import { inputsFor, type Known } from '../../../src/cluster/service/door.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import { emptyCursor, remember } from '../../../src/domain/cursor.ts'
import type { Facts } from '../../../src/domain/decision.ts'
import { noLoop } from '../../../src/domain/loop-guard.ts'
import { decide } from '../../../src/domain/policy.ts'

const NOW_MS = Date.UTC(2026, 10, 24, 12)
const settings = parseConfig({ meshName: 'home', username: 'my-bot', dmPolicy: 'pairing', enableGroups: true, groupPolicy: 'open' })
  .accounts[0]!
const { limits } = settings

const message: FoundMessage = {
  id: 'm1',
  sender: 'alice',
  timeMs: NOW_MS,
  arrivedMs: null,
  message: { text: 'hi' },
  membership: 'unknown',
  isAnswered: false,
}
const found: Found = {
  feeder: null,
  source: 'app',
  liveAtMs: NOW_MS,
  openedAtMs: NOW_MS,
  isFirstLoad: false,
  indexBeginMs: null,
  indexedMs: null,
  nowMs: NOW_MS,
  messages: [],
  seen: [],
}
const enter = (what: Partial<Found>, known: Partial<Known> = {}) =>
  inputsFor(settings, { ...found, ...what }, { chat: 'peer:alice', entry: null, queued: 0, paired: new Set(), ...known })
type Odd = Partial<FoundMessage> & { readonly wasThere?: boolean; readonly nowMs?: number }
const inputs = ({ wasThere = false, nowMs = NOW_MS, ...one }: Odd = {}, known: Partial<Known> = {}) =>
  enter({ nowMs, isFirstLoad: wasThere, messages: [{ ...message, ...one }] }, known).inputs
const decisionOf = (...asked: Parameters<typeof inputs>) => {
  const told = inputs(...asked).at(-1)
  return told?.to === 'chat' && told.event.type === 'message.received' ? decide(told.event.facts as Facts).reason : null
}
const entry = (...ids: readonly string[]) => {
  const cursor = emptyCursor(NOW_MS - limits.ageFenceMs)
  for (const id of ids) remember(cursor, { id, sender: 'alice', timeMs: NOW_MS, nowMs: NOW_MS, liveMs: NOW_MS }, limits)
  return { cursor, loop: noLoop, openedAtMs: NOW_MS, shown: true }
}

test('the first message of a chat opens it, with the age fence as its floor', () => {
  expect(inputs()[0]).toEqual({
    to: 'records',
    changes: [
      { at: 'chat', chat: 'peer:alice', event: { type: 'chat.opened', floorMs: NOW_MS - limits.ageFenceMs, history: [], shown: true } },
    ],
  })
  expect(inputs({}, { entry: entry() }).map(({ to }) => to)).toEqual(['chat'])
})

test('a message that was dealt with, or is below the floor, is told to nobody', () => {
  expect(inputs({}, { entry: entry('m1') })).toEqual([])
  expect(inputs({ id: 'm2' }, { entry: entry('m1') })).toHaveLength(1)
  expect(inputs({ timeMs: NOW_MS - limits.ageFenceMs })).toEqual([])
})

const remembered = (timeMs: number, shown: boolean) => [
  {
    to: 'records',
    changes: [
      {
        at: 'chat',
        chat: 'peer:alice',
        event: { type: 'chat.opened', floorMs: NOW_MS - limits.ageFenceMs, history: [{ id: 'm1', sender: 'alice', timeMs }], shown },
      },
    ],
  },
]

test('of what was there at the first start only what is newer than firstSync is answered; the rest is remembered', () => {
  const oldMs = NOW_MS - settings.firstSyncMs - 1

  expect(inputs({ wasThere: true, timeMs: oldMs })).toEqual(remembered(oldMs, true))
  expect(inputs({ wasThere: true, timeMs: oldMs }, { entry: { ...entry(), shown: false } })).toEqual(remembered(oldMs, true))
  expect(decisionOf({ wasThere: true, timeMs: oldMs + 1 })).toBe('pending')
  expect(decisionOf({ timeMs: oldMs })).toBe('pending')
})

test('what is told late is as old as it was when the chat was met', () => {
  const timeMs = NOW_MS - settings.firstSyncMs
  const met = { ...entry(), shown: false }

  expect(decisionOf({ wasThere: true, timeMs, nowMs: NOW_MS + 60_000 }, { entry: met })).toBe('pending')
})

test('what has a reply on the mesh is remembered, and not answered again, so that a lost state answers nothing twice', () => {
  expect(inputs({ isAnswered: true })).toEqual(remembered(NOW_MS, true))
  expect(inputs({ isAnswered: true }, { entry: entry() })).toEqual(remembered(NOW_MS, true))
  expect(inputs({ isAnswered: true }, { entry: entry('m1') })).toEqual([])
})

test('the chat is known to have shown its history once the chat app has; message files are only a part of it', () => {
  const met = { ...entry(), shown: false }
  const opened = (shown: boolean) => ({ changes: [{ event: { type: 'chat.opened', history: [], shown } }] })

  expect(inputs()[0]).toMatchObject(opened(true))
  expect(inputs({}, { entry: met })[0]).toMatchObject(opened(true))
  expect(enter({ source: 'files', messages: [message] }).inputs[0]).toMatchObject(opened(false))
  expect(enter({ source: 'files', messages: [message] }, { entry: met }).inputs.map(({ to }) => to)).toEqual(['chat'])
})

test('a group that is empty when it is met has no history; of one that is not, the files tell what was there, where there are any', () => {
  const team = { chat: 'group:carol/team' } as const
  const oldMs = NOW_MS - settings.firstSyncMs - 1
  const old = { ...message, timeMs: oldMs }

  expect(enter({}, team).inputs).toMatchObject([{ changes: [{ event: { type: 'chat.opened', history: [], shown: true } }] }])
  expect(enter({ messages: [old] }, team).inputs).toMatchObject([{ changes: [{ event: { history: [{ id: 'm1' }], shown: true } }] }])
  expect(enter({ messages: [old], indexBeginMs: 1 }, team)).toEqual({ inputs: [], taken: 1 })
  const inFile = { ...old, arrivedMs: oldMs }
  expect(enter({ source: 'files', messages: [inFile], indexBeginMs: 1, indexedMs: NOW_MS }, team).inputs).toMatchObject([
    { changes: [{ event: { history: [{ id: 'm1' }], shown: false } }] },
  ])
})

test('when the chat is full, the first are taken, and it is told how many; what was there before is remembered as a whole', () => {
  const many = [1, 2, 3, 4].map(n => ({ ...message, id: `m${n}`, timeMs: NOW_MS + n }))
  const old = { ...message, id: 'old', timeMs: NOW_MS + 5, isAnswered: true }

  const { inputs, taken } = enter({ messages: [...many, old] }, { queued: limits.queuedPerChat - 2 })

  expect(taken).toBe(2)
  expect(inputs).toMatchObject([
    { changes: [{ event: { history: [{ id: 'old' }] } }] },
    { event: { message: { id: 'm1' } } },
    { event: { message: { id: 'm2' } } },
  ])
  expect(enter({ messages: many }, { queued: limits.queuedPerChat }).taken).toBe(0)
})

test('what the bot has written itself is told to nobody, so that it never answers itself', () => {
  expect(inputs({ sender: 'my-bot' })).toEqual([])
})

test('of a message as it was posted the chart is told the text, cut when it is too long, and the files', () => {
  const long = 'x'.repeat(limits.textCharacters + 5)

  expect(inputs({ message: { text: long, files: [{ hash: 'x' }, 5], more: {} } }).at(-1)).toMatchObject({
    event: { message: { id: 'm1', text: `${long.slice(5)}… [cut: 5 more characters]`, files: [{ hash: 'x' }] } },
  })
})

test('the policy is asked with what the settings, the state and the mesh say', () => {
  expect(decisionOf()).toBe('pending')
  expect(decisionOf({}, { paired: new Set(['alice']) })).toBe('whitelisted')
  expect(decisionOf({ message: { text: ' ' } })).toBe('unsupported_content')
  expect(decisionOf({ message: { text: '', files: [{ hash: 'x' }] } })).toBe('pending')
  expect(decisionOf({ timeMs: NOW_MS - limits.ageFenceMs }, { entry: { ...entry(), cursor: emptyCursor(0) } })).toBe('too_old')
})

test('in a group it is asked about the member, and whether the bot was meant', () => {
  const inTeam = { chat: 'group:carol/team' } as const

  expect(decisionOf({ message: { text: '@my-bot hi' }, membership: 'member' }, inTeam)).toBe('allowed')
  expect(decisionOf({ message: { text: 'hi' }, membership: 'member' }, inTeam)).toBe('mention_required')
  expect(decisionOf({ message: { text: '@my-bot hi' }, membership: 'outsider' }, inTeam)).toBe('not_a_member')
})

test('whoever answers as fast as a bot is held up by the loop guard', () => {
  const looping = { ...noLoop, sender: 'alice', heldUntilMs: NOW_MS + 1 }

  expect(decisionOf({}, { paired: new Set(['alice']), entry: { ...entry(), loop: looping } })).toBe('loop_guard')
})
