/** What a start makes of snapshots and of the journal's tail, which may overlap. */
import { expect, onTestFinished, test } from 'vitest'
import { type Change, type Inbound, toChat } from '../../machines/records.ts'
import type { Facts } from '../../src/domain/decision.ts'
import type { Json } from '../../src/domain/json.ts'
import { LIMITS } from '../../src/domain/limits.ts'
import { decide } from '../../src/domain/policy.ts'
import type { StoredRecord } from '../../src/ports/store.ts'
import { noEffects } from '../../src/runtime/effects.ts'
import { createNursery } from '../../src/runtime/nursery.ts'
import { keyOf } from '../../src/runtime/parse-record.ts'
import { createRegistry, type Registry } from '../../src/runtime/registry.ts'

const CHAT = 'peer:alice'
const AT_MS = 1_000_000

const message = (id: string): Inbound => ({ id, sender: 'alice', timeMs: AT_MS, text: id, files: [] })
const facts: Facts = {
  gate: null,
  looping: false,
  conversation: { kind: 'direct', sender: 'alice', policy: 'open', listed: false, paired: false },
}
const decided = { facts, decision: decide(facts), liveAtMs: AT_MS }

/** A life of one conversation, a record a step. */
const RECORDS: readonly (readonly Change[])[] = [
  [toChat(CHAT, { type: 'chat.opened', floorMs: 0, history: [], shown: true })],
  [toChat(CHAT, { type: 'message.held', message: message('m1'), heldMax: 5, ...decided })],
  [toChat(CHAT, { type: 'message.held', message: message('m2'), heldMax: 5, ...decided })],
  [toChat(CHAT, { type: 'message.dropped', ids: ['m1'], reason: 'pairing_overflow' })],
  [toChat(CHAT, { type: 'message.accepted', message: message('m3'), ...decided })],
  [toChat(CHAT, { type: 'turn.failed', id: 'm3', attempt: 1, reason: 'away' })],
  [
    toChat(CHAT, { type: 'turn.answered', id: 'm3' }),
    toChat(CHAT, { type: 'reply.queued', replies: ['m3#0', 'm3#1'].map(key => ({ key, text: key })) }),
  ],
  [toChat(CHAT, { type: 'reply.posting', key: 'm3#0', atMs: AT_MS })],
  [toChat(CHAT, { type: 'message.held', message: message('m4'), heldMax: 5, ...decided })],
  [toChat(CHAT, { type: 'reply.sent', keys: ['m3#0'], postedAtMs: AT_MS })],
  [toChat(CHAT, { type: 'reply.posting', key: 'm3#1', atMs: AT_MS })],
]

const stored: readonly StoredRecord[] = RECORDS.map((changes, index) => ({
  seq: index + 1,
  atMs: AT_MS + index,
  changes: changes.map(change => ({ key: keyOf(change), event: change.event as Json })),
}))

function registry(): Registry {
  const nursery = createNursery('test', (_, error) => {
    throw error
  })
  onTestFinished(() => nursery.stop())
  return createRegistry({ nursery, limits: LIMITS, effects: noEffects })
}

/** What a fold would write. */
const folded = (from: Registry): ReadonlyMap<string, Json> => {
  const source = from.beginFold()
  return new Map([...source.keys()].map(key => [key, source.read(key) ?? null]))
}

function lived(records: number): ReadonlyMap<string, Json> {
  const one = registry()
  one.replay({ entries: new Map(), tail: stored.slice(0, records), lastSeq: records, problems: [] })
  return folded(one)
}

test.each(RECORDS.map((_, index) => index + 1))('a snapshot of %i records and the whole journal give what the journal gives', records => {
  const entries = new Map([...lived(records)].map(([key, value]) => [key, { seq: records, json: JSON.stringify(value) }]))
  const started = registry()

  const problems = started.replay({ entries, tail: stored, lastSeq: stored.length, problems: [] })

  expect(problems).toEqual([])
  expect(folded(started)).toEqual(lived(stored.length))
})

test('a snapshot of before charts had errands, and replies files, goes on where it stood', () => {
  const entries = lived(8)
  const { chat, outbox, replies, ...rest } = entries.get(`chat:${CHAT}`) as Record<string, Json>
  const withoutErrands = (snapshot: Json | undefined) => {
    const { value, context, ...others } = snapshot as { value: Record<string, Json>; context: Record<string, Json> }
    return {
      ...others,
      value: Object.fromEntries(Object.entries(value).filter(([region]) => region !== 'errand')),
      context: Object.fromEntries(Object.entries(context).filter(([field]) => field !== 'urgent')),
    }
  }
  const value: Json = {
    ...rest,
    replies: (replies as [string, { text: string }][]).map(([key, { text }]) => [key, text]),
    chat: withoutErrands(chat),
    outbox: outbox ?? null,
  }
  const older = registry()
  older.replay({
    entries: new Map([[`chat:${CHAT}`, { seq: 8, json: JSON.stringify(value) }]]),
    tail: stored.slice(8),
    lastSeq: stored.length,
    problems: [],
  })

  expect(folded(older).get(`chat:${CHAT}`)).toEqual(lived(stored.length).get(`chat:${CHAT}`))
  expect(older.entry(CHAT).replies.get('m3#1')).toEqual({ text: 'm3#1' })
  older.resume(0)
  older.tellChat(CHAT, { type: 'message.accepted', message: { ...message('m5'), urgent: true }, ...decided })
  expect(older.chat(CHAT)?.context.urgent).toEqual(['m5'])
})
