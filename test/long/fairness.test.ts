import { expect, test } from 'vitest'
import { createWorld } from '../../src/simulator/world.ts'

const FLOOD = 10_000
const OTHERS = 99
const THINKING_MS = 500

const percentile = (values: readonly number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? 0

/** Time to the answer of each of 99 users who write at once, ms; one user in many chats has written `flood` messages just before. */
async function latencies(flood: number): Promise<readonly number[]> {
  const groups = 20
  const world = createWorld({
    config: { enableGroups: true, groupPolicy: 'open', requireMention: false, groupPermissions: {}, limits: { unconfirmedPosts: 64 } },
    responder: {
      async respond({ text }) {
        await new Promise<void>(resolve => world.clock.after(THINKING_MS, resolve))
        return `echo: ${text}`
      },
    },
  })
  await world.start()
  const chatty = world.mesh.user('chatty')
  for (let n = 0; n < groups; n++) await chatty.creates(`room${n}`, { name: `Room ${n}`, members: ['chatty', world.mesh.bot] })
  const users = Array.from({ length: OTHERS }, (_, n) => `user${n}`)
  for (const user of users) world.mesh.user(user)
  await world.settle(60_000)
  world.bot.agent.down()
  for (let n = 0; n < flood; n++) {
    if (n % (groups + 1) === groups) await chatty.says(`no ${n}`)
    else await chatty.says(`no ${n}`, `group:chatty/room${n % (groups + 1)}`)
    if (n % 1_000 === 999) await world.settle(1_500)
  }
  world.bot.agent.up()
  await world.settle(15_000)
  const atMs = world.clock.now()
  for (const user of users) await world.mesh.user(user).says('hi')
  for (let waited = 0; waited < 10 * 60_000 && users.some(user => world.answers(user).length === 0); waited += 1_000)
    await world.settle(1_000)
  const answeredAtMs = new Map(world.events.flatMap(event => (event.event === 'sent' ? [[event.chat, event.atMs] as const] : [])))
  await world.crash()
  return users.map(user => (answeredAtMs.get(`peer:${user}`) ?? Number.POSITIVE_INFINITY) - atMs)
}

test(`one user who writes ${FLOOD} messages in 21 chats slows 99 others down by less than three times, at p99`, {
  timeout: 300_000,
}, async () => {
  const calm = percentile(await latencies(0), 0.99)
  const flooded = percentile(await latencies(FLOOD), 0.99)

  console.log(`p99 of the others: ${calm} ms without the flood, ${flooded} ms with it`)
  expect(flooded).toBeLessThanOrEqual(3 * calm)
})
