/** What an operator and the assistant see of a running gateway: directory, tools, the operator's commands, one account's trouble. */
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createAuthority } from '../../adapters/ztm/certificates.ts'
import { startTlsFront } from './tls-front.ts'
import { sharedWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await sharedWorld()
  await world.mesh.user('dora').creates('crew', { name: 'The Crew', members: ['dora', 'open-bot'] })
  const dora = world.chat('dora', 'open')
  await dora.says('hello from dora')
  await dora.hears('model says: hello from dora')
})

const openclaw = async (...words: readonly string[]) => (await world.gateway.must(...words)).stdout
const entries = z.array(z.looseObject({ id: z.string(), name: z.string().optional() }))
const listed = async (...words: readonly string[]) =>
  entries.parse(JSON.parse(await openclaw('directory', ...words, '--channel', 'ztm-chat', '--account', 'open', '--json')))

test('the directory lists peers, groups and members, each by what can be used as a target, and knows the bot itself', async () => {
  const [peers, groups] = await Promise.all([listed('peers', 'list'), listed('groups', 'list')])
  const [members, self] = await Promise.all([
    listed('groups', 'members', '--group-id', 'group:dora/crew'),
    openclaw('directory', 'self', '--channel', 'ztm', '--account', 'open', '--json'),
  ])

  expect(peers.map(({ id }) => id)).toContain('dora')
  expect(groups).toContainEqual(expect.objectContaining({ id: 'group:dora/crew', name: 'The Crew' }))
  expect(members.map(({ id }) => id).sort()).toEqual(['dora', 'open-bot'])
  expect(self).toContain('"open-bot"')
})

test('names are resolved to targets, and a wrong one to what was probably meant', async () => {
  const { stdout, stderr } = await world.gateway.run(
    'channels',
    'resolve',
    '--channel',
    'ztm-chat',
    '--account',
    'open',
    'dora',
    'Dora',
    'dora/crew',
  )
  const said = `${stdout}\n${stderr}`

  expect(said).toContain('dora -> dora')
  expect(said).toContain('Did you mean "dora"?')
  expect(said).toContain('dora/crew -> group:dora/crew (The Crew)')
})

test('the assistant looks at the mesh through its tools, and has none to write to others until that is allowed', async () => {
  const dora = world.chat('dora', 'open')
  world.model.on(/look around/, ({ toolResults }) =>
    toolResults.length === 0
      ? {
          calls: [
            { name: 'ztm_status', args: {} },
            { name: 'ztm_mesh_info', args: {} },
            { name: 'ztm_peers', args: { query: 'dor' } },
          ],
        }
      : { text: `I saw: ${toolResults.join(' | ')}` },
  )
  await dora.says('look around')
  const answer = await dora.hears(/^I saw: /)

  expect(answer).toContain('"state":"live"')
  expect(answer).toContain('"mesh":"home"')
  expect(answer).toContain('"user":"dora"')
  const [asked] = world.model.about(/look around/)
  expect(asked?.tools).toEqual(expect.arrayContaining(['ztm_status', 'ztm_mesh_info', 'ztm_peers']))
  expect(asked?.tools).not.toContain('ztm_send_peer_message')
})

test('once it is allowed, the assistant writes to somebody else, once', async () => {
  await world.setTools({ alsoAllow: ['ztm_send_peer_message'] })
  const dora = world.chat('dora', 'open')
  const emil = world.chat('emil', 'open')
  world.model.on(/tell emil/, ({ toolResults }) =>
    toolResults.length === 0
      ? { calls: [{ name: 'ztm_send_peer_message', args: { to: 'emil', text: 'dora says hello' } }] }
      : { text: 'I told him.' },
  )
  await dora.says('tell emil')
  await dora.hears('I told him.')
  await emil.hears('dora says hello')

  expect(emil.heard()).toEqual(['dora says hello'])
  await world.setTools({})
})

test('the operator sees state, feed, queues and counters of each account, and why a message was answered', async () => {
  const [shown, explained] = await Promise.all([
    openclaw('ztm-chat', 'status', '--account', 'open', '--json'),
    openclaw('ztm-chat', 'explain', '--chat', 'dora', '--last', '1', '--account', 'open'),
  ])
  const [letters, retried] = await Promise.all([
    openclaw('ztm-chat', 'deadletter', 'list'),
    world.gateway.run('ztm-chat', 'deadletter', 'retry', 'nothing'),
  ])

  const [status] = shown.trim().split('\n')
  expect(JSON.parse(status ?? '')).toMatchObject({ account: 'open', state: 'live', feed: expect.stringMatching(/push|poll/), outbox: 0 })
  expect(explained).toContain('dora')
  expect(letters).toContain('There are no dead letters.')
  expect(retried.code).not.toBe(0)
})

test('capabilities are shown with what the agent says of itself', async () => {
  const shown = await openclaw('channels', 'capabilities', '--channel', 'ztm-chat', '--account', 'open')

  expect(shown).toContain('chatTypes=direct,group')
  expect(shown).toContain('mesh home, user open-bot')
})

test('an agent that goes away troubles its own account alone: only that one is restarted, recovers, and the others answer', async () => {
  const { url } = world.agent('off')
  const connected = async () => (await world.gateway.log()).split('[open] account state').length
  const before = await connected()
  await world.setAccount('off', { agentUrl: 'http://127.0.0.1:9' }, 'degraded')

  const dora = world.chat('dora', 'open')
  await dora.says('still there?')
  await dora.hears('model says: still there?')
  const shown = await openclaw('channels', 'status', '--channel', 'ztm-chat')
  expect(shown).toMatch(/ztm-chat off: .*127\.0\.0\.1:9.*it is tried again for ever/)

  await world.setAccount('off', { agentUrl: url })
  expect(await connected()).toBe(before)
})

test('a certificate, its key and its authority that are secret references are resolved by OpenClaw, and used', async () => {
  const { url } = world.agent('off')
  const authority = await createAuthority()
  const [server, client] = await Promise.all([authority.signs('agent'), authority.signs('off-bot')])
  const front = await startTlsFront(url, { ...server, ca: authority.cert })
  try {
    const tls = await world.keepSecrets({ ca: authority.cert, cert: client.cert, key: client.key })
    await world.setAccount('off', { agentUrl: front.url, tls })
    expect(front.clients()).toEqual(['off-bot'])

    const [self, status] = await Promise.all([
      openclaw('directory', 'self', '--channel', 'ztm-chat', '--account', 'off', '--json'),
      openclaw('channels', 'status', '--channel', 'ztm-chat', '--probe', '--json'),
    ])
    expect(self).toContain('"off-bot"')
    const [, inKey = ''] = /\n([\w+/=]{16,})/.exec(client.key) ?? []
    expect(inKey).not.toBe('')
    for (const output of [self, status, await world.gateway.log()]) expect(output).not.toContain(inKey)
  } finally {
    await world.setAccount('off', { agentUrl: url, tls: undefined })
    await front.close()
  }
})
