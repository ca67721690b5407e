import { describe, expect, test } from 'vitest'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import { LIMITS } from '../../src/domain/limits.ts'
import type { DispatchRequest } from '../../src/ports/responder.ts'
import { createGroupNames } from '../../src/runtime/group-names.ts'
import type { Preset } from '../../src/simulator/mesh/faults.ts'
import type { AgentRequest } from '../../src/simulator/mesh/http.ts'
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

describe('what people see a group called', () => {
  const named = async (answer?: Preset) => {
    const asked: DispatchRequest[] = []
    const world = createWorld({
      config: { enableGroups: true, groupPolicy: 'open', requireMention: false },
      responder: {
        async respond(request) {
          asked.push(request)
          return 'heard'
        },
      },
    })
    const alice = world.mesh.user('alice')
    await world.start()
    await alice.creates('team', { name: ' The\u202e Team ', members: ['alice', 'my-bot'] })
    await world.settle(5_000)
    const again = answer && world.bot.agent.answer(answer, { when: isGroup })
    const says = async (text: string) => {
      await alice.says(text, TEAM)
      await world.settle(5_000)
      return asked.at(-1)
    }
    return { world, alice, says, again }
  }
  const TEAM = 'group:alice/team'
  const isGroup = ({ method, target }: AgentRequest) => method === 'GET' && target.endsWith('/groups/alice/team')

  test('reaches the responder with its first message, printable, and follows when it is changed', async () => {
    const { world, alice, says } = await named()
    expect(await says('one')).toMatchObject({ text: 'one', group: { creator: 'alice', group: 'team', name: 'The\\u{202e} Team' } })

    await alice.creates('team', { name: 'Us' })
    await world.settle(LIMITS.membershipFreshMs)
    expect(await says('two')).toMatchObject({ text: 'two', group: { name: 'Us' } })
    await world.stop()
  })

  test.each<[string, Preset]>([
    ['fails', 'error500'],
    ['hangs', 'hang'],
  ])('is left out when the agent that is asked for it %s: the message is answered all the same', async (_, answer) => {
    const { world, says, again } = await named(answer)
    expect(await says('one')).toMatchObject({ text: 'one', group: { creator: 'alice', group: 'team', name: null } })
    expect(world.answers('alice', TEAM)).toEqual(['heard'])

    again?.()
    await world.settle(LIMITS.membershipFreshMs)
    expect(await says('two')).toMatchObject({ text: 'two', group: { name: 'The\\u{202e} Team' } })
    await world.stop()
  })

  test('stays what it was while the agent cannot tell', async () => {
    const { world, says } = await named()
    await says('one')
    world.bot.agent.answer('error500', { when: isGroup })
    await world.settle(LIMITS.membershipFreshMs)
    expect(await says('two')).toMatchObject({ text: 'two', group: { name: 'The\\u{202e} Team' } })
    await world.stop()
  })

  test('is asked for once a minute, and of a thousand groups at most it is kept', async () => {
    const asked: string[] = []
    const clock = createVirtualClock(0)
    const group = async (creator: string, id: string) => {
      asked.push(id)
      return { creator, group: id, name: `Group ${id}`, members: [] }
    }
    const names = createGroupNames({ group }, clock, LIMITS)
    for (let n = 0; n <= 1_000; n++) await names.of('alice', String(n))
    asked.length = 0

    expect([await names.of('alice', '1000'), await names.of('alice', '0')]).toEqual(['Group 1000', 'Group 0'])
    await clock.advance(LIMITS.membershipFreshMs)
    await names.of('alice', '1000')

    expect(asked).toEqual(['0', '1000'])
  })
})
