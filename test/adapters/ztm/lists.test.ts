import { afterEach, expect, test } from 'vitest'
import { peerChat } from '../../../src/domain/ids.ts'
import { agentAt, type Fixture } from './agent-at.ts'
import { json, startServer } from './local-server.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

/** A client of a server that answers everything with this value. */
async function answering(value: unknown): Promise<Fixture> {
  const server = await startServer((_, response) => json(response, value))
  const fixture = agentAt(server.url)
  opened.push(fixture.agent, server)
  return fixture
}

test('a message that is no object, or has no sender, stays in the list as nobody’s', async () => {
  const { agent, oddities } = await answering([
    { time: 1, message: { text: 'hello' }, sender: 'alice', extra: true },
    { time: '2', message: [null], sender: 7 },
    { time: { a: 1 } },
    'text',
    null,
  ])

  expect(await agent.messages(peerChat('alice'), 0)).toEqual([
    { time: 1, message: { text: 'hello' }, sender: 'alice' },
    { time: '2', message: [null], sender: '' },
    { time: { a: 1 }, message: undefined, sender: '' },
    { time: undefined, message: undefined, sender: '' },
    { time: undefined, message: undefined, sender: '' },
  ])
  expect(oddities).toEqual([])
})

test('a chat without a usable name is skipped and told, once for each list; the others stay', async () => {
  const { agent, oddities } = await answering([
    { peer: 'alice', time: 5, updated: 1, latest: { time: 5, message: 'hi', sender: 'alice' } },
    { peer: 'a/b', time: 5, updated: 1 },
    { creator: 'bob', time: 5, updated: 1 },
    17,
    { creator: 'bob', group: 'g', name: 'Team', time: 0, updated: 0 },
  ])

  expect(await agent.chats()).toEqual([
    { chat: 'peer:alice', time: 5, updated: 1, latest: { time: 5, message: 'hi', sender: 'alice' } },
    { chat: 'group:bob/g', name: 'Team', time: 0, updated: 0 },
  ])
  expect(oddities).toEqual([expect.stringMatching(/^GET .*\/chats: 3 of 5 entries were skipped; the first is \[1\]: .*\.$/)])
})

test('hints that a peer has spoilt do not hide a chat: they say "look here"', async () => {
  const { agent } = await answering([{ creator: 'bob', group: 'g', name: 42, time: '9', updated: null, latest: 'x' }])

  expect(await agent.chats()).toEqual([
    { chat: 'group:bob/g', time: 0, updated: 1, latest: { time: undefined, message: undefined, sender: '' } },
  ])
})

test('a group has the members that can be users, whatever its creator wrote', async () => {
  const { agent } = await answering({ creator: 'bob', group: 'g', name: { a: 1 }, members: ['bot', 5, null, 'alice'] })

  expect(await agent.group('bob', 'g')).toEqual({ creator: 'bob', group: 'g', name: '', members: ['bot', 'alice'] })
})

test('a file with a wrong size is skipped and told by its path; the others stay', async () => {
  const good = { hash: 'h', size: -1, time: 5, since: 6 }
  const { agent, oddities } = await answering({ '/a': good, '/bad': { ...good, size: '1' }, '/b': { hash: 'h', size: 3, time: 5 } })

  expect(await agent.files({ sinceMs: 0 })).toEqual([
    { path: '/a', hash: 'h', size: -1, time: 5, since: 6 },
    { path: '/b', hash: 'h', size: 3, time: 5 },
  ])
  expect(oddities).toEqual([expect.stringContaining('1 of 3 entries were skipped; the first is /bad: an unusable entry.size')])
})

test('a path that spells the name of an object’s own property is a path like any other', async () => {
  const server = await startServer((_, response) => response.end('{"__proto__":{"hash":"h","size":1,"time":2,"since":3}}'))
  const { agent } = agentAt(server.url)
  opened.push(agent, server)

  expect(await agent.files({ sinceMs: 0 })).toEqual([{ path: '__proto__', hash: 'h', size: 1, time: 2, since: 3 }])
})

test('users, endpoints and log lines that fit stay when others do not', async () => {
  const endpoint = { id: 'e', name: 'ep', username: 'alice', online: true, isLocal: false }
  const users = await answering(['alice', 7, ''])
  const endpoints = await answering([endpoint, { ...endpoint, online: 1 }])
  const log = await answering([{ time: 't', type: 'info', message: 'm' }, {}])

  expect(await users.agent.users()).toEqual(['alice'])
  expect(await endpoints.agent.endpoints()).toEqual([endpoint])
  expect(await log.agent.meshLog()).toEqual([{ time: 't', type: 'info', message: 'm' }])
  expect([users, endpoints, log].map(({ oddities }) => oddities.length)).toEqual([1, 1, 1])
})

test('a list of fifty thousand files is read whole', async () => {
  const paths = Array.from({ length: 50_000 }, (_, nth) => `/apps/ztm/chat/shared/u${nth}/publish/peers/bot/messages/${nth}.json`)
  const { agent } = await answering(Object.fromEntries(paths.map((path, nth) => [path, { hash: 'h', size: nth, time: nth, since: nth }])))

  expect((await agent.files({ sinceMs: 0 })).map(({ path }) => path)).toEqual(paths)
})
