import { expect, test } from 'vitest'
import { LIMITS } from '../../src/domain/limits.ts'
import { createChatBook } from '../../src/runtime/chat-book.ts'
import { newEntry, project, storeChat } from '../../src/runtime/entries.ts'
import { accepted, alice } from '../machines/words.ts'

const idle = () => {
  const entry = newEntry(0)
  project(entry, accepted('m1'), 2_000, LIMITS)
  project(entry, { type: 'turn.answered', id: 'm1' }, 2_000, LIMITS)
  return entry
}

test('a conversation that rests is folded, and is the same when it is asked for again', () => {
  const book = createChatBook()
  book.set(alice, idle())
  book.pack()

  expect([[...book.unfolded()], [...book.keys()], book.size, book.has(alice)]).toEqual([[], [alice], 1, true])
  expect(book.stored(alice)).toEqual(storeChat(idle()))
  expect([...book.unfolded()]).toEqual([])
  expect(book.get(alice)).toEqual(idle())
  expect([book.size, [...book.keys()]]).toEqual([1, [alice]])
})

test('what is open, unread, dead, or waits in a chart is never folded', () => {
  const open = newEntry(0)
  project(open, accepted('m1'), 2_000, LIMITS)
  const replying = { ...idle(), replies: new Map([['m1#0', { text: 'text' }]]) }
  const dead = idle()
  project(dead, { type: 'turn.abandoned', id: 'm2', reason: 'gone' }, 2_000, LIMITS)
  const charted = { ...idle(), chat: { status: 'active' as const, output: undefined, error: undefined } }
  const posting = { ...idle(), outbox: { status: 'active' as const, output: undefined, error: undefined } }
  const unread = { ...idle(), unreadSinceMs: 1 }
  const adopted = { ...idle(), custody: new Map([['m3', { id: 'm3', sender: 'alice', timeMs: 2_000, text: 'hi', files: [] }]]) }
  for (const entry of [open, adopted, replying, unread, dead, charted, posting]) {
    const book = createChatBook()
    book.set(alice, entry)
    book.pack()
    expect([...book.unfolded()]).toEqual([[alice, entry]])

    const restored = createChatBook()
    restored.restore(alice, JSON.stringify(storeChat(entry)))
    expect([...restored.unfolded()]).toEqual([[alice, entry]])
  }
})

test('what a snapshot has of a conversation that rests is folded at once', () => {
  const book = createChatBook()
  book.restore(alice, JSON.stringify(storeChat(idle())))

  expect([...book.unfolded()]).toEqual([])
  expect(book.get(alice)).toEqual(idle())
})

test('a conversation keeps its place among the others, whatever is unfolded, folded or forgotten', () => {
  const book = createChatBook()
  const names = ['peer:alice', 'peer:bob', 'peer:carol', 'peer:dave'] as const
  for (const chat of names) book.restore(chat, JSON.stringify(storeChat(idle())))
  book.get('peer:alice')
  book.set('peer:bob', idle())
  expect([...book.keys()]).toEqual(names)
  book.pack()
  book.delete('peer:carol')

  expect([...book.keys()]).toEqual(['peer:alice', 'peer:bob', 'peer:dave'])
  expect(book.size).toBe(3)
})
