import { expect, test } from 'vitest'
import { LIMITS } from '../../src/domain/limits.ts'
import type { Responder } from '../../src/ports/responder.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

/** Adopts, thinks for this long, and answers by itself. */
const slow = (world: () => World, thinkingMs: number): Responder => ({
  async respond({ chat, messageId, text }, turn) {
    await turn.adopted()
    world().clock.after(thinkingMs, () => void world().account.send({ chat, text: `echo: ${text}`, key: messageId }))
    return null
  },
})

/** Somebody writes so long after each of our answers has come, this many times. Resolves to how many were ignored as a loop. */
async function converse(thinkingMs: number, waitMs: number, rounds: number): Promise<number> {
  const world: World = createWorld({ responder: slow(() => world, thinkingMs) })
  const bob = world.mesh.user('bob')
  await world.start()
  await world.settle(5_000)
  for (let n = 0; n < rounds; n++) {
    await bob.says(`${n}`)
    for (let ms = 0; ms < thinkingMs + 15_000 && world.answers('bob').length <= n; ms += 250) await world.settle(250)
    await world.settle(waitMs)
  }
  const ignored = world.events.filter(event => event.event === 'decision' && event.reason === 'loop_guard').length
  await world.stop()
  return ignored
}

test('two bots are kept apart though ours thinks for half a minute about each answer', async () => {
  expect(await converse(30_000, 0, LIMITS.loopAlternations + 2)).toBeGreaterThan(0)
})

test('a person who reads each answer before writing again is no bot, however soon after the turn began', async () => {
  expect(await converse(500, LIMITS.loopAnswerMs + 1_000, LIMITS.loopAlternations + 2)).toBe(0)
})
