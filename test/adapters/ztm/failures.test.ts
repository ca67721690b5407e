import { afterEach, expect, test } from 'vitest'
import { createUndiciTransport } from '../../../src/adapters/ztm/undici-transport.ts'
import { ZtmAgentSilent, ZtmAgentUnreachable } from '../../../src/domain/errors.ts'
import { peerChat } from '../../../src/domain/ids.ts'
import type { ZtmAgent } from '../../../src/ports/ztm-agent.ts'
import { agentAt, errorOf, type Fixture, shape } from './agent-at.ts'
import { closedPort, json, type LocalServer, startServer } from './local-server.ts'

const MIB = 1_048_576

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

async function serve(...answer: Parameters<typeof startServer>): Promise<LocalServer> {
  const server = await startServer(...answer)
  opened.push(server)
  return server
}
function at(...options: Parameters<typeof agentAt>): Fixture {
  const fixture = agentAt(...options)
  opened.unshift(fixture.agent)
  return fixture
}
/** A client of a server that answers everything with this. */
async function answering(status: number, contentType: string, body: string): Promise<{ agent: ZtmAgent; url: string; oddities: string[] }> {
  const { url } = await serve((_, response) => response.writeHead(status, { 'content-type': contentType }).end(body))
  const { agent, oddities } = at(url)
  return { agent, url, oddities }
}

const alice = peerChat('alice')

test('a refused connection is unreachable: nothing can have happened, and the sentence asks whether the agent runs', async () => {
  const url = await closedPort()
  const { agent } = at(url)

  expect(shape(await errorOf(agent.version()))).toEqual({
    name: 'ZtmAgentUnreachable',
    message: `GET ${url}/api/version got no answer (connection refused). Is the ZTM agent running there?`,
    retryable: true,
    mayHaveActed: false,
  })
  expect(await errorOf(agent.post(alice, { text: 'hello' }))).toBeInstanceOf(ZtmAgentUnreachable)
})

test('a failed TLS handshake is unreachable: nothing was sent', async () => {
  const server = await serve((_, response) => json(response, {}))
  const { agent } = at(server.url.replace('http:', 'https:'))

  const error = await errorOf(agent.post(alice, { text: 'hello' }))

  expect(shape(error)).toEqual({
    name: 'ZtmAgentUnreachable',
    message:
      `POST ${server.url.replace('http:', 'https:')}/api/meshes/home/apps/ztm/chat/api/peers/alice/messages got no answer` +
      ' (what answers there does not speak TLS as we do). Is agentUrl right, its "https" and its port above all?',
    retryable: true,
    mayHaveActed: false,
  })
  expect(server.requests).toEqual([])
})

test('a connection that breaks in the middle of an answer is silence: the agent may have acted', async () => {
  const { url } = await serve((_, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('[{"peer":', () => response.destroy())
  })
  const { agent } = at(url)

  expect(shape(await errorOf(agent.chats()))).toEqual({
    name: 'ZtmAgentSilent',
    message:
      `GET ${url}/api/meshes/home/apps/ztm/chat/api/chats got no whole answer (connection closed).` +
      ' Is the ZTM agent still running, and is its hub within reach?',
    retryable: true,
    mayHaveActed: true,
  })
})

