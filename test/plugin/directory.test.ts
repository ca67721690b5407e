import { describe, expect, test } from 'vitest'
import { createAccountResolver } from '../../src/plugin/accounts.ts'
import { createDirectory } from '../../src/plugin/directory.ts'
import { createSimulation } from './stand-ins.ts'

const cfg = { channels: { 'ztm-chat': { meshName: 'home', username: 'my-bot', name: 'Helper' } } }
const runtime = { log: () => {}, error: () => {}, exit: () => {} }
const asked = { cfg, runtime }

async function world() {
  const simulation = createSimulation()
  const { mesh, bot, clock } = simulation
  const alice = mesh.user('alice')
  mesh.user('Bob')
  for (const [id, name] of [
    ['team', 'The Team'],
    ['friends', 'Friends'],
  ] as const) {
    await alice.creates(id, { name, members: ['alice', 'my-bot'] })
  }
  await bot.creates('team', { name: 'Mine', members: ['my-bot'] })
  for (let step = 0; step < 200; step++) await clock.advance(100)
  return createDirectory(createAccountResolver(), async (settings, use) => use(simulation.agentOf(settings)))
}

test('the bot itself, its peers, its groups and their members are asked of the mesh', async () => {
  const { directory } = await world()

  expect(await directory.self(asked)).toEqual({ kind: 'user', id: 'my-bot', name: 'my-bot', handle: 'Helper' })
  expect((await directory.listPeers(asked)).map(({ id }) => id)).toEqual(['Bob', 'alice'])
  expect(await directory.listGroups(asked)).toEqual([
    { kind: 'group', id: 'group:alice/friends', name: 'Friends' },
    { kind: 'group', id: 'group:alice/team', name: 'The Team' },
    { kind: 'group', id: 'group:my-bot/team', name: 'Mine' },
  ])
  expect(await directory.listGroupMembers({ ...asked, groupId: 'group:alice/team' })).toEqual([
    { kind: 'user', id: 'alice', name: 'alice' },
    { kind: 'user', id: 'my-bot', name: 'my-bot' },
  ])
})

test('what a group is called is shown short, and moves nothing', async () => {
  const simulation = createSimulation()
  await simulation.mesh.user('mallory').creates('team', { name: `The \u202e${'x'.repeat(500)}`, members: ['mallory', 'my-bot'] })
  for (let step = 0; step < 200; step++) await simulation.clock.advance(100)
  const { directory } = createDirectory(createAccountResolver(), async (settings, use) => use(simulation.agentOf(settings)))
  expect(await directory.listGroups(asked)).toEqual([{ kind: 'group', id: 'group:mallory/team', name: `The \\u{202e}${'x'.repeat(75)}…` }])
})

test('a group is found by the name that people see, whatever of it is shown in another way', async () => {
  const simulation = createSimulation()
  const name = `👨\u200d👩\u200d👧 family ${'x'.repeat(100)}`
  await simulation.mesh.user('alice').creates('fam', { name, members: ['alice', 'my-bot'] })
  for (let step = 0; step < 200; step++) await simulation.clock.advance(100)
  const { resolver } = createDirectory(createAccountResolver(), async (settings, use) => use(simulation.agentOf(settings)))
  expect(await resolver.resolveTargets({ ...asked, kind: 'group', inputs: [name] })).toMatchObject([
    { resolved: true, id: 'group:alice/fam' },
  ])
})

test('a query is a part of an id or a name, and a limit is kept', async () => {
  const { directory } = await world()

  expect((await directory.listGroups({ ...asked, query: 'FRIEND' })).map(({ id }) => id)).toEqual(['group:alice/friends'])
  expect(await directory.listPeers({ ...asked, limit: 1 })).toHaveLength(1)
})

test('a group that the mesh does not show is said to be none', async () => {
  const { directory } = await world()

  await expect(directory.listGroupMembers({ ...asked, groupId: 'group:alice/other' })).rejects.toThrow(
    'The mesh shows no group "group:alice/other" to my-bot.',
  )
  await expect(directory.listGroupMembers({ ...asked, groupId: 'team' })).rejects.toThrow('"team" is no group.')
})

describe('a target is resolved to what can be pasted', () => {
  const hint = 'Use a mesh user (alice) or group:CREATOR/GROUP.'
  test.each([
    ['user', 'alice', { resolved: true, id: 'alice', name: 'alice' }],
    ['user', 'ztm-chat:alice', { resolved: true, id: 'alice', name: 'alice' }],
    ['user', 'Alice', { resolved: false, note: 'The mesh shows no user "Alice". Did you mean "alice"?' }],
    ['user', 'alcie', { resolved: false, note: 'The mesh shows no user "alcie". Did you mean "alice"?' }],
    ['user', 'zachary', { resolved: false, note: 'The mesh shows no user "zachary".' }],
    ['user', 'a/b', { resolved: false, note: hint }],
    ['user', 'group:alice/team', { resolved: false, note: 'The mesh shows no user "group:alice/team".' }],
    ['group', 'group:alice/team', { resolved: true, id: 'group:alice/team', name: 'The Team' }],
    ['group', 'alice/team', { resolved: true, id: 'group:alice/team', name: 'The Team' }],
    ['group', 'The Team', { resolved: true, id: 'group:alice/team', name: 'The Team' }],
    ['group', 'friends', { resolved: true, id: 'group:alice/friends', name: 'Friends' }],
    ['group', 'team', { resolved: false, note: 'Several groups are called so: group:alice/team, group:my-bot/team.' }],
    ['group', 'alice/teem', { resolved: false, note: 'The mesh shows no group "alice/teem". Did you mean "group:alice/team"?' }],
    ['group', 'alice', { resolved: true, id: 'alice', name: 'alice', note: 'a user, not a group' }],
    ['group', 'Alice', { resolved: false, note: 'The mesh shows no user "Alice". Did you mean "alice"?' }],
  ] as const)('as a %s, %s', async (kind, input, found) => {
    const { resolver } = await world()

    expect(await resolver.resolveTargets({ ...asked, kind, inputs: [input] })).toEqual([{ input, ...found }])
  })
})
