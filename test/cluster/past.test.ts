import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChatRecord, OutboxRecord } from '../../machines/records.ts'
import type { Kept } from '../../src/cluster/kept.ts'
import { historyOf, keepPast, PAST, PAST_BYTES_MAX, PAST_RECORDS_MAX, type Past, pastWith } from '../../src/cluster/past.ts'
import { advance } from '../../src/cluster/service/advance.ts'
import { noTimers } from '../../src/cluster/timers.ts'
import type { Json } from '../../src/domain/json.ts'
import { LIMITS } from '../../src/domain/limits.ts'
import type { Input } from '../../src/runtime/cell.ts'
import { createLifeReader } from '../../src/runtime/life.ts'
import { parseChange } from '../../src/runtime/parse-record.ts'
import { pastOf } from '../../src/runtime/past.ts'
import { accepted, alice, atChat, message, queued, received } from '../machines/words.ts'

type Event = ChatRecord | OutboxRecord

const AT_MS = 1_700_000_000_000
/** As the engine gives it back. */
const through = (past: Past): Past => JSON.parse(JSON.stringify(past)) as Past
/** Record by record, each a second after the one before. */
const pastOfAll = (events: readonly Event[]): Past | null =>
  events.reduce<Past | null>((past, event, index) => through(pastWith(past, [event], AT_MS + index * 1_000)), null)
const kept = (past: Past | null) => (past?.records ?? []).map(([, { type }]) => type)
const turn = (id: string): readonly Event[] => [accepted(id), { type: 'turn.answered', id }, queued(`${id}#0`)]

/** What an object of Restate keeps, while an invocation runs. */
const objectWith = (state: Map<string, unknown>) => ({
  key: 'home/peer:alice',
  async get<Value>(name: string) {
    return (state.get(name) ?? null) as Value | null
  },
  set: (name: string, value: unknown) => void state.set(name, through(value as Past)),
})
const nothing: Kept = { version: 1, stored: null, timers: noTimers, feeder: null }
const advanced = (state: Map<string, unknown>, inputs: readonly Input[], atMs = AT_MS) =>
  advance(objectWith(state) as never, {
    subject: { at: 'chat', chat: alice },
    limits: LIMITS,
    kept: nothing,
    inputs,
    atMs,
    perform: () => [],
  })

async function livesIn(past: Past | null) {
  const reader = createLifeReader({ chat: alice, last: 100 })
  for await (const { atMs, changes } of historyOf(past, alice).history())
    for (const raw of changes) {
      const change = parseChange(raw)
      if (change) reader.read(change, atMs)
    }
  return reader.lives()
}

