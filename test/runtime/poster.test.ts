/** Slots for unconfirmed posts, given out in turn. What is posted, and how it is confirmed, is told by `delivery.test.ts`. */
import { expect, test } from 'vitest'
import { parseConfig } from '../../src/domain/config.ts'
import type { ChatId } from '../../src/domain/ids.ts'
import { createPoster, type PosterOptions } from '../../src/runtime/poster.ts'
import { createWorld } from '../../src/simulator/world.ts'

function posterOf(options: Pick<PosterOptions, 'tell' | 'waitsForSlot' | 'takesSlot'>) {
  const [settings] = parseConfig({ agentUrl: 'http://localhost:7777', meshName: 'home', username: 'my-bot' }).accounts
  return createPoster({
    settings: settings!,
    clock: createWorld().clock,
    agent: { post: () => Promise.reject(new Error('Nothing is posted here.')) },
    ledger: { has: async () => true, find: async () => [] },
    unconfirmed: () => [],
    awayAtMs: () => null,
    queueLostAtMs: () => null,
    ...options,
  })
}

test('every chat gets its slot, first come first served, and a confirmation looks at no chat but those whose turn it is', () => {
  const granted: ChatId[] = []
  let looks = 0
  const poster = posterOf({
    tell: chat => granted.push(chat),
    waitsForSlot(chat) {
      looks += 1
      return !granted.includes(chat)
    },
    takesSlot: () => true,
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

test('a slot that is not taken keeps nobody waiting: there is no post under way', () => {
  const taken = posterOf({ tell: () => {}, waitsForSlot: () => true, takesSlot: () => true })
  taken.request('peer:alice')
  expect(taken.isIdle()).toBe(false)

  const declined = posterOf({ tell: () => {}, waitsForSlot: () => true, takesSlot: () => false })
  declined.request('peer:alice')
  expect(declined.isIdle()).toBe(true)
})
