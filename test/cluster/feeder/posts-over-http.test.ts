/** Services have a feeder post for them, over real HTTP: what is asked, who may ask, and what each failure means. */
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { createUndiciTransport } from '../../../src/adapters/ztm/undici-transport.ts'
import type { CheckJob, FeederAddress, LookJob, QueuedJob } from '../../../src/cluster/contracts.ts'
import { type PostsServerOptions, servePosts } from '../../../src/cluster/feeder/posts-server.ts'
import type { Posts } from '../../../src/cluster/posts.ts'
import { postsThroughFeeder } from '../../../src/cluster/service/posts-through-feeder.ts'
import { closedPort, startServer } from '../../adapters/ztm/local-server.ts'
import { jobFor, START_MS } from './stage.ts'

const SECRET = 'not-a-secret-of-anybody'
const BODY_BYTES_MAX = 4 * 1024 * 1024

const feederAt = (url: string): FeederAddress => ({ address: new URL(url).host, session: 's1', isPushed: false })
const { chat, account, key } = jobFor('bot one/x', 's1')
const jobsAt = (url: string) => {
  const feeder = feederAt(url)
  const look: LookJob = { account, chat, feeder, sinceMs: 5 }
  const check: CheckJob = { ...look, key, nowMs: START_MS, answeredAtMs: null }
  const queued: QueuedJob = { ...look, keys: [key], nowMs: START_MS }
  return { post: jobFor(account, 's1', key, { feeder }), look, check, queued }
}

/** Answers, and remembers what it was asked. */
const posting = (asked: unknown[]): Posts => ({
  async post(job) {
    asked.push(job)
    return { type: 'post.accepted', key: job.key, atMs: START_MS }
  },
  async look(job) {
    asked.push(job)
    return [key]
  },
  async check(job) {
    asked.push(job)
    return { type: 'reply.seen', keys: [job.key] }
  },
  async queued(job) {
    asked.push(job)
    return [{ type: 'unchecked.absent', keys: job.keys }]
  },
})

async function serve(options: Partial<PostsServerOptions> = {}) {
  const asked: unknown[] = []
  const server = await servePosts({
    host: '127.0.0.1',
    port: 0,
    secret: SECRET,
    posts: () => posting(asked),
    statuses: () => [],
    trouble: () => null,
    ...options,
  })
  onTestFinished(() => server.close())
  const url = `http://127.0.0.1:${server.port}`
  const ask = async (path: string, { method = 'POST', secret = SECRET as string | null, body = '{}' } = {}) => {
    const answer = await fetch(url + path, {
      method,
      headers: { connection: 'close', ...(secret !== null && { authorization: `Bearer ${secret}` }) },
      ...(method === 'POST' && { body }),
    })
    return { status: answer.status, body: await answer.json() }
  }
  return { url, asked, ask, server }
}

function through(secret = SECRET, { log } = createMemoryLog()): Posts {
  const transport = createUndiciTransport()
  onTestFinished(() => transport.close())
  return postsThroughFeeder({ apiTimeoutMs: 30_000 }, secret, transport, log)
}

/** Something that listens at a feeder's address, and answers so. */
async function standing(...answer: Parameters<typeof startServer>) {
  const server = await startServer(...answer)
  onTestFinished(() => server.close())
  return server
}

