import { describe, expect, test } from 'vitest'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import { createDue } from '../../src/runtime/feed/due.ts'

const chat = 'peer:alice'
const file = (path: string, sinceMs = 1) => ({ path, timeMs: 1, sinceMs })
const begin = (limits = { fileRetryMs: 120_000, unreadFiles: 3 }) => {
  const clock = createVirtualClock(0)
  return { clock, due: createDue(clock, limits) }
}

describe('what is due', () => {
  test('of the chat app is told once, of files until they are done', () => {
    const { due } = begin()
    due.askApp(chat)
    due.addFile(chat, file('/a'))

    expect(due.begin(chat)).toEqual({ app: true, files: [file('/a')] })
    expect(due.begin(chat)).toEqual({ app: false, files: [file('/a')] })
    due.done(chat, due.begin(chat).files[0]!)
    expect(due.begin(chat)).toEqual({ app: false, files: [] })
  })

  test('stays when a newer version came while the older one was read', () => {
    const { due } = begin()
    due.addFile(chat, file('/a', 1))
    const [older] = due.begin(chat).files
    due.addFile(chat, file('/a', 2))

    due.done(chat, older!)
    expect(due.failed(chat, older!)).toBe(false)

    expect(due.begin(chat).files).toEqual([file('/a', 2)])
  })

  test('is gone with its file', () => {
    const { due } = begin()
    due.addFile(chat, file('/a'))
    due.dropFile(chat, '/a')
    expect(due.files()).toEqual([])
  })
})

describe('a file that cannot be read', () => {
  test('is tried again at once for two minutes; then rarely, without holding anybody up', async () => {
    const { clock, due } = begin()
    due.addFile(chat, file('/a'))
    const [it] = due.begin(chat).files
    expect(due.failed(chat, it!)).toBe(true)
    await clock.advance(119_999)
    expect(due.failed(chat, it!)).toBe(true)
    await clock.advance(1)
    expect(due.failed(chat, it!)).toBe(false)

    expect(due.begin(chat).files).toEqual([])
    expect(due.files()).toEqual([it])
    await clock.advance(59_999)
    expect(due.wake()).toEqual([])
    await clock.advance(1)
    expect(due.wake()).toEqual([chat])
    expect(due.begin(chat).files).toEqual([it])
    expect(due.failed(chat, it!)).toBe(false)
    await clock.advance(60_000)
    expect(due.wake()).toEqual([])
    await clock.advance(60_000)
    expect(due.wake()).toEqual([chat])
  })

  test('is one of so many; the oldest is let go', async () => {
    const { due } = begin({ fileRetryMs: 0, unreadFiles: 3 })
    for (const path of ['/a', '/b', '/c', '/d']) {
      due.addFile(chat, file(path))
      due.failed(chat, due.begin(chat).files[0]!)
    }
    expect(due.files().map(({ path }) => path)).toEqual(['/b', '/c', '/d'])
  })
})
