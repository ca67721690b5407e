import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { createUndiciTransport } from '../../../src/adapters/ztm/undici-transport.ts'
import { ZtmAgentSilent } from '../../../src/domain/errors.ts'
import { peerChat } from '../../../src/domain/ids.ts'
import { agentAt, errorOf } from './agent-at.ts'
import { json, type LocalServer, startServer } from './local-server.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

async function serve(...answer: Parameters<typeof startServer>): Promise<LocalServer> {
  const server = await startServer(...answer)
  opened.push(server)
  return server
}
function at(...options: Parameters<typeof agentAt>) {
  const fixture = agentAt(...options)
  opened.unshift(fixture.agent)
  return fixture
}

/** So that a second call finds the connection of the first. */
const oneConnection = () => createUndiciTransport({ connections: { read: 1, post: 1 } })

const alice = peerChat('alice')
const PEM = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'

test('a post is sent once, even when the connection drops after it was read', async () => {
  const server = await serve((_, response) => response.socket?.destroy())
  const { agent } = at(server.url)

  expect(await errorOf(agent.post(alice, { text: 'hello' }))).toBeInstanceOf(ZtmAgentSilent)
  expect(server.requests.length).toBe(1)
})

test('a post on a kept connection is sent once as well: a dead connection is no proof that it was not read', async () => {
  const server = await serve((_, response, __, nth) => (nth === 1 ? response.writeHead(201).end() : response.socket?.destroy()))
  const { agent } = at(server.url, { transport: oneConnection() })
  await agent.post(alice, 1)

  expect(await errorOf(agent.post(alice, 2))).toBeInstanceOf(ZtmAgentSilent)
  expect(server.requests.map(({ body }) => `${body}`)).toEqual(['1', '2'])
})

test('a read on a kept connection that turns out to be dead is asked a second time', async () => {
  const server = await serve((_, response, __, nth) => (nth === 2 ? response.socket?.destroy() : json(response, ['alice'])))
  const { agent } = at(server.url, { transport: oneConnection() })
  await agent.users()

  expect(await agent.users()).toEqual(['alice'])
  expect(server.requests.length).toBe(3)
})

test('a read is asked twice at most', async () => {
  const server = await serve((_, response, __, nth) => (nth > 1 ? response.socket?.destroy() : json(response, ['alice'])))
  const { agent } = at(server.url, { transport: oneConnection() })
  await agent.users()

  expect(await errorOf(agent.users())).toBeInstanceOf(ZtmAgentSilent)
  expect(server.requests.length).toBe(3)
})

test('a read on a new connection is asked once', async () => {
  const server = await serve((_, response) => response.socket?.destroy())
  const { agent } = at(server.url)

  expect(await errorOf(agent.users())).toBeInstanceOf(ZtmAgentSilent)
  expect(server.requests.length).toBe(1)
})

test('a deletion is asked once', async () => {
  const server = await serve((_, response, __, nth) => (nth === 1 ? response.writeHead(204).end() : response.socket?.destroy()))
  const { agent } = at(server.url, { transport: oneConnection() })
  await agent.leave()

  expect(await errorOf(agent.leave())).toBeInstanceOf(ZtmAgentSilent)
  expect(server.requests.length).toBe(2)
})

test('while a long-poll hangs, eight posts and eight reads are under way together', async () => {
  let release: () => void = () => {}
  const all = new Promise<void>(resolve => {
    release = resolve
  })
  const server = await serve(async (request, response) => {
    if (request.url.includes('wait=true')) return
    // Nothing is answered before all sixteen have come: none of them waits for another.
    await all
    if (request.method === 'POST') response.writeHead(201).end()
    else json(response, ['alice'])
  })
  const { agent } = at(server.url)
  const stop = new AbortController()
  const poll = errorOf(agent.files({ sinceMs: 0, wait: true }, () => {}, stop.signal))
  const eight = Array.from({ length: 8 }, (_, nth) => nth)
  const posts = eight.map(nth => agent.post(alice, nth))
  const reads = eight.map(() => agent.users())

  await server.seen(17)
  release()

  expect(await Promise.all(posts)).toEqual(eight.map(() => undefined))
  expect(await Promise.all(reads)).toEqual(eight.map(() => ['alice']))
  stop.abort()
  expect(await poll).toBeInstanceOf(ZtmAgentSilent)
})

