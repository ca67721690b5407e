/** The way of a post from a service to a feeder, over real HTTP. */
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createUndiciTransport } from '../../../src/adapters/ztm/undici-transport.ts'
import type { CheckJob, LookJob, PostJob } from '../../../src/cluster/contracts.ts'
import { servePosts } from '../../../src/cluster/feeder/posts-server.ts'
import type { Posts } from '../../../src/cluster/posts.ts'
import { postsThroughFeeder } from '../../../src/cluster/posts-through-feeder.ts'

const SECRET = 'a secret of sixteen or more'
const limits = { lostPostMs: 1, lostUnansweredPostMs: 2, uncertainRepostMs: 3 }

const posts: Posts = {
  post: async ({ key }) => {
    if (key === 'broken#0') throw new Error('It broke after the post was made.')
    return { type: 'post.accepted', key, atMs: 7 }
  },
  look: async () => ['m1#0'],
  check: async ({ key, nowMs }) => ({ type: 'ledger.failed', key, limits, nowMs }),
}

async function scene({ secret = SECRET, trouble = null as string | null } = {}) {
  const server = await servePosts({
    host: '127.0.0.1',
    port: 0,
    secret: SECRET,
    posts: account => (account === 'default' ? posts : null),
    trouble: () => trouble,
  })
  const transport = createUndiciTransport()
  onTestFinished(async () => {
    await transport.close()
    await server.close()
  })
  const client = postsThroughFeeder({ apiTimeoutMs: 30_000 }, secret, transport)
  const feeder = { address: `127.0.0.1:${server.port}`, session: 's1', isPushed: true }
  const post: PostJob = {
    account: 'default',
    chat: 'peer:alice',
    feeder,
    key: 'm1#0',
    body: { text: 'hello' },
    isAwaited: false,
    tried: { id: 't1', begunAtMs: 1, isAgain: false },
  }
  const look: LookJob = { account: 'default', chat: 'peer:alice', feeder, sinceMs: 0 }
  const check: CheckJob = { ...look, key: 'm1#0', nowMs: 9, answeredAtMs: null }
  return { client, post, look, check, port: server.port, url: `http://127.0.0.1:${server.port}` }
}

test('a post, a look and a check are done at the feeder that is named', async () => {
  const { client, post, look, check } = await scene()

  expect(await client.post(post)).toEqual({ type: 'post.accepted', key: 'm1#0', atMs: 7 })
  expect(await client.look(look)).toEqual(['m1#0'])
  expect(await client.check(check)).toEqual({ type: 'ledger.failed', key: 'm1#0', limits, nowMs: 9 })
})

test('where nobody is named, or nobody listens, or somebody else has the account, nothing was done', async () => {
  const { client, post, look, check } = await scene()
  const closed = createServer()
  await new Promise<void>(resolve => closed.listen(0, '127.0.0.1', resolve))
  const { port } = closed.address() as AddressInfo
  await new Promise(resolve => closed.close(resolve))

  for (const job of [
    { ...post, feeder: null },
    { ...post, account: 'another' },
    { ...post, feeder: { ...post.feeder!, address: `127.0.0.1:${port}` } },
  ])
    expect(await client.post(job)).toBeNull()
  expect(await client.look({ ...look, account: 'another' })).toBeNull()
  expect(await client.check({ ...check, account: 'another' })).toBeNull()
})

test('a post that breaks after it was begun, or whose feeder dies, may have been made', async () => {
  const { client, post } = await scene()
  const dying = createServer(request => request.socket.destroy())
  await new Promise<void>(resolve => dying.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void dying.close())
  const { port } = dying.address() as AddressInfo

  expect(await client.post({ ...post, key: 'broken#0' })).toMatchObject({ type: 'post.unknown', key: 'broken#0' })
  expect(await client.post({ ...post, feeder: { ...post.feeder!, address: `127.0.0.1:${port}` } })).toMatchObject({ type: 'post.unknown' })
})

test('without the secret nothing is done, and the services go on looking for who may', async () => {
  const { client, post, url } = await scene({ secret: 'another secret than that' })

  expect(await client.post(post)).toBeNull()
  for (const headers of [{}, { authorization: 'Bearer ' }, { authorization: `Bearer ${SECRET}x` }])
    expect((await fetch(`${url}/posts/default/post`, { method: 'POST', body: '{}', headers })).status).toBe(401)
})

test('what is no request for a post is refused in a sentence', async () => {
  const { url, port } = await scene()
  const headers = { authorization: `Bearer ${SECRET}` }
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, { method: 'POST', headers, ...init }).then(({ status }) => status)

  expect(await ask('/posts/default/post', { body: 'no JSON' })).toBe(400)
  expect(await ask('/posts/default/post')).toBe(400)
  expect(await tooLarge(port)).toBe(413)
  expect([await ask('/posts/default/remove', { body: '{}' }), await ask('/posts/default/post', { method: 'GET' }), await ask('/')]).toEqual(
    [404, 404, 404],
  )
  const odd = await new Promise<number>(resolve => {
    httpRequest({ port, path: '/posts/%zz/post', method: 'POST', headers }, answer => resolve(answer.statusCode ?? 0)).end('{}')
  })
  expect(odd).toBe(400)
})

/** Only its head: nobody reads the rest. */
const tooLarge = (port: number) =>
  new Promise<number>(resolve => {
    const headers = { authorization: `Bearer ${SECRET}`, 'content-length': 5 * 1024 * 1024 }
    const asked = httpRequest({ port, path: '/posts/default/post', method: 'POST', headers }, answer => {
      resolve(answer.statusCode ?? 0)
      asked.destroy()
    })
    asked.flushHeaders()
  })

test.each([
  [null, 200, { ok: true, reason: null }],
  ['The engine cannot be reached.', 503, { ok: false, reason: 'The engine cannot be reached.' }],
])('its health is told to whoever asks: %j', async (trouble, status, body) => {
  const { url } = await scene({ trouble })
  const answer = await fetch(`${url}/health`)

  expect([answer.status, await answer.json()]).toEqual([status, body])
})

test('what waits for a connection when the account is lost is never written; a read still is', async () => {
  const arrived: string[] = []
  let release = () => {}
  const server = createServer((request, response) => {
    arrived.push(`${request.method} ${request.url}`)
    if (request.url === '/first') release = () => response.end()
    else response.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  let isOurs = true
  const transport = createUndiciTransport({ connections: { post: 1, read: 1 }, mayWrite: () => isOurs })
  onTestFinished(async () => {
    await transport.close()
    server.close()
  })
  const send = (method: 'GET' | 'POST', path: string) =>
    transport.request({
      method,
      url: `http://127.0.0.1:${port}${path}`,
      headers: {},
      pool: method === 'GET' ? 'read' : 'post',
      signal: new AbortController().signal,
      maxBytes: 1_000,
      ...(method === 'POST' && { body: Buffer.from('x') }),
    })

  const first = send('POST', '/first')
  const second = send('POST', '/second').catch((error: unknown) => error)
  await expect.poll(() => arrived).toEqual(['POST /first'])
  isOurs = false
  release()

  expect((await first).status).toBe(200)
  expect(await second).toMatchObject({ kind: 'unreachable' })
  expect((await send('GET', '/read')).status).toBe(200)
  expect(arrived).toEqual(['POST /first', 'GET /read'])
})
