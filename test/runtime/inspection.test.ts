import { expect, test } from 'vitest'
import type { Change } from '../../machines/records.ts'
import { toChat } from '../../machines/records.ts'
import type { StoredRecord } from '../../src/ports/store.ts'
import { createChatBook } from '../../src/runtime/chat-book.ts'
import { newEntry, storeChat } from '../../src/runtime/entries.ts'
import { createInspection } from '../../src/runtime/inspection.ts'
import { keyOf } from '../../src/runtime/parse-record.ts'

const notAsked = (): never => {
  throw new Error('not asked')
}
/** What these tests do not look at. */
const aside = {
  system: { inspect: () => ({ unsubscribe() {} }) },
  root: notAsked,
  journal: notAsked,
  watchers: { running: () => [], look: () => null },
}

const conversation = { kind: 'direct', sender: 'alice', policy: 'open', listed: false, paired: false } as const
const decision = { action: 'process', reason: 'allowed', detail: '' } as const
const accepted = (id: string): Change =>
  toChat('peer:alice', {
    type: 'message.accepted',
    message: { id, sender: 'alice', timeMs: 1, text: id, files: [] },
    facts: { gate: null, looping: false, conversation },
    decision,
    liveAtMs: 0,
  })
const answered = (id: string): Change => toChat('peer:alice', { type: 'turn.answered', id })
const stored = (seq: number, change: Change): StoredRecord => ({ seq, atMs: seq, changes: [{ key: keyOf(change), event: change.event }] })

test('a record that becomes known while the history is read is seen once, whichever way it comes', async () => {
  const record = [accepted('one'), answered('one'), accepted('two'), answered('two')]
  const host = createInspection({
    account: 'default',
    registry: { chats: new Map() } as never,
    store: {
      async *history() {
        yield stored(1, record[0]!)
        // Durable, and applied while the history is read.
        host.applied(2, 2, [record[1]!])
        yield stored(2, record[1]!)
        yield stored(3, record[2]!)
        host.applied(4, 4, [record[3]!])
      },
    },
    ...aside,
  })
  const watched = await host.inspection.watch('peer:alice', 10)
  expect(watched.lives().map(({ id, moments }) => [id, moments.map(({ what }) => what)])).toEqual([
    ['one', ['accepted', 'answered']],
    ['two', ['accepted', 'answered']],
  ])
  expect(host.isWatched()).toBe(true)
  host.applied(5, 5, [accepted('three')])
  expect(watched.version()).toBe(1)
  watched.close()
  expect(host.isWatched()).toBe(false)
})

test('a history that cannot be read leaves nobody listening', async () => {
  const host = createInspection({
    account: 'default',
    registry: { chats: new Map() } as never,
    store: {
      // biome-ignore lint/correctness/useYield: the disk fails at once
      async *history() {
        throw new Error('the device cannot read it')
      },
    },
    ...aside,
  })

  await expect(host.inspection.watch('peer:alice', 10)).rejects.toThrow('cannot read')
  expect(host.isWatched()).toBe(false)
})

test('whoever looks at a chat that rests leaves it folded', () => {
  const chats = createChatBook()
  chats.restore('peer:alice', JSON.stringify(storeChat(newEntry(0))))
  const { inspection } = createInspection({
    account: 'default',
    registry: { chats, chat: () => null, outbox: () => null } as never,
    store: { async *history() {} },
    ...aside,
  })

  for (const kind of ['chat', 'outbox']) expect(inspection.look(`${kind}:peer:alice`)).toMatchObject({ kind, isRunning: false })
  expect(inspection.look('chat:peer:bob')).toBeNull()
  expect([...chats.unfolded()]).toEqual([])
})
