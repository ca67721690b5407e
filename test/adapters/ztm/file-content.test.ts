/** Files on their way, piece by piece, through real HTTP. */
import { createHash } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'
import type { Transport } from '../../../src/adapters/ztm/transport.ts'
import { createUndiciTransport } from '../../../src/adapters/ztm/undici-transport.ts'
import { createMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { agentAt, errorOf } from './agent-at.ts'
import { startServer } from './local-server.ts'

const MB = 1_048_576
const PIECE = 65_536

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})
function at(...options: Parameters<typeof agentAt>) {
  const fixture = agentAt(...options)
  opened.unshift(fixture.agent)
  return fixture
}
async function serve(...answer: Parameters<typeof startServer>) {
  const server = await startServer(...answer)
  opened.push(server)
  return server
}

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).update(String(bytes.length)).digest('hex')

/** No two pieces are alike, so that one in a wrong place shows. */
function* piecesOf(size: number, onPiece = (_: Uint8Array) => {}) {
  for (let at = 0; at < size; at += PIECE) {
    const piece = Buffer.alloc(Math.min(PIECE, size - at), `${at},`)
    onPiece(piece)
    yield piece
  }
}

/** Counts pieces that have come in and that nobody has taken yet. */
function counting(transport: Transport) {
  const open = { now: 0, max: 0 }
  const counted: Transport = {
    ...transport,
    request: ({ onData, ...request }) =>
      transport.request({
        ...request,
        ...(onData && {
          onData(chunk) {
            open.now += 1
            open.max = Math.max(open.max, open.now)
            return Promise.resolve(onData(chunk)).finally(() => {
              open.now -= 1
            })
          },
        }),
      }),
  }
  return { transport: counted, open }
}