describe('whoever has the account', () => {
  test('is asked to post, to look and to check, with the whole of the job, whatever the account is called', async () => {
    const accounts: string[] = []
    const asked: unknown[] = []
    const { url } = await serve({
      posts(account) {
        accounts.push(account)
        return posting(asked)
      },
    })
    const jobs = jobsAt(url)

    expect(await through().post(jobs.post)).toEqual({ type: 'post.accepted', key, atMs: START_MS })
    expect(await through().look(jobs.look)).toEqual([key])
    expect(await through().check(jobs.check)).toEqual({ type: 'reply.seen', keys: [key] })
    expect(await through().queued(jobs.queued)).toEqual([{ type: 'unchecked.absent', keys: [key] }])

    expect(asked).toEqual([jobs.post, jobs.look, jobs.check, jobs.queued])
    expect(accounts).toEqual([account, account, account, account])
  })

  test('is another: nothing is done, and each says so', async () => {
    const { url } = await serve({ posts: () => null })
    const jobs = jobsAt(url)

    expect([await through().post(jobs.post), await through().look(jobs.look), await through().check(jobs.check)]).toEqual([
      null,
      null,
      null,
    ])
  })

  test('is nobody that is known', async () => {
    const jobs = jobsAt('http://127.0.0.1:1')
    const nobody = { feeder: null }

    expect(await through().post({ ...jobs.post, ...nobody })).toBeNull()
    expect(await through().look({ ...jobs.look, ...nobody })).toBeNull()
    expect(await through().check({ ...jobs.check, ...nobody })).toBeNull()
    expect(await through().queued({ ...jobs.queued, ...nobody })).toBeNull()
  })
})

