/** State as the runtime leaves it, made without waiting for people to write: the same records, through the same store. */
import { type Change, toAccount, toChat } from '../../../machines/records.ts'
import { type ChatId, type MessageId, peerChat, replyKey } from '../../../src/domain/ids.ts'
import { LIMITS } from '../../../src/domain/limits.ts'
import { decide } from '../../../src/domain/policy.ts'
import type { Store, StoredRecord } from '../../../src/ports/store.ts'
import { noEffects } from '../../../src/runtime/effects.ts'
import { createNursery } from '../../../src/runtime/nursery.ts'
import { keyOf } from '../../../src/runtime/parse-record.ts'
import { createRegistry } from '../../../src/runtime/registry.ts'

/** When old conversations had their last message: beyond the age fence, so that a first start leaves them alone. */
export const LONG_AGO_MS = 3 * 24 * 3_600_000

/** User number `index`, as everywhere in the benchmarks. */
export const userName = (index: number): string => `user-${index}`

const idOf = (index: number, message: number): MessageId => `${index}.${message}`.padStart(24, '0')

/** A message that was accepted, answered, posted and seen: each step is one record. */
function exchange(chat: ChatId, sender: string, id: MessageId, atMs: number): readonly (readonly Change[])[] {
  const facts = {
    gate: null,
    looping: false,
    conversation: { kind: 'direct', sender, policy: 'open', listed: false, paired: false },
  } as const
  const key = replyKey(id, 0)
  const text = `How is the weather? This is message ${id}.`
  return [
    [
      toChat(chat, {
        type: 'message.accepted',
        message: { id, sender, timeMs: atMs, text, files: [] },
        facts,
        decision: decide(facts),
        liveAtMs: atMs,
      }),
    ],
    [toChat(chat, { type: 'turn.answered', id }), toChat(chat, { type: 'reply.queued', replies: [{ key, text: `echo: ${text}` }] })],
    [toChat(chat, { type: 'reply.posting', key, atMs })],
    [toChat(chat, { type: 'reply.sent', keys: [key], postedAtMs: atMs })],
  ]
}

/** The life of `chats` conversations, told in turns, until about `records` records are there. Sizes are of a short question and its echo. */
function* lifeOf(chats: number, records: number): Iterable<StoredRecord> {
  const stoppedMs = Date.now()
  const nowMs = stoppedMs - LONG_AGO_MS
  let seq = 0
  const record = (changes: readonly Change[]): StoredRecord => ({
    seq: ++seq,
    atMs: nowMs,
    changes: changes.map(change => ({ key: keyOf(change), event: change.event })),
  })
  yield record([toAccount({ type: 'account.opened', atMs: nowMs })])
  yield record([toAccount({ type: 'account.indexed', sinceMs: stoppedMs, unread: [] })])
  yield record([toAccount({ type: 'account.lived', atMs: stoppedMs })])
  const floorMs = nowMs - LIMITS.ageFenceMs
  for (let index = 0; index < chats && seq < records; index++)
    yield record([toChat(peerChat(userName(index)), { type: 'chat.opened', floorMs, history: [], shown: true })])
  for (let message = 0; seq < records; message++) {
    for (let index = 0; index < chats && seq < records; index++) {
      const user = userName(index)
      // Steps of one message do not follow each other directly: others write meanwhile.
      for (const changes of exchange(peerChat(user), user, idOf(index, message), nowMs)) yield record(changes)
    }
  }
}

/** Writes a journal of this many records that nobody has folded. */
export async function writeJournal(store: Store, chats: number, records: number): Promise<void> {
  await store.load()
  let batch: StoredRecord[] = []
  for (const record of lifeOf(chats, records)) {
    batch.push(record)
    if (batch.length < 1_000) continue
    await store.append(batch)
    batch = []
  }
  await store.append(batch)
  await store.close()
}

/** Writes snapshots of `chats` conversations that each had one message answered. */
export async function writeSnapshots(store: Store, chats: number): Promise<void> {
  const loaded = await store.load()
  const tail = [...lifeOf(chats, 3 + chats * 5)]
  await store.append(tail)
  const nursery = createNursery('state', () => {})
  const registry = createRegistry({ nursery, limits: LIMITS, effects: noEffects })
  registry.replay({ ...loaded, tail, lastSeq: tail.at(-1)!.seq })
  await store.compact(registry.beginFold())
  await store.close()
}