describe('the records of a chat', () => {
  test('tell the same lives, and the same states, as the journal does', async () => {
    const long = { ...accepted('m1'), message: { ...message('m1'), text: '😀'.repeat(500), files: [{ hash: 'abc' }] } }
    const events: readonly Event[] = [
      { type: 'chat.opened', floorMs: 0, history: [{ id: 'm0', sender: 'alice', timeMs: 1 }], shown: true },
      long,
      { type: 'turn.answered', id: 'm1' },
      { type: 'reply.queued', replies: [{ key: 'm1#0', text: 'x'.repeat(1_000) }] },
      { type: 'reply.posting', key: 'm1#0', atMs: AT_MS + 5_000 },
      { type: 'reply.sent', keys: ['m1#0'], postedAtMs: AT_MS + 5_000 },
    ]
    const reader = createLifeReader({ chat: alice, last: 100 })
    for (const [index, event] of events.entries()) reader.read(atChat(event), AT_MS + index * 1_000)
    const journal = {
      async *history() {
        for (const [index, event] of events.entries())
          yield { seq: index + 1, atMs: AT_MS + index * 1_000, changes: [{ key: `chat:${alice}`, event: event as unknown as Json }] }
      },
    }
    const past = pastOfAll(events)

    expect(await livesIn(past)).toEqual(reader.lives())
    expect(reader.lives()[0]?.text).toBe(`${'😀'.repeat(120)}…`)
    expect(await pastOf(historyOf(past, alice), alice)).toEqual(await pastOf(journal, alice))
  })

  test('keep neither files, nor what was history, nor more of a text than is told', () => {
    const past = pastOfAll([
      { type: 'chat.opened', floorMs: 0, history: [{ id: 'm0', sender: 'alice', timeMs: 1 }], shown: true },
      { ...accepted('m1'), message: { ...message('m1'), text: 'y'.repeat(500), files: [{ hash: 'abc' }] } },
      { type: 'reply.queued', replies: [{ key: 'm1#0', text: 'z'.repeat(500), files: [{ name: 'a' } as never] }] },
    ])

    expect((past as unknown as Past).records.map(([, event]) => event)).toMatchObject([
      { type: 'chat.opened', history: [] },
      { message: { text: 'y'.repeat(121), files: [] } },
      { replies: [{ key: 'm1#0', text: 'z'.repeat(121) }] },
    ])
    expect(JSON.stringify(past)).not.toContain('"name"')
  })

  test('are the newest, without a gap, in no more bytes and no greater number than is allowed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.string({ unit: 'grapheme', maxLength: 300 }))), letters => {
        const events = letters.map(
          ([count, text], index): Event =>
            count > 15
              ? { type: 'reply.queued', replies: Array.from({ length: count }, (_, part) => ({ key: `m${index}#${part}`, text })) }
              : { type: 'turn.failed', id: `m${index}`, attempt: count, reason: text },
        )
        const all = events.map((_, index) => AT_MS + index * 1_000)
        const past = pastOfAll(events)
        const times = past === null ? [] : (past as unknown as Past).records.map(([atMs]) => atMs)

        expect(Buffer.byteLength(JSON.stringify(past))).toBeLessThanOrEqual(PAST_BYTES_MAX)
        expect(times.length).toBeLessThanOrEqual(PAST_RECORDS_MAX)
        expect(times).toEqual(times.length === 0 ? [] : all.slice(-times.length))
      }),
      { numRuns: 200, seed: 70_412 },
    )
    expect(kept(pastOfAll(Array.from({ length: 200 }, (): Event => ({ type: 'chat.read' })))).length).toBe(PAST_RECORDS_MAX)
    expect(kept(pastOfAll(Array.from({ length: 4 }, (_, index) => turn(`m${index}`)).flat())).length).toBe(12)
  })

  test('of which the newest alone is too large are none, and the next ones are kept again', () => {
    const large: Event = { type: 'turn.failed', id: 'm1', attempt: 1, reason: 'x'.repeat(PAST_BYTES_MAX) }

    expect(kept(pastOfAll([...turn('m1'), large]))).toEqual([])
    expect(kept(pastOfAll([...turn('m1'), large, ...turn('m2')]))).toEqual(['message.accepted', 'turn.answered', 'reply.queued'])
  })

  test('that another version has written are not read, and give way', () => {
    const newer = { version: 2, atMs: AT_MS, records: [['?']] } as unknown as Past

    expect(kept(through(pastWith(newer, turn('m1'), AT_MS)))).toEqual(['message.accepted', 'turn.answered', 'reply.queued'])
  })

  test('are in order of time when what is kept of many chats is in order as text', () => {
    const texts = [AT_MS + 2, AT_MS, AT_MS + 1].map(atMs => JSON.stringify(pastWith(null, turn('m1'), atMs)))

    expect(texts.toSorted().map(text => (JSON.parse(text) as Past).atMs)).toEqual([AT_MS, AT_MS + 1, AT_MS + 2])
  })
})

describe('an invocation', () => {
  test('keeps what it recorded behind what was there, with its own time', async () => {
    const state = new Map<string, unknown>()

    await advanced(state, [{ to: 'chat', event: received('m1') }])
    await advanced(state, [{ to: 'chat', event: received('m2') }], AT_MS + 1)

    expect((state.get(PAST) as Past).records.map(([atMs, event]) => [atMs, 'message' in event && event.message.id])).toEqual([
      [AT_MS, 'm1'],
      [AT_MS + 1, 'm2'],
    ])
  })

  test('that fails, or records nothing, leaves them as they are', async () => {
    const state = new Map<string, unknown>()
    const broken = { to: 'chat', event: { type: 'message.received', message: message('m1'), facts: null } } as unknown as Input

    await expect(advanced(state, [{ to: 'records', changes: [atChat(accepted('m0'))] }, broken])).rejects.toThrow('isAllowed')
    expect(state).toEqual(new Map())
    await advanced(state, [{ to: 'outbox', event: { type: 'backoff.over' } }])
    expect([...state.keys()]).toEqual(['entry'])
  })

  test('of an account or a request keeps none', async () => {
    const state = new Map<string, unknown>()

    await keepPast(objectWith(state), [{ at: 'account', event: { type: 'user.approved', user: 'alice' } }], AT_MS)

    expect(state).toEqual(new Map())
  })
})