/** A server of its own, on a free port. */
async function listening(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  opened.push({ close: async () => void server.close() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Bytes on their way: what has left its source, what has been taken at the other end, and the most that was in between. */
function bytesBetween() {
  const bytes = { read: 0, taken: 0, between: 0 }
  return {
    bytes,
    onPiece(piece: Uint8Array) {
      bytes.read += piece.length
      bytes.between = Math.max(bytes.between, bytes.read - bytes.taken)
    },
    take(piece: Uint8Array) {
      bytes.taken += piece.length
    },
  }
}

/** So often everybody else has a turn before a slow one takes the next piece. */
const TURNS = 20
async function turns() {
  for (let turn = 0; turn < TURNS; turn++) await new Promise(resolve => setImmediate(resolve))
}

test('a file of 20 MB comes back from a mesh as it was put there, and one piece of it at a time waits to be taken', async () => {
  const mesh = createMesh({ clock: systemClock, random: createSeededRandom(1), name: 'home', quirks: CALM })
  const served = await serveAgent(mesh.user('my-bot').agent)
  opened.push(served)
  const { transport, open } = counting(createUndiciTransport())
  const { agent } = at(served.url, { transport })
  const size = 20 * MB

  const hash = await agent.uploadFile({ size, chunks: piecesOf(size) })
  const chunks = await agent.downloadFile('my-bot', hash, size)
  const digest = createHash('sha256')
  let taken = 0
  for await (const chunk of chunks ?? []) {
    digest.update(chunk)
    taken += chunk.length
    await turns()
  }

  expect(taken).toBe(size)
  expect(digest.update(String(size)).digest('hex')).toBe(hash)
  expect(open).toEqual({ now: 0, max: 1 })
})

/** The system's buffers between two sockets hold some MB by themselves. */
describe('of a file of 64 MB there are never 32 on their way', () => {
  const size = 64 * MB

  test('to an agent that is slow to take it', async () => {
    const { bytes, onPiece, take } = bytesBetween()
    const url = await listening(async (incoming, response) => {
      for await (const chunk of incoming) {
        take(chunk)
        await turns()
      }
      response.end('ab'.repeat(32))
    })
    const { agent } = at(url)

    expect((await errorOf(agent.uploadFile({ size, chunks: piecesOf(size, onPiece) }))).name).toBe('MalformedAnswer')

    expect([bytes.read, bytes.taken]).toEqual([size, size])
    expect(bytes.between).toBeLessThan(size / 2)
  })

  test('from the agent to somebody who is slow to take it', async () => {
    const { bytes, onPiece, take } = bytesBetween()
    const url = await listening((_, response) => void pipeline(Readable.from(piecesOf(size, onPiece)), response))
    const { agent } = at(url)

    const chunks = await agent.downloadFile('alice', 'ab'.repeat(32), size)
    const taking = async () => {
      for await (const chunk of chunks ?? []) {
        take(chunk)
        await turns()
      }
    }

    expect((await errorOf(taking())).name).toBe('MalformedAnswer')
    expect([bytes.read, bytes.taken]).toEqual([size, size])
    expect(bytes.between).toBeLessThan(size / 2)
  })
})

describe('a file', () => {
  const content = Buffer.concat([...piecesOf(2 * MB)])
  const hash = hashOf(content)

  test('is told by its length, and not in chunks', async () => {
    const lengths: unknown[] = []
    const server = await serve(({ body }, response, incoming) => {
      lengths.push([incoming.headers['content-length'], incoming.headers['transfer-encoding']])
      response.end(hashOf(body))
    })
    const { agent } = at(server.url)

    await agent.uploadFile({ size: 2, chunks: [Buffer.from('a'), Buffer.from('b')] })
    await agent.uploadFile({ size: 0, chunks: [] })

    expect(lengths).toEqual([
      ['2', undefined],
      ['0', undefined],
    ])
  })

  test('that the agent keeps under the hash of another content ends with an error: whoever reads it would take it for damaged', async () => {
    const server = await serve(({ body }, response) => response.end(hashOf(body.subarray(1))))
    const { agent } = at(server.url)

    expect(await errorOf(agent.uploadFile({ size: content.length, chunks: piecesOf(content.length) }))).toMatchObject({
      name: 'MalformedAnswer',
      message: expect.stringMatching(
        /^POST http.*\/files gave the hash of another content than what was sent: it was changed on its way; send it again\.$/,
      ),
    })
  })

  test('whose source breaks off is not sent: the error is the source’s own', async () => {
    const server = await serve((_, response) => response.end(hash))
    const { agent } = at(server.url)
    async function* broken() {
      yield Buffer.from('a')
      throw new Error('The disk is gone.')
    }

    expect((await errorOf(agent.uploadFile({ size: 2, chunks: broken() }))).message).toBe('The disk is gone.')
    expect(server.requests).toEqual([])
  })

  test('of which all has come in when the connection closes is taken in order', async () => {
    const server = await serve((_, response) => response.writeHead(200, { connection: 'close' }).end(content))
    const { agent } = at(server.url)

    const chunks = await agent.downloadFile('alice', hash, content.length)
    // The server has said all that it has to say.
    await server.seen(1)

    expect((await buffer(chunks!)).equals(content)).toBe(true)
  })

  test.each([
    ['without bytes has none', Buffer.alloc(0)],
    ['of one byte has it', Buffer.from('x')],
  ])('%s', async (_, bytes) => {
    const server = await serve((_, response) => response.writeHead(200).end(bytes))
    const { agent } = at(server.url)
    const chunks = await agent.downloadFile('alice', hashOf(bytes), 1)
    expect((await buffer(chunks!)).equals(bytes)).toBe(true)
  })

  test('that is not what its hash says ends with an error', async () => {
    const server = await serve((_, response) => response.writeHead(200).end(content))
    const { agent } = at(server.url)
    const chunks = await agent.downloadFile('alice', hashOf(Buffer.from('another')), content.length)
    expect(await errorOf(buffer(chunks!))).toMatchObject({
      name: 'MalformedAnswer',
      message: expect.stringMatching(
        /^GET http.*\/files\/alice\/[0-9a-f]{64} gave another content than that of its hash; whoever put it there has to do so again\.$/,
      ),
    })
  })

  test('that breaks off in the middle ends with an error', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, PIECE), () => response.destroy())
    })
    const { agent } = at(server.url)
    const chunks = await agent.downloadFile('alice', hash, content.length)
    expect((await errorOf(buffer(chunks!))).name).toBe('ZtmAgentSilent')
  })

  test('that is larger than allowed ends with an error, and begins with one where its length is told', async () => {
    const server = await serve(({ url }, response) =>
      response.writeHead(200, url.includes('/told/') ? { 'content-length': content.length } : {}).end(content),
    )
    const { agent } = at(server.url)
    expect((await errorOf(agent.downloadFile('told', hash, MB))).name).toBe('AnswerTooLarge')

    const chunks = await agent.downloadFile('alice', hash, MB)
    const { name, message } = await errorOf(buffer(chunks!))
    expect([name, message]).toEqual(['AnswerTooLarge', expect.stringContaining('Raise mediaMaxMb if this is genuine.')])
  })

  test.each([
    [
      'left',
      async (chunks: AsyncIterable<Uint8Array>) => {
        for await (const _ of chunks) break
      },
    ],
    ['given up', async (_: AsyncIterable<Uint8Array>, stop: AbortController) => stop.abort()],
  ])('that is %s in the middle keeps no connection', async (_, end) => {
    const closed = Promise.withResolvers<void>()
    const server = await serve((_, response) => {
      response.once('close', closed.resolve)
      response.writeHead(200, { 'content-length': 64 * MB }).write(content)
    })
    const { agent } = at(server.url)
    const stop = new AbortController()
    const chunks = await agent.downloadFile('alice', hash, 64 * MB, stop.signal)
    await end(chunks!, stop)
    await closed.promise
  })

  test('that nobody reads is given up when the time of the call is over', async () => {
    const server = await serve((_, response) => void response.writeHead(200, { 'content-length': 64 * MB }).write(content))
    const { agent, clock } = at(server.url)
    const chunks = await agent.downloadFile('alice', hash, 64 * MB)
    await clock.advance(30_000)
    expect((await errorOf(buffer(chunks!))).name).toBe('ZtmAgentSilent')
  })
})