describe('the server', () => {
  test.each([null, '', 'wrong', `${SECRET}x`, SECRET.slice(1), SECRET.toUpperCase()])(
    'does nothing for whoever has the secret %j',
    async secret => {
      const { ask, asked } = await serve()

      expect(await ask('/posts/a/post', { secret })).toEqual({ status: 401, body: { error: 'The secret of the cluster is wanted.' } })
      expect(asked).toEqual([])
    },
  )

  test.each([
    ['GET', '/posts/a/post'],
    ['POST', '/'],
    ['POST', '/posts'],
    ['POST', '/posts/a'],
    ['POST', '/posts/a/steal'],
    ['POST', '/posts/a/post/more'],
    ['POST', '/others/a/post'],
    ['POST', '/posts/a/constructor'],
  ])('has no %s %s', async (method, path) => {
    const { ask, asked } = await serve()

    expect(await ask(path, { method })).toEqual({
      status: 404,
      body: { error: 'There is POST /posts/ACCOUNT/post, look, check and queued.' },
    })
    expect(asked).toEqual([])
  })

  test('refuses a body that is no JSON, and a path that is no text, and goes on', async () => {
    const { ask, asked } = await serve()

    expect(await ask('/posts/a/post', { body: '{"key":' })).toMatchObject({ status: 400, body: { error: expect.stringContaining('JSON') } })
    expect(await ask('/posts/a/post', { body: '' })).toMatchObject({ status: 400 })
    expect(await ask('/posts/%E0%A4%A/post')).toMatchObject({ status: 400 })
    expect(asked).toEqual([])
    expect(await ask('/posts/a/post')).toMatchObject({ status: 200 })
  })

  // Whoever waits for the body waits for ever.
  test('refuses a body of more than 4 MiB, or of no known length, before it reads it, so that the service knows that nothing was done', {
    timeout: 10_000,
  }, async () => {
    const { ask, asked, url } = await serve()
    const head = (headers: Readonly<Record<string, string | number>>) =>
      new Promise<number | undefined>(resolve => {
        const sent = request(
          `${url}/posts/a/post`,
          { method: 'POST', headers: { authorization: `Bearer ${SECRET}`, ...headers } },
          answer => {
            resolve(answer.statusCode)
            sent.destroy()
          },
        )
        sent.flushHeaders()
      })

    expect(await head({ 'content-length': BODY_BYTES_MAX + 1 })).toBe(413)
    expect(await head({ 'transfer-encoding': 'chunked' })).toBe(413)
    const jobs = jobsAt(url)
    expect(await through().post({ ...jobs.post, body: { text: 'x'.repeat(BODY_BYTES_MAX) } })).toBeNull()
    expect(asked).toEqual([])
    expect(await ask('/posts/a/post', { body: `{}${' '.repeat(BODY_BYTES_MAX - 2)}` })).toMatchObject({ status: 200 })
  })

  test('says 500 of what failed after it had begun', async () => {
    const failing = async () => {
      throw new Error('the disk of the log is full')
    }
    const { ask } = await serve({ posts: () => ({ post: failing, look: failing, check: failing, queued: failing }) })

    expect(await ask('/posts/a/post')).toEqual({ status: 500, body: { error: 'the disk of the log is full' } })
  })

  test('tells a health check why nothing can be done, without a secret', async () => {
    const trouble: { reason: string | null } = { reason: null }
    const { ask } = await serve({ trouble: () => trouble.reason })

    expect(await ask('/health', { method: 'GET', secret: null })).toEqual({ status: 200, body: { ok: true, reason: null } })
    trouble.reason = 'It is in no fleet.'
    expect(await ask('/health', { method: 'GET', secret: null })).toEqual({
      status: 503,
      body: { ok: false, reason: 'It is in no fleet.' },
    })
  })

  test('goes on when somebody breaks off in the middle of a request', async () => {
    const { ask, asked, server } = await serve()
    const socket = connect(server.port, '127.0.0.1')
    socket.write(`POST /posts/a/post HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${SECRET}\r\ncontent-length: 100\r\n\r\n{"key"`)
    socket.destroy()
    await once(socket, 'close')

    expect(await ask('/posts/a/post')).toMatchObject({ status: 200 })
    expect(asked.length).toBe(1)
  })

  test('cannot have a port that another has', async () => {
    const { server } = await serve()

    await expect(
      servePosts({ host: '127.0.0.1', port: server.port, secret: SECRET, posts: () => null, statuses: () => [], trouble: () => null }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

describe('a feeder', () => {
  test('where nobody listens has done nothing', async () => {
    const jobs = jobsAt(await closedPort())

    expect(await through().post(jobs.post)).toBeNull()
    expect(await through().look(jobs.look)).toBeNull()
    expect(await through().check(jobs.check)).toBeNull()
  })

  test('that dies in mid-answer may have posted', async () => {
    const { url } = await standing((_, response) => response.destroy())
    const jobs = jobsAt(url)

    expect(await through().post(jobs.post)).toEqual({ type: 'post.unknown', key, atMs: expect.any(Number) })
    expect(await through().look(jobs.look)).toEqual([])
    expect(await through().check(jobs.check)).toBeNull()
  })

  test('with another secret has done nothing, and the log says so', async () => {
    const { url, asked } = await serve()
    const memory = createMemoryLog()

    expect(await through('another secret of 16', memory).post(jobsAt(url).post)).toBeNull()
    expect(asked).toEqual([])
    const said = '{"error":"The secret of the cluster is wanted."}'
    expect(memory.lines).toEqual([
      { level: 'warn', phrase: 'a feeder refuses what it is asked for', fields: { account, feeder: new URL(url).host, status: 401, said } },
    ])
  })

  test.each([400, 401, 404, 413])('that answers %i has done nothing', async status => {
    const { url } = await standing((_, response) => void response.writeHead(status).end('{}'))

    expect(await through().post(jobsAt(url).post)).toBeNull()
  })

  test.each([500, 502, 504, 204])('that answers %i may have posted', async status => {
    const { url } = await standing((_, response) => void response.writeHead(status).end())

    expect(await through().post(jobsAt(url).post)).toMatchObject({ type: 'post.unknown', key })
  })

  test('that answers what is no JSON, or far too much of it, may have posted', async () => {
    const { url } = await standing((_, response) => void response.writeHead(200).end('<html>'))
    const { url: endless } = await standing((_, response) => void response.writeHead(200).end(' '.repeat(1_000_001)))

    expect(await through().post(jobsAt(url).post)).toMatchObject({ type: 'post.unknown' })
    expect(await through().post(jobsAt(endless).post)).toMatchObject({ type: 'post.unknown' })
  })

  test('at an IPv6 address is reached', async () => {
    const asked: unknown[] = []
    const server = await servePosts({
      host: '::1',
      port: 0,
      secret: SECRET,
      posts: () => posting(asked),
      statuses: () => [],
      trouble: () => null,
    })
    onTestFinished(() => server.close())

    expect(await through().post(jobsAt(`http://[::1]:${server.port}`).post)).toMatchObject({ type: 'post.accepted' })
  })
})
