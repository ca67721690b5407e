/** The permit, from the server and from the file: every way it can fail, with what the operator is told. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { permitSource } from '../../../src/adapters/ztm/account-agent.ts'
import { fetchPermit } from '../../../src/adapters/ztm/permit-server.ts'
import { createUndiciTransport } from '../../../src/adapters/ztm/undici-transport.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import { errorOf, shape } from './agent-at.ts'
import { createAuthority } from './certificates.ts'
import { closedPort, json, type LocalServer, startServer } from './local-server.ts'

const NOW_MS = Date.UTC(2026, 10, 24)
const TOKEN = 'planted-token'

const mesh = await createAuthority('mesh')
const publicAuthority = await createAuthority('public')
const bot = await mesh.signs('my-bot')
const over = await mesh.signs('my-bot', { notAfter: '2026-11-23' })
const dave = await mesh.signs('dave')

const permitWith = (certificate: string, more: Readonly<Record<string, unknown>> = {}) => ({
  ca: mesh.cert,
  agent: { certificate, labels: [], ...more },
  bootstraps: ['hub:8888'],
  note: { kept: true },
})
const good = permitWith(bot.cert)

type Answer = Parameters<typeof startServer>[0]

async function serve(answer: Answer, tls?: Parameters<typeof startServer>[1]): Promise<LocalServer> {
  const server = await startServer(answer, tls)
  onTestFinished(() => server.close())
  return server
}

/** What an account with these options gets for the identity of its agent. */
function ask(options: Readonly<Record<string, unknown>>, publicKey = bot.publicKey) {
  const clock = createVirtualClock(NOW_MS)
  const { accounts } = parseConfig({ meshName: 'home', username: 'my-bot', ...options })
  const stop = new AbortController()
  return { clock, stop, permit: permitSource(clock)(accounts[0]!, publicKey, stop.signal) }
}

const failure = async (options: Readonly<Record<string, unknown>>, publicKey?: string) =>
  shape(await errorOf(ask(options, publicKey).permit))

