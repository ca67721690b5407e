/** Slots for unconfirmed posts, given out in turn. What is posted, and how it is confirmed, is told by `delivery.test.ts`. */
import { expect, test } from 'vitest'
import { parseConfig } from '../../src/domain/config.ts'
import type { ChatId } from '../../src/domain/ids.ts'
import { createPoster } from '../../src/runtime/poster.ts'
import { createWorld } from '../../src/simulator/world.ts'

test('every chat gets its slot, first come first served, and a confirmation looks at no chat but those whose turn it is', async () => {
  const world = createWorld()
  const [settings] = parseConfig({ agentUrl: 'http://localhost:7777', meshName: 'home', username: 'my-bot' }).accounts
  const granted: ChatId[] = []
  let looks = 0
  const poster = createPoster({
    settings: settings!,
    clock: world.clock,
    agent: { post: () => Promise.reject(new Error('Nothing is posted here.')) },
    ledger: { has: async () => true, find: async () => [] },
    tell: chat => granted.push(chat),
    waitsForSlot(chat) {
      looks += 1
      return !granted.includes(chat)
    },
    takesSlot: () => true,
    unconfirmed: () => [],
    awayAtMs: () => null,
    queueLostAtMs: () => null,
  })
  const chats = Array.from({ length: 500 }, (_, n): ChatId => `peer:user${n}`)
  for (const chat of chats) poster.request(chat)
  for (const chat of chats) {
    poster.confirmed([`${chat}#0`])
    poster.release(chat)
  }

  expect(granted).toEqual(chats)
  expect(looks).toBeLessThanOrEqual(2 * chats.length)
})
