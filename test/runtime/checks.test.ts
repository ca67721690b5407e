import { describe, expect, test } from 'vitest'
import { createSeededRandom } from '../../src/adapters/memory/seeded-random.ts'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import { LIMITS } from '../../src/domain/limits.ts'
import { createChatList } from '../../src/runtime/feed/chat-list.ts'
import { createPollFeed } from '../../src/runtime/feed/poll-feed.ts'

const FENCE_MS = 60 * 60_000

/** Checks of a list with this mark of its content, which stays as it is unless a test changes it. */
function scene({ wantsToCompare = false, fenceReadMs = FENCE_MS } = {}) {
  const clock = createVirtualClock(Date.UTC(2026, 10, 24, 12))
  const random = createSeededRandom(1)
  const limits = { ...LIMITS, fenceReadMs }
  const list = { mark: 'one' }
  const asked: (string | null)[] = []
  const told: number[] = []
  const { checks } = createPollFeed({
    agent: {
      async chatsUnless(before, take) {
        asked.push(before)
        const { mark } = list
        if (before !== mark) take({ chat: 'peer:alice', time: 1, updated: 0 })
        return { mark, isSame: before === mark }
      },
    },
    clock,
    random,
    pollIntervalMs: 1_000,
    limits,
    chatList: createChatList({ clock, random, limits, quietSinceMs: () => 0, knows: () => true }),
    onChanged: () => {},
    compare() {
      let lines = 0
      return {
        take: () => (lines += 1),
        end() {
          told.push(lines)
          return null
        },
      }
    },
    wantsToCompare: () => wantsToCompare,
  })
  return { clock, checks, list, asked, told }
}

const MINUTES_MS = 5 * 60_000

describe('a look at the list of chats beside the push feed', () => {
  test('reads it once as long as nothing in it changes', async () => {
    const { clock, checks, asked, told } = scene()
    checks.subscribe()
    await clock.advance(MINUTES_MS)
    expect(asked.length).toBeGreaterThan(8)
    expect(new Set(asked.slice(1))).toEqual(new Set(['one']))
    expect(told).toHaveLength(1)
  })

  test('reads all of it when the chat app is to show something that it does not show yet', async () => {
    const { clock, checks, asked, told } = scene({ wantsToCompare: true })
    checks.subscribe()
    await clock.advance(MINUTES_MS)
    expect(new Set(asked)).toEqual(new Set([null]))
    expect(told).toHaveLength(asked.length)
  })

  test('reads all of it when recently active chats are to be read over the whole fence', async () => {
    const { clock, checks, asked } = scene({ fenceReadMs: 1 })
    checks.subscribe()
    await clock.advance(MINUTES_MS)
    expect(new Set(asked)).toEqual(new Set([null]))
  })

  test('has read nothing when it was broken off', async () => {
    const { clock, checks, list, asked, told } = scene()
    const first = checks.subscribe()
    await clock.advance(1_000)
    first.unsubscribe()
    list.mark = 'two'
    checks.subscribe().unsubscribe()
    await clock.advance(1_000)
    checks.subscribe()
    await clock.advance(1_000)
    expect(asked).toEqual([null, 'one', 'one'])
    expect(told).toHaveLength(2)
  })
})
