/** Who may write no more writes nothing: what waited for its turn is stopped just before its first byte. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import type { TransportAnswer, TransportRequest } from '../../../src/adapters/ztm/transport.ts'
import { createUndiciTransport } from '../../../src/adapters/ztm/undici-transport.ts'
import { startServer } from './local-server.ts'

/** One connection, whose answers wait until they are asked for. */
async function open() {
  const held: ServerResponse[] = []
  const server = await startServer((request, response) => {
    if (request.method === 'GET') response.end('read')
    else held.push(response)
  })
  const may = { write: true }
  const transport = createUndiciTransport({ connections: { post: 1, read: 1 }, mayWrite: () => may.write })
  onTestFinished(async () => {
    await transport.close()
    await server.close()
  })
  const ask = (method: TransportRequest['method'], path: string, pool: TransportRequest['pool'] = 'post'): Promise<TransportAnswer> =>
    transport.request({
      method,
      url: server.url + path,
      headers: {},
      body: method === 'GET' ? undefined : Buffer.from(path),
      pool,
      signal: new AbortController().signal,
      maxBytes: 1_000,
    } as TransportRequest)
  const answerHeld = async () => {
    const response = held.shift()!
    response.end('done')
    await once(response, 'close')
  }
  const written = () => server.requests.filter(({ method }) => method !== 'GET').map(({ url }) => url)
  return { server, may, ask, answerHeld, written }
}

test.each(['POST', 'DELETE'] as const)(
  'a %s that waits for a free connection while the account is lost is never written, and it is known that it was not',
  async method => {
    const { server, may, ask, answerHeld, written } = await open()
    const first = ask('POST', '/first')
    await server.seen(1)
    const second = ask(method, '/second')

    may.write = false
    await answerHeld()

    const isWritten = server.seen(2).then(() => 'it was written')
    expect(await Promise.race([second.catch((error: unknown) => error), isWritten])).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('it is not ours to write to'),
    })
    expect((await first).status).toBe(200)
    expect(written()).toEqual(['/first'])
  },
)

test('what is written is not called back: its answer comes', async () => {
  const { server, may, ask, answerHeld } = await open()
  const first = ask('POST', '/first')
  await server.seen(1)

  may.write = false
  await answerHeld()

  expect((await first).status).toBe(200)
})

test('reading goes on, also over the connection on which something was not written', async () => {
  const { may, ask, written } = await open()

  may.write = false
  await expect(ask('POST', '/never')).rejects.toMatchObject({ kind: 'unreachable' })

  expect((await ask('GET', '/read', 'read')).status).toBe(200)
  expect((await ask('GET', '/read', 'post')).status).toBe(200)
  expect(written()).toEqual([])
})

test('and whoever may write again does', async () => {
  const { server, may, ask, answerHeld, written } = await open()
  may.write = false
  await expect(ask('POST', '/never')).rejects.toMatchObject({ kind: 'unreachable' })

  may.write = true
  const later = ask('POST', '/later')
  await server.seen(1)
  await answerHeld()

  expect((await later).status).toBe(200)
  expect(written()).toEqual(['/later'])
})