test('an answer that ends before its announced length is silence, not a short answer', async () => {
  const { url } = await serve((_, response) => response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n[]'))
  const { agent } = at(url)

  expect(await errorOf(agent.users())).toBeInstanceOf(ZtmAgentSilent)
})

test('an answer that is not HTTP is silence', async () => {
  const { url } = await serve((_, response) => response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n'))
  const { agent } = at(url)

  expect(shape(await errorOf(agent.users()))).toMatchObject({
    name: 'ZtmAgentSilent',
    message: expect.stringContaining('(the answer is not HTTP)'),
  })
})

test('a call without an answer ends at the api time-out, by the given clock, and leaves no timer', async () => {
  const server = await serve(() => {})
  const { agent, clock } = at(server.url, { apiTimeoutMs: 30_000 })
  const error = errorOf(agent.post(alice, { text: 'hello' }))
  await server.seen(1)

  await clock.advance(29_999)
  expect(clock.pending()).toBe(1)
  await clock.advance(1)

  expect(shape(await error)).toEqual({
    name: 'ZtmAgentSilent',
    message:
      `POST ${server.url}/api/meshes/home/apps/ztm/chat/api/peers/alice/messages got no whole answer within 30 s.` +
      ' Is the ZTM agent still running, and is its hub within reach?',
    retryable: true,
    mayHaveActed: true,
  })
  expect(clock.pending()).toBe(0)
})

test('an answer that stops half-way ends at the api time-out as well', async () => {
  const server = await serve((_, response) => response.writeHead(200).write('[1,'))
  const { agent, clock } = at(server.url)
  const error = errorOf(agent.users())
  await server.seen(1)

  await clock.advance(30_000)

  expect(await error).toBeInstanceOf(ZtmAgentSilent)
})

test('a post that timed out while it waited for a connection was not sent, and says so', async () => {
  const server = await serve(() => {})
  const transport = createUndiciTransport({ connections: { post: 1 } })
  const { agent: patient } = at(server.url, { transport, apiTimeoutMs: 60_000 })
  const { agent: hasty, clock } = at(server.url, { transport, apiTimeoutMs: 30_000 })
  const first = errorOf(patient.post(alice, 1))
  await server.seen(1)
  const second = errorOf(hasty.post(alice, 2))

  await clock.advance(30_000)

  expect(shape(await second)).toMatchObject({
    name: 'ZtmAgentUnreachable',
    message: expect.stringContaining('got no answer within 30 s'),
    mayHaveActed: false,
  })
  await patient.close()
  expect(await first).toBeInstanceOf(ZtmAgentSilent)
  expect(server.requests.map(({ body }) => `${body}`)).toEqual(['1'])
})

test('a post that was given up while it queued is never sent, even when its turn comes', async () => {
  const server = await serve((_, response, __, nth) => {
    if (nth === 1) answerFirst = () => response.writeHead(201).end()
    else response.writeHead(201).end()
  })
  let answerFirst = () => {}
  const transport = createUndiciTransport({ connections: { post: 1 } })
  const { agent: patient } = at(server.url, { transport, apiTimeoutMs: 60_000 })
  const { agent: hasty, clock } = at(server.url, { transport, apiTimeoutMs: 30_000 })
  const first = patient.post(alice, 1)
  await server.seen(1)
  const second = errorOf(hasty.post(alice, 2))
  await clock.advance(30_000)
  const third = patient.post(alice, 3)

  answerFirst()
  await Promise.all([first, third])

  expect((await second).mayHaveActed).toBe(false)
  expect(server.requests.map(({ body }) => `${body}`)).toEqual(['1', '3'])
})

test('an abort by the caller is silence, wherever it meets the call', async () => {
  const server = await serve(() => {})
  const { agent } = at(server.url, { transport: createUndiciTransport({ connections: { post: 1 } }) })
  const stop = new AbortController()
  const underWay = errorOf(agent.post(alice, 1, stop.signal))
  await server.seen(1)
  const queued = errorOf(agent.post(alice, 2, stop.signal))

  stop.abort()

  const message =
    `POST ${server.url}/api/meshes/home/apps/ztm/chat/api/peers/alice/messages was given up before its answer came;` +
    ' see what asked for the stop.'
  expect(shape(await underWay)).toEqual({ name: 'ZtmAgentSilent', message, retryable: true, mayHaveActed: true })
  expect(shape(await queued)).toEqual({ name: 'ZtmAgentSilent', message, retryable: true, mayHaveActed: true })
})

test('a long-poll has no time-out: only its signal ends it, as silence', async () => {
  const server = await serve(() => {})
  const { agent, clock } = at(server.url)
  const stop = new AbortController()
  let ended = false
  const error = errorOf(agent.files({ sinceMs: 5, wait: true }, () => {}, stop.signal)).finally(() => {
    ended = true
  })
  await server.seen(1)

  await clock.advance(24 * 3_600_000)
  expect([ended, clock.pending()]).toEqual([false, 0])
  stop.abort()

  expect(await error).toBeInstanceOf(ZtmAgentSilent)
  expect(server.requests[0]?.url).toBe('/api/meshes/home/files?since=5&wait=true')
})

test('a call with a signal that was already aborted does not reach the transport', async () => {
  let requests = 0
  const transport = { request: () => Promise.reject(new Error(`request ${++requests}`)), close: async () => {} }
  const { agent, clock } = at('http://127.0.0.1:7777', { transport })

  expect(await errorOf(agent.users(AbortSignal.abort()))).toBeInstanceOf(ZtmAgentSilent)
  expect([requests, clock.pending()]).toEqual([0, 0])
})

test('closing ends what is under way, and later calls are not sent', async () => {
  const server = await serve(() => {})
  const transport = createUndiciTransport()
  let closed = 0
  const close = async () => {
    closed++
    await transport.close()
  }
  const { agent, clock } = at(server.url, { transport: { ...transport, close } })
  const polling = errorOf(agent.files({ sinceMs: 0, wait: true }, () => {}))
  const posting = errorOf(agent.post(alice, 'hello'))
  await server.seen(2)

  await agent.close()

  expect(await polling).toBeInstanceOf(ZtmAgentSilent)
  expect(await posting).toBeInstanceOf(ZtmAgentSilent)
  expect(shape(await errorOf(agent.post(alice, 'more')))).toMatchObject({
    name: 'ZtmAgentUnreachable',
    message: `POST ${server.url}/api was not sent: this client is closed. Open a new one.`,
  })
  expect([server.requests.length, clock.pending(), closed]).toEqual([2, 0, 1])
})

test('an empty body where an object is due is malformed, and points at the hub', async () => {
  const { agent, url } = await answering(200, 'application/json', '')

  expect(shape(await errorOf(agent.files({ sinceMs: 0 }, () => {})))).toEqual({
    name: 'MalformedAnswer',
    message: `GET ${url}/api/meshes/home/files answered with an empty body where JSON is due; the hub is probably away.`,
    retryable: true,
    mayHaveActed: true,
  })
})

test('a web page is malformed, and the sentence asks for the address', async () => {
  const { agent, url } = await answering(200, 'text/html', '<!doctype html><title>Welcome to nginx!</title>')

  expect(shape(await errorOf(agent.version()))).toMatchObject({
    name: 'MalformedAnswer',
    message: `GET ${url}/api/version answered an HTML page where JSON is due. Is agentUrl the address of a ZTM agent, version 2?`,
  })
  expect(shape(await errorOf(agent.identity()))).toMatchObject({ name: 'MalformedAnswer' })
})

test.each(['{nope', '[{"time":1,"message":"a secret"', 'null garbage', '\u0000\u0001'])(
  'garbage (%j) is malformed, and is not quoted',
  async body => {
    const { agent, url } = await answering(200, 'application/json', body)

    expect((await errorOf(agent.messages(alice, 0))).message).toBe(
      `GET ${url}/api/meshes/home/apps/ztm/chat/api/peers/alice/messages answered ${body.length} bytes of something else where JSON is due.` +
        ' Is agentUrl the address of a ZTM agent, version 2?',
    )
  },
)

test.each<[string, unknown, (agent: ZtmAgent) => Promise<unknown>, string]>([
  ['version', { ztm: { tag: 2, commit: 'c' } }, agent => agent.version(), 'an unusable ztm.tag (expected string, received number)'],
  ['version', { pipy: {} }, agent => agent.version(), 'an unusable ztm (expected object, received undefined)'],
  ['mesh', { name: 'home', connected: 'yes' }, agent => agent.mesh(), 'an unusable connected (expected boolean, received string)'],
  ['mesh', [], agent => agent.mesh(), 'something unusable (expected object, received array)'],
  ['chats', {}, agent => agent.chats(), 'something unusable (expected array, received object)'],
  ['messages', null, agent => agent.messages(alice, 0), 'something unusable (expected array, received null)'],
  ['files', [], agent => agent.files({ sinceMs: 0 }, () => {}), 'something unusable (expected object)'],
  ['appinfo', { username: '' }, agent => agent.appUser(), 'an unusable username'],
  [
    'group',
    { creator: 'a', group: 'g', members: 'all' },
    agent => agent.group('a', 'g'),
    'an unusable members (expected array, received string)',
  ],
])('%s with a wrong type (%j) is malformed and names the field', async (_, body, ask, problem) => {
  const { agent } = await answering(200, 'application/json', JSON.stringify(body))

  const error = await errorOf(ask(agent))

  expect(error.name).toBe('MalformedAnswer')
  expect(error.message).toContain(` gave ${problem}`)
})

test('an upload whose answer is no hash is malformed', async () => {
  const { agent } = await answering(200, 'text/plain', 'thanks')

  expect((await errorOf(agent.uploadFile({ size: 1, chunks: [Buffer.from('x')] }))).name).toBe('MalformedAnswer')
})

test('a permit that lacks a part is malformed: given to the agent, it would break a working mesh', async () => {
  const { agent } = await answering(200, 'application/json', '{"ca":"x","agent":{}}')
  const key = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'

  expect((await errorOf(agent.issuePermit('dave', key))).message).toContain('an unusable agent.certificate')
})

test.each([200, 204, 302])('a post or a join is done at 201 only: %i is malformed', async status => {
  const { agent, url } = await answering(status, 'application/json', '')

  const errors = [
    await errorOf(agent.post(alice, 'hello')),
    await errorOf(agent.join({})),
    await errorOf(agent.setGroup('bot', 'g', { name: 'x' })),
  ]

  expect(errors.map(error => error.name)).toEqual(['MalformedAnswer', 'MalformedAnswer', 'MalformedAnswer'])
  expect(errors[1]?.message).toBe(
    `POST ${url}/api/meshes/home answered ${status} in place of 201. Is agentUrl the address of a ZTM agent, version 2?`,
  )
})

test.each([
  [401, '', 'ZtmAgentRefused', 'was refused with 401. Something in front of the ZTM agent wants a login; let this client pass.'],
  [
    403,
    '',
    'ZtmAgentRefused',
    'was refused with 403. Something in front of the ZTM agent, or the mesh, does not allow it; check the rights of this user.',
  ],
  [404, '', 'ZtmAgentRefused', 'was refused with 404. Is agentUrl the address of a ZTM agent, version 2?'],
  [405, '', 'ZtmAgentRefused', 'was refused with 405. Is agentUrl the address of a ZTM agent, version 2?'],
  [
    500,
    '{"status":500,"message":"Not connected to mesh"}',
    'ZtmAgentFailed',
    'failed with 500: Not connected to mesh. Look at the log of the ZTM agent.',
  ],
  [500, '{"name":"Error"}', 'ZtmAgentFailed', 'failed with 500. Look at the log of the ZTM agent.'],
  [500, '{"message":', 'ZtmAgentFailed', 'failed with 500: an unreadable error. Look at the log of the ZTM agent.'],
  [500, '<html>', 'ZtmAgentFailed', 'failed with 500: an HTML page. Look at the log of the ZTM agent.'],
  [502, '', 'ZtmAgentFailed', 'failed with 502. The mesh is not joined; join it, or correct meshName.'],
  [
    503,
    'Cannot start the app',
    'ZtmAgentFailed',
    'failed with 503: Cannot start the app. The chat app is not running: the ZTM agent is not connected to a hub, or has no such app.',
  ],
])('status %i with the body %j is explained', async (status, body, name, rest) => {
  const { agent, url } = await answering(status, 'text/plain', body)

  expect(shape(await errorOf(agent.users()))).toEqual({
    name,
    message: `GET ${url}/api/meshes/home/apps/ztm/chat/api/users ${rest}`,
    retryable: status >= 500,
    mayHaveActed: status >= 500,
  })
})

test('what the agent says is shortened, and cannot reach a terminal', async () => {
  const { agent, url } = await answering(500, 'application/json', JSON.stringify({ message: `\u001b[31mred\n\u202e${'x'.repeat(1_000)}` }))

  const { message } = await errorOf(agent.version())

  expect(message).toBe(
    `GET ${url}/api/version failed with 500: \\u{1b}[31mred\\u{a}\\u{202e}${'x'.repeat(190)}…. Look at the log of the ZTM agent.`,
  )
})

test('a body beyond the limit is cut: the server gets rid of little more than the limit', async () => {
  let sentBytes = 0
  let gone: () => void
  const hungUp = new Promise<void>(resolve => {
    gone = resolve
  })
  const { url } = await serve((_, response) => {
    const chunk = Buffer.alloc(65_536, 'x')
    response.writeHead(200)
    const pump = () => {
      while (sentBytes < 100 * MIB) {
        sentBytes += chunk.length
        if (!response.write(chunk)) return void response.once('drain', pump)
      }
      response.end()
    }
    response.on('close', () => gone())
    pump()
  })
  const { agent } = at(url, { limits: { listBytes: 4 * MIB, fileBytes: 2 * MIB, indexBytes: 4 * MIB } })

  expect(shape(await errorOf(agent.fileData('/apps/big.json')))).toEqual({
    name: 'AnswerTooLarge',
    message:
      `GET ${url}/api/meshes/home/file-data/apps/big.json answered more than 2 MiB, and the rest was not read.` +
      ' Raise limits.fileBytes if this is genuine.',
    retryable: false,
    mayHaveActed: true,
  })
  await hungUp
  // The rest is what both ends of a loopback connection buffer.
  expect(sentBytes).toBeLessThan(30 * MIB)
})

test('a body whose announced length is beyond the limit is not read at all, and the file index has its own limit', async () => {
  const { url } = await serve((_, response) => response.writeHead(200, { 'content-length': `${5 * MIB}` }).write(' '))
  const { agent } = at(url, { limits: { listBytes: 64 * MIB, fileBytes: 64 * MIB, indexBytes: 4 * MIB } })

  const error = await errorOf(agent.files({ sinceMs: 0 }, () => {}))

  expect(error.name).toBe('AnswerTooLarge')
  expect(error.message).toContain('limits.indexBytes')
})

test('a body of exactly the limit is an answer', async () => {
  const { url } = await serve((_, response) => response.end('x'.repeat(1_000)))
  const { agent } = at(url, { limits: { listBytes: 1_000, fileBytes: 1_000, indexBytes: 1_000 } })

  expect((await agent.fileData('/a'))?.length).toBe(1_000)
})
