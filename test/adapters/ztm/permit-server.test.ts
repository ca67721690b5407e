import { afterEach, expect, test } from 'vitest'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { fetchPermit } from '../../../src/adapters/ztm/permit-server.ts'
import { createUndiciTransport } from '../../../src/adapters/ztm/undici-transport.ts'
import { ZtmAgentSilent } from '../../../src/domain/errors.ts'
import { errorOf, shape } from './agent-at.ts'
import { closedPort, json, type LocalServer, startServer } from './local-server.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

async function serve(...answer: Parameters<typeof startServer>): Promise<LocalServer> {
  const server = await startServer(...answer)
  opened.push(server)
  return server
}

function ask(url: string) {
  const transport = createUndiciTransport()
  opened.unshift(transport)
  const clock = createVirtualClock(0)
  return { clock, permit: fetchPermit({ url, publicKey: 'PEM', username: 'bot', timeoutMs: 30_000, clock, transport }) }
}
const failure = async (url: string) => shape(await errorOf(ask(url).permit))

const permit = { ca: 'CA', agent: { certificate: 'CERT', labels: [] }, bootstraps: ['hub:8888'], note: { kept: true } }

test('the permit server is given key and name, and its permit is kept as it is', async () => {
  const server = await serve((_, response) => json(response, permit))

  expect(await ask(`${server.url}/permit?mesh=home`).permit).toEqual(permit)

  expect(server.requests).toEqual([
    {
      method: 'POST',
      url: '/permit?mesh=home',
      contentType: 'application/json',
      body: Buffer.from('{"PublicKey":"PEM","UserName":"bot"}'),
    },
  ])
})

test('nobody there, a refusal, a failure, a page and half a permit are one sentence each', async () => {
  const nobody = await closedPort()
  const refusing = await serve((_, response) => response.writeHead(403).end('unknown user'))
  const failing = await serve((_, response) => response.writeHead(500).end('<html>'))
  const page = await serve((_, response) => response.end('<html>'))
  const half = await serve((_, response) => json(response, { ...permit, bootstraps: [] }))
  const other = await serve((_, response) => json(response, []))

  expect(await failure(`${nobody}/permit?token=secret`)).toEqual({
    name: 'ZtmAgentUnreachable',
    message: `POST ${nobody}/permit got no answer (connection refused). Is the permit server running there?`,
    retryable: true,
    mayHaveActed: false,
  })
  expect(await failure(`${refusing.url}/permit`)).toEqual({
    name: 'ZtmAgentRefused',
    message: `POST ${refusing.url}/permit was refused with 403: unknown user. The permit server refuses this user; ask its owner, or correct username.`,
    retryable: false,
    mayHaveActed: false,
  })
  expect((await failure(failing.url)).message).toBe(
    `POST ${failing.url}/ failed with 500: an HTML page. Look at the log of the permit server.`,
  )
  expect((await failure(page.url)).message).toBe(
    `POST ${page.url}/ answered an HTML page where JSON is due. Is permitUrl the address of the permit server?`,
  )
  expect((await failure(half.url)).message).toContain('an unusable bootstraps')
  expect((await failure(other.url)).message).toContain('something unusable (expected object, received array)')
})

test('a permit server that does not answer is given up by the given clock', async () => {
  const server = await serve(() => {})
  const { clock, permit: asked } = ask(server.url)
  const error = errorOf(asked)
  await server.seen(1)

  await clock.advance(30_000)

  expect(await error).toBeInstanceOf(ZtmAgentSilent)
})

test.each([
  'http://permits.example/',
  'http://10.0.0.1/',
  'http://localhost.example/',
  'http://127.0.0.1.example/',
  'ftp://localhost/',
  'permit',
  '',
])('the URL %j is refused, unquoted: keys go over TLS, or stay on this machine', async url => {
  const { name, message } = await failure(url)

  expect(name).toBe('ConfigInvalid')
  expect(message).toBe('permitUrl is no https URL; expected https://..., or http:// on this machine alone.')
})
