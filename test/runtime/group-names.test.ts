import { expect, test } from 'vitest'
import { createWorld } from '../../src/simulator/world.ts'

test('the permission of a group is found whatever the normal form of its creator', async () => {
  const jose = 'jose\u0301'
  const world = createWorld({
    config: {
      enableGroups: true,
      groupPolicy: 'open',
      requireMention: false,
      groupPermissions: { [`${jose}/team`]: { groupPolicy: 'disabled' } },
    },
  })
  world.mesh.user('bob')
  world.mesh.user(jose)
  await world.start()
  await world.settle(5_000)
  await world.mesh.user(jose).creates('team', { name: 'Team', members: [jose, 'bob', 'my-bot'] })
  await world.settle(5_000)
  await world.mesh.user('bob').says('let me in', `group:${jose}/team`)
  await world.settle(30_000)
  expect(world.answers('bob', `group:${jose}/team`)).toEqual([])
  await world.stop()
})
