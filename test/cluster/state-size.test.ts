/** What a chat keeps does not grow with its age: the sizes that the capacity model of docs/fleet.md counts with. */
import { expect, test } from 'vitest'
import { inputsFor } from '../../src/cluster/service/door.ts'
import { parseConfig } from '../../src/domain/config.ts'
import { replyKey } from '../../src/domain/ids.ts'
import type { Json } from '../../src/domain/json.ts'
import { type Input, step } from '../../src/runtime/cell.ts'
import type { Asked } from '../../src/runtime/effects.ts'
import { type ChatEntry, restoreChat, type StoredChat } from '../../src/runtime/entries.ts'

const BEGIN_MS = Date.UTC(2026, 10, 24)
const DAY_MS = 24 * 60 * 60_000
const settings = parseConfig({ meshName: 'home', username: 'my-bot', dmPolicy: 'open' }).accounts[0]!
const { limits } = settings
const CHAT = 'peer:somebody'
const TEXT = 'How is the weather? This is a message of common length, as people write them.'

const entryOf = (stored: Json): ChatEntry | null => (stored === null ? null : restoreChat(stored as unknown as StoredChat))

/** The state after so many days of so many messages, each answered, posted and seen; as bytes of JSON. */
function sizeAfter(days: number, perDay: number): number {
  let stored: Json = null
  const give = (inputs: readonly Input[], atMs: number): readonly Asked[] => {
    const after = step({ subject: { at: 'chat', chat: CHAT }, stored, inputs, atMs, limits })
    stored = JSON.parse(JSON.stringify(after.stored)) as Json
    return after.asked
  }
  const answer = (one: Asked, atMs: number): readonly Input[] => {
    if (one.type === 'dispatch') return [{ to: 'chat', event: { type: 'dispatch.answered', ...one.params, parts: [`echo: ${TEXT}`] } }]
    if (one.type === 'requestSlot') return [{ to: 'outbox', event: { type: 'slot.granted', atMs } }]
    if (one.type === 'post') return [{ to: 'outbox', event: { type: 'post.accepted', key: one.params.key, atMs } }]
    return []
  }
  for (let count = 0; count < days * perDay; count++) {
    const nowMs = BEGIN_MS + Math.round((count * DAY_MS) / perDay)
    const id = String(count).padStart(24, '0')
    const message = {
      id,
      sender: 'somebody',
      timeMs: nowMs,
      arrivedMs: nowMs,
      message: { text: TEXT },
      membership: 'unknown',
      isAnswered: false,
    } as const
    const found = {
      feeder: null,
      source: 'app',
      nowMs,
      liveAtMs: nowMs,
      openedAtMs: BEGIN_MS,
      isFirstLoad: false,
      indexBeginMs: null,
      indexedMs: null,
      messages: [message],
      seen: [],
    } as const
    const { inputs } = inputsFor(settings, found, { chat: CHAT, entry: entryOf(stored), queued: 0, paired: new Set() })
    for (let coming = inputs; coming.length > 0; ) coming = give(coming, nowMs).flatMap(one => answer(one, nowMs))
    give([{ to: 'outbox', event: { type: 'reply.seen', keys: [replyKey(id, 0)] } }], nowMs)
  }
  expect(entryOf(stored)?.replies.size).toBe(0)
  return JSON.stringify(stored).length
}

test.each([
  { perDay: 1, days: [250, 300], kb: 14 },
  { perDay: 10, days: [25, 30], kb: 14 },
  { perDay: 100, days: [3, 4], kb: 18 },
])('with $perDay messages a day a chat keeps $kb KB at most, however old it is', ({ perDay, days, kb }) => {
  const [old, older] = days.map(each => sizeAfter(each, perDay))

  expect(old).toBeLessThan(kb * 1_000)
  expect(older).toBe(old)
})