test('posts are JSON, keys are text, files are bytes', async () => {
  const hash = createHash('sha256')
    .update(Buffer.from([0, 255, 10]))
    .update('3')
    .digest('hex')
  const permit = { ca: 'c', agent: { certificate: 'x', name: 'ep' }, bootstraps: ['127.0.0.1:8888'], more: 1 }
  const server = await serve(({ url }, response) => {
    if (url.endsWith('/files')) response.end(hash)
    else if (url.includes('/permits/')) json(response, permit)
    else response.writeHead(201).end()
  })
  const { agent } = at(server.url)

  await agent.post(alice, { text: 'Zażółć 网格' })
  await agent.setGroup('bot', 'g', { members: ['alice'] })
  expect(await agent.issuePermit('dave', PEM)).toEqual(permit)
  expect(await agent.uploadFile({ size: 3, chunks: [new Uint8Array([0]), new Uint8Array([255, 10])] })).toBe(hash)

  expect(server.requests.map(({ contentType, body }) => [contentType, body])).toEqual([
    ['application/json', Buffer.from('{"text":"Zażółć 网格"}')],
    ['application/json', Buffer.from('{"members":["alice"]}')],
    ['text/plain', Buffer.from(PEM)],
    ['application/octet-stream', Buffer.from([0, 255, 10])],
  ])
})

test('a garbage key is not sent for a permit: the hub would drop the agent for good', async () => {
  const server = await serve((_, response) => response.writeHead(403).end())
  const { agent } = at(server.url)

  expect((await errorOf(agent.issuePermit('dave', 'garbage'))).name).toBe('ConfigInvalid')
  expect(server.requests).toEqual([])
})

test('endpoints are asked for beyond the agent’s own hundred', async () => {
  const server = await serve((_, response) => json(response, []))
  const { agent } = at(server.url)

  expect(await agent.endpoints()).toEqual([])
  expect(server.requests[0]?.url).toBe('/api/meshes/home/endpoints?limit=10000')
})

test('a closed transport ends what is under way and opens nothing new', async () => {
  const server = await serve(() => {})
  const transport = createUndiciTransport()
  const request = () => {
    const { signal } = new AbortController()
    return errorOf(transport.request({ method: 'GET', url: `${server.url}/`, headers: {}, pool: 'read', signal, maxBytes: 10 }))
  }
  const underWay = request()
  await server.seen(1)

  await transport.close()

  expect(await underWay).toMatchObject({ kind: 'silent', message: 'the connections were closed' })
  expect(await request()).toMatchObject({ kind: 'unreachable', message: 'the connections were closed' })
  expect(server.requests.length).toBe(1)
})

test('a transport whose signal was already aborted opens nothing', async () => {
  const server = await serve((_, response) => json(response, []))
  const transport = createUndiciTransport()
  opened.unshift(transport)
  const url = `${server.url}/`

  const error = await errorOf(
    transport.request({ method: 'GET', url, headers: {}, pool: 'read', signal: AbortSignal.abort(), maxBytes: 10 }),
  )

  expect(error).toMatchObject({ kind: 'unreachable', message: 'given up' })
  expect(server.requests).toEqual([])
})

test('the protocol knows nothing of undici, so that a simulated mesh can carry it', () => {
  for (const file of ['transport', 'exchange', 'ztm-agent', 'answers', 'permit-server']) {
    expect(readFileSync(new URL(`../../../src/adapters/ztm/${file}.ts`, import.meta.url), 'utf8')).not.toContain("from 'undici'")
  }
})
