import { expect, test } from 'vitest'
import type { ChatId } from '../../src/domain/ids.ts'
import { createWorld } from '../../src/simulator/world.ts'

const GROUP: ChatId = 'group:alice/team'

/** The bot's user is written to, while another program answers; then we take over, with what that one had read. */
async function takeOver(read: (lastMs: number) => ReadonlyMap<ChatId, number>) {
  const formerly = new Map<ChatId, number>()
  const world = createWorld({ formerly, config: { enableGroups: true, groupPolicy: 'open', requireMention: false } })
  const alice = world.mesh.user('alice')
  await alice.creates('team', { name: 'Team', members: ['alice', 'my-bot'] })
  await alice.says('one')
  await alice.says('in the team', GROUP)
  await world.settle(2_000)
  for (const [chat, timeMs] of read(world.clock.now())) formerly.set(chat, timeMs)
  await alice.says('two')
  await world.settle(2_000)
  await world.start()
  await world.settle(30_000)
  return { world, alice }
}

test('what the older program had read is not answered again, and what came after it is', async () => {
  const { world } = await takeOver(
    lastMs =>
      new Map([
        ['peer:alice', lastMs - 1_000],
        [GROUP, lastMs - 1_000],
      ]),
  )

  expect(world.answers('alice')).toEqual(['echo: two'])
  expect(world.answers('alice', GROUP)).toEqual([])
})

test('without its state, the first start answers what is recent', async () => {
  const { world } = await takeOver(() => new Map())

  expect(world.answers('alice')).toEqual(['echo: one', 'echo: two'])
  expect(world.answers('alice', GROUP)).toEqual(['echo: in the team'])
})

test('its place says nothing about what is written later, however it is dated', async () => {
  const { world, alice } = await takeOver(lastMs => new Map([['peer:alice', lastMs + 3_600_000]]))
  await alice.says('three')
  await world.settle(10_000)

  expect(world.answers('alice')).toEqual(['echo: three'])
})