describe('the permit server', () => {
  test('is given key and name, and its permit is kept as it is', async () => {
    const server = await serve((_, response) => json(response, good))

    expect(await ask({ permitUrl: `${server.url}/permit?mesh=home` }).permit).toEqual(good)

    expect(server.requests).toEqual([
      {
        method: 'POST',
        url: '/permit?mesh=home',
        contentType: 'application/json',
        body: Buffer.from(JSON.stringify({ PublicKey: bot.publicKey, UserName: 'my-bot' })),
      },
    ])
  })

  test.each(['the agent’s own authority', 'a public authority'])('may be signed by %s: one is trusted besides the other', async by => {
    const ca = join(await folderInTest(), 'ca.pem')
    await writeFile(ca, mesh.cert)
    const before = getCACertificates()
    onTestFinished(() => setDefaultCACertificates(before))
    setDefaultCACertificates([publicAuthority.cert])
    const signer = by === 'a public authority' ? publicAuthority : mesh
    const server = await serve((_, response) => json(response, good), await signer.signs('permits'))

    expect(await ask({ agentUrl: 'https://agent.example', tls: { ca }, permitUrl: server.url }).permit).toEqual(good)
  })

  const json_ =
    (value: unknown, status?: number): Answer =>
    (_, response) =>
      json(response, value, status)
  const text =
    (status: number, body: string): Answer =>
    (_, response) =>
      response.writeHead(status).end(body)
  const URL_WRONG = 'Is permitUrl the address of the permit server?'
  const NEW = "ask the mesh's owner for a new one"
  const GAVE = 'The permit that POST URL/permit gave'

  // One that is retryable is asked for again with backoff; the rest is shown as blocked, and looked at again after some minutes.
  test.each<[string, Answer, string, string, boolean]>([
    [
      '401',
      text(401, ''),
      'ZtmAgentRefused',
      'POST URL/permit was refused with 401. The permit server does not let this machine in; ask its owner.',
      false,
    ],
    [
      '403 with its reason',
      text(403, 'unknown user'),
      'ZtmAgentRefused',
      'POST URL/permit was refused with 403: unknown user. The permit server refuses this user; ask its owner, or correct username.',
      false,
    ],
    ['404', text(404, 'Not Found'), 'ZtmAgentRefused', `POST URL/permit was refused with 404: Not Found. ${URL_WRONG}`, false],
    ['405', text(405, ''), 'ZtmAgentRefused', `POST URL/permit was refused with 405. ${URL_WRONG}`, false],
    ['429', text(429, ''), 'ZtmAgentRefused', 'POST URL/permit was refused with 429. Look at the log of the permit server.', false],
    [
      'an error that sends the query back',
      text(400, `Cannot POST /permit?token=${TOKEN}`),
      'ZtmAgentRefused',
      'POST URL/permit was refused with 400: Cannot POST /permit?***. Look at the log of the permit server.',
      false,
    ],
    [
      'an error that holds a key',
      json_({ message: `cannot sign ${bot.key}` }, 500),
      'ZtmAgentFailed',
      'POST URL/permit failed with 500: cannot sign [PEM]. Look at the log of the permit server.',
      true,
    ],
    ['500', text(500, ''), 'ZtmAgentFailed', 'POST URL/permit failed with 500. Look at the log of the permit server.', true],
    [
      '503 of a proxy',
      text(503, '<html><head><title>503 Service Unavailable</title>'),
      'ZtmAgentFailed',
      'POST URL/permit failed with 503: an HTML page ("503 Service Unavailable"). Look at the log of the permit server.',
      true,
    ],
    [
      'a page',
      text(200, '<!doctype html><p>hi'),
      'PermitUnusable',
      `POST URL/permit answered an HTML page where JSON is due. ${URL_WRONG}`,
      false,
    ],
    [
      'no JSON',
      text(200, 'welcome'),
      'PermitUnusable',
      `POST URL/permit answered 7 bytes of something else where JSON is due. ${URL_WRONG}`,
      false,
    ],
    [
      'half of a permit',
      (_, response) => response.end(`{"ca":"${TOKEN}","agent":{"certificate":"`),
      'PermitUnusable',
      `POST URL/permit answered 46 bytes of something else where JSON is due. ${URL_WRONG}`,
      false,
    ],
    [
      'nothing',
      text(200, ''),
      'PermitUnusable',
      'POST URL/permit answered with an empty body where JSON is due; the permit server is probably not well.',
      false,
    ],
    ['another place', text(302, ''), 'PermitUnusable', `POST URL/permit answered 302 in place of 200 or 201. ${URL_WRONG}`, false],
    ['a list', json_([]), 'PermitUnusable', `${GAVE} lacks ca, agent.certificate or bootstraps; ${NEW}.`, false],
    [
      'no bootstraps',
      json_({ ...good, bootstraps: [] }),
      'PermitUnusable',
      `${GAVE} lacks ca, agent.certificate or bootstraps; ${NEW}.`,
      false,
    ],
    [
      'a certificate that is none',
      json_(permitWith('garbage')),
      'PermitUnusable',
      `${GAVE} has a certificate that cannot be read; ${NEW}.`,
      false,
    ],
    [
      'a permit for somebody else',
      json_(permitWith(dave.cert)),
      'PermitUnusable',
      `${GAVE} is for the user "dave", but username is "my-bot"; ask the mesh's owner for one for "my-bot", or correct username.`,
      false,
    ],
    [
      'a permit that is over',
      json_(permitWith(over.cert)),
      'PermitUnusable',
      `${GAVE} has a certificate that expired on 2026-11-23; ${NEW}.`,
      false,
    ],
    [
      'too much',
      (_, response) => response.end(Buffer.alloc(1_048_577, ' ')),
      'AnswerTooLarge',
      `POST URL/permit answered more than 1 MiB, and the rest was not read. ${URL_WRONG}`,
      false,
    ],
    [
      'a broken connection',
      (_, response) => response.socket?.destroy(),
      'ZtmAgentSilent',
      'POST URL/permit got no whole answer (connection closed). Try again later, or put the permit into a file (permitSource "file").',
      true,
    ],
  ])('that answers %s', async (_, answer, name, message, retryable) => {
    const { url } = await serve(answer)

    const told = await failure({ permitUrl: `${url}/permit?token=${TOKEN}` })

    expect(told).toMatchObject({ name, message: message.replace('URL', url), retryable })
  })

  test('that is not there', async () => {
    const url = await closedPort()

    expect(await failure({ permitUrl: `${url}/permit?token=${TOKEN}` })).toEqual({
      name: 'ZtmAgentUnreachable',
      message: `POST ${url}/permit got no answer (connection refused). Is the permit server running there?`,
      retryable: true,
      mayHaveActed: false,
    })
  })

  test('whose certificate nobody knows', async () => {
    const { url } = await serve(json_(good), await mesh.signs('permits'))

    expect((await failure({ permitUrl: `${url}/permit` })).message).toBe(
      `POST ${url}/permit got no answer (its certificate comes from no authority that is trusted here: unable to verify the first certificate).` +
        ' Add the authority that signed it to tls.ca.',
    )
  })

  test('that hangs is given up by the given clock', async () => {
    const server = await serve(() => {})
    const { clock, permit } = ask({ permitUrl: `${server.url}/permit` })
    const error = errorOf(permit)
    await server.seen(1)

    await clock.advance(30_000)

    expect(shape(await error)).toEqual({
      name: 'ZtmAgentSilent',
      message:
        `POST ${server.url}/permit got no whole answer within 30 s.` +
        ' Try again later, or put the permit into a file (permitSource "file").',
      retryable: true,
      mayHaveActed: true,
    })
  })

  test('that hangs is let go at a stop', async () => {
    const server = await serve(() => {})
    const { stop, permit } = ask({ permitUrl: `${server.url}/permit` })
    const error = errorOf(permit)
    await server.seen(1)

    stop.abort()

    expect((await error).name).toBe('ZtmAgentSilent')
  })

  test.each([
    'http://permits.example/',
    'http://10.0.0.1/',
    'http://localhost.example/',
    'http://127.0.0.1.example/',
    'ftp://localhost/',
    'permit',
    '',
  ])('at %j is not asked, and not quoted: keys go over TLS, or stay on this machine', async url => {
    const transport = createUndiciTransport()
    onTestFinished(() => transport.close())
    const request = { url, publicKey: 'PEM', username: 'bot', timeoutMs: 30_000, clock: createVirtualClock(0), transport }

    const { name, message } = await errorOf(fetchPermit(request))

    expect(name).toBe('ConfigInvalid')
    expect(message).toBe('permitUrl is no https URL; expected https://..., or http:// on this machine alone.')
  })
})

