/** More than a mesh should have: what is too large troubles itself alone. */
import { describe, expect, test } from 'vitest'
import type { AgentResponse } from '../../src/simulator/mesh/http.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

const MINUTE_MS = 60_000
const MIB = 1_048_576
const LARGE = MIB / 4
const OTHERS = ['alice', 'bob', 'carol'] as const

const replies = (world: World, user: string) =>
  world.mesh
    .reached(user, 'peer:my-bot')
    .flatMap(({ sender, message }) => (sender === 'my-bot' ? [(message as { text: string }).text] : []))

async function* joined(count: number, rest: Uint8Array): AsyncIterable<Uint8Array> {
  const encoder = new TextEncoder()
  let text = '{'
  for (let n = 0; n < count; n++) {
    text += `"/apps/ztm/chat/shared/user${n % 500}/publish/peers/my-bot/messages/${1_695_462_761_831 + n}.json":{"hash":"${n.toString(16).padStart(64, '0')}","size":1100,"time":${1_695_462_761_831 + n},"since":${1_695_462_761_931 + n}},`
    if (text.length < 65_536) continue
    yield encoder.encode(text)
    text = ''
  }
  yield encoder.encode(text)
  yield rest.subarray(1)
}

test('in a mesh whose list of files is longer than any other answer may be, all are answered', async () => {
  // A tenth of the million that was measured; and more than lists may have here.
  const world = createWorld({ config: { limits: { listBytes: MIB } } })
  let listedBytes = 0
  world.bot.agent.answer(
    async (_, pass): Promise<AgentResponse> => {
      const answer = await pass()
      async function* counted() {
        for await (const chunk of joined(100_000, answer.body as Uint8Array)) {
          listedBytes += chunk.length
          yield chunk
        }
      }
      return { ...answer, body: counted() }
    },
    { when: ({ target }) => target.endsWith('/files?since=0') },
  )
  for (const name of OTHERS) await world.mesh.user(name).says('before')
  await world.start()
  await world.settle(30_000)
  for (const name of OTHERS) await world.mesh.user(name).says('now')
  await world.settle(30_000)

  expect(listedBytes).toBeGreaterThan(20 * MIB)
  for (const name of OTHERS) expect(replies(world, name)).toEqual(['echo: before', 'echo: now'])
  expect(world.account.status()).toMatchObject({ state: 'live', feed: 'push' })
  await world.stop()
})

describe.each(['push', 'poll'] as const)('with %s, a user with 40 groups of messages as large as half the limit', feed => {
  test('troubles nobody else: what is beyond the limit is told once, and the account stays live', async () => {
    const world = createWorld({
      responder: { respond: async () => 'yes?' },
      config: { feed, enableGroups: true, groupPolicy: 'open', requireMention: true, limits: { fileBytes: 2 * LARGE } },
    })
    for (const name of OTHERS) world.mesh.user(name)
    const mallory = world.mesh.user('mallory')
    await world.start()
    await world.settle(5_000)
    const text = 'x'.repeat(LARGE)
    for (let n = 0; n < 40; n++) await mallory.creates(`group${n}`, { name: `Group ${n}`, members: ['mallory', 'my-bot'] })
    await world.settle(20_000)
    for (let n = 0; n < 40; n++)
      await mallory.says(n === 0 ? `@my-bot ${'y'.repeat(2 * LARGE)}` : `@my-bot ${text}`, `group:mallory/group${n}`)
    for (const name of OTHERS) await world.mesh.user(name).says('hi')
    await world.settle(5 * MINUTE_MS)

    for (const name of OTHERS) expect(replies(world, name)).toEqual(['yes?'])
    const status = world.account.status()
    expect(status).toMatchObject({ state: 'live', feed, outbox: 0, counters: { ignored: { too_large: 1 }, processed: 42 } })
    expect(status.warnings).toEqual([expect.stringMatching(/^Chat group:mallory\/group0: .*more than.*limits\.fileBytes/)])
    expect(world.log.filter(({ phrase }) => phrase.includes('cannot be read'))).toHaveLength(1)
    await world.stop()
  })
})