async function folderInTest(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-permit-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('the permit file', () => {
  const NEW = "ask the mesh's owner for a new one"
  const other = JSON.stringify(permitWith(dave.cert))

  test('is kept as it is', async () => {
    const path = await written(JSON.stringify(good))

    expect(await ask({ permitFilePath: path }).permit).toEqual(good)
  })

  test.each<[string, string | ((path: string) => Promise<unknown>), string]>([
    ['is missing', path => rm(path), 'does not exist; correct the path, or put the file there.'],
    ['is a folder', path => rm(path).then(() => mkdir(path)), 'is a folder; name a file.'],
    [
      'everybody can read',
      path => chmod(path, 0o644),
      'can be read by every user of this machine (mode 0644); make it yours alone: chmod 600.',
    ],
    ['is far too large', path => writeFile(path, Buffer.alloc(1_048_577)), 'has 1048577 bytes, far too many; name the right file.'],
    ['is empty', '', `is no JSON; ${NEW}.`],
    ['is no JSON', `-----BEGIN PRIVATE KEY-----\n${TOKEN}`, `is no JSON; ${NEW}.`],
    ['is a text', '"permit"', `lacks ca, agent.certificate or bootstraps; ${NEW}.`],
    ['is half a permit', JSON.stringify({ ...good, ca: '' }), `lacks ca, agent.certificate or bootstraps; ${NEW}.`],
    ['has a broken certificate', JSON.stringify(permitWith(TOKEN)), `has a certificate that cannot be read; ${NEW}.`],
    [
      'is for somebody else',
      other,
      `is for the user "dave", but username is "my-bot"; ask the mesh's owner for one for "my-bot", or correct username.`,
    ],
    ['is over', JSON.stringify(permitWith(over.cert)), `has a certificate that expired on 2026-11-23; ${NEW}.`],
  ])('that %s', async (_, spoil, rest) => {
    const path = await written(typeof spoil === 'string' ? spoil : JSON.stringify(good))
    if (typeof spoil !== 'string') await spoil(path)

    expect(await failure({ permitFilePath: path })).toEqual({
      name: 'PermitUnusable',
      message: `The permit file ${path} ${rest}`,
      retryable: false,
      mayHaveActed: false,
    })
  })

  test('that was made for the key of another agent', async () => {
    const path = await written(JSON.stringify(good))

    expect((await failure({ permitFilePath: path }, dave.publicKey)).message).toBe(
      `The permit file ${path} was made for the key of another ZTM agent; ask the mesh's owner for one for the identity of this one.`,
    )
  })

  test('that brings a key of its own needs no key of the agent', async () => {
    const whole = permitWith(bot.cert, { privateKey: bot.key })

    expect(await ask({ permitFilePath: await written(JSON.stringify(whole)) }, dave.publicKey).permit).toEqual(whole)
  })
})

/** A file of this user alone. */
async function written(text: string): Promise<string> {
  const path = join(await folderInTest(), 'permit.json')
  await writeFile(path, text, { mode: 0o600 })
  return path
}
