import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { openAccountAgent } from '../../../src/adapters/ztm/account-agent.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import { ConfigInvalid } from '../../../src/domain/errors.ts'
import { peerChat } from '../../../src/domain/ids.ts'
import { errorOf, shape } from './agent-at.ts'
import { createAuthority, encryptedKey, type Identity } from './certificates.ts'
import { json, startServer } from './local-server.ts'

const ours = await createAuthority('our authority')
const theirs = await createAuthority('their authority')
const server = await ours.signs('agent')
const elsewhere = await ours.signs('agent', { hosts: ['agent.example', '10.0.0.1'] })
const over = await ours.signs('agent', { notAfter: '2021-06-01' })
const early = await ours.signs('agent', { notBefore: '2090-01-01' })
const client = await ours.signs('my-bot')
const overClient = await ours.signs('my-bot', { notAfter: '2021-06-01' })
const stranger = await theirs.signs('my-bot')
const locked = await encryptedKey()

type Tls = { readonly ca?: string; readonly cert?: string; readonly key?: string }
const us: Tls = { ca: ours.cert, cert: client.cert, key: client.key }

async function folderInTest(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-tls-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The client as an account has it, with the texts in files as an operator would have them. */
async function agentWith(agentUrl: string, texts: Tls) {
  const folder = await folderInTest()
  const tls: Record<string, string> = {}
  for (const [part, text] of Object.entries(texts)) {
    tls[part] = join(folder, `${part}.pem`)
    await writeFile(tls[part], text, { mode: 0o600 })
  }
  const { accounts } = parseConfig({ agentUrl, meshName: 'home', username: 'my-bot', tls })
  const agent = openAccountAgent(accounts[0]!, createVirtualClock(0), null)
  onTestFinished(() => agent.close())
  return agent
}

/** A server that wants to see a certificate of our authority. */
async function serveTls(identity: Identity, options: TlsOptions = {}) {
  const started = await startServer((_, response) => json(response, ['alice']), {
    ...identity,
    ca: ours.cert,
    requestCert: true,
    rejectUnauthorized: true,
    ...options,
  })
  onTestFinished(() => started.close())
  return started
}

/** The superuser may read everything, so it steps down for a moment. */
function asNobody(run: () => void): void {
  const isSuperuser = process.getuid?.() === 0
  if (isSuperuser) process.seteuid?.(65_534)
  try {
    run()
  } finally {
    if (isSuperuser) process.seteuid?.(0)
  }
}

const route = (url: string) => `GET ${url}/api/meshes/home/apps/ztm/chat/api/users`

describe.each(['TLSv1.3', 'TLSv1.2'] as const)('mutual %s', maxVersion => {
  test('reaches an agent that demands a certificate of ours', async () => {
    const { url, requests } = await serveTls(server, { maxVersion })
    const agent = await agentWith(url, us)

    expect(await agent.users()).toEqual(['alice'])
    expect(requests).toHaveLength(1)
  })

  test.each<[string, Identity, Tls, string]>([
    [
      'from another authority',
      server,
      { ...us, ca: theirs.cert },
      '(its certificate comes from no authority that is trusted here: self-signed certificate in certificate chain).' +
        ' Add the authority that signed it to tls.ca.',
    ],
    [
      'from an authority of nobody’s',
      server,
      { cert: client.cert, key: client.key },
      '(its certificate comes from no authority that is trusted here: self-signed certificate in certificate chain).' +
        ' Add the authority that signed it to tls.ca.',
    ],
    [
      'of another host',
      elsewhere,
      us,
      '(its certificate is for agent.example, 10.0.0.1, not for 127.0.0.1).' +
        ' Set agentUrl to a host that is in the certificate, or have one made for this host.',
    ],
    [
      'that has expired',
      over,
      us,
      '(its certificate has expired). Have it renewed where the ZTM agent runs, and look at the clock of this machine.',
    ],
    [
      'that is not valid yet',
      early,
      us,
      '(its certificate is not valid yet). Have it renewed where the ZTM agent runs, and look at the clock of this machine.',
    ],
  ])('tells of a server certificate %s, and sends nothing', async (_, identity, tls, rest) => {
    const { url, requests } = await serveTls(identity, { maxVersion })
    const agent = await agentWith(url, tls)

    expect(shape(await errorOf(agent.users()))).toEqual({
      name: 'ZtmAgentUnreachable',
      message: `${route(url)} got no answer ${rest}`,
      retryable: true,
      mayHaveActed: false,
    })
    expect(requests).toEqual([])
  })

  test.each<[string, Tls, string]>([
    ['none', { ca: ours.cert }, '). If it demands a client certificate, set tls.cert and tls.key.'],
    [
      'one of an unknown authority',
      { ca: ours.cert, ...stranger },
      '). Set tls.cert and tls.key to a certificate that is still valid and comes from an authority that it trusts.',
    ],
    [
      'one that has expired',
      { ca: ours.cert, ...overClient },
      '; our own certificate expired on 2021-06-01).' +
        ' Set tls.cert and tls.key to a certificate that is still valid and comes from an authority that it trusts.',
    ],
  ])('tells of a client certificate that is refused: %s', async (_, { ca, cert, key }, rest) => {
    const { url, requests } = await serveTls(server, { maxVersion })
    const agent = await agentWith(url, { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) })

    const { message } = await errorOf(agent.users())

    expect(message.startsWith(`${route(url)} got no `)).toBe(true)
    expect(message.endsWith(rest)).toBe(true)
    expect(message).toContain('the TLS handshake')
    expect(requests).toEqual([])
  })
})

test.each([
  [42, 'bad certificate'],
  [43, 'unsupported certificate'],
  [44, 'certificate revoked'],
  [45, 'certificate expired'],
  [46, 'certificate unknown'],
  [48, 'unknown ca'],
  [49, 'access denied'],
])('the TLS alert %i, "%s", is about our certificate', async (alert, words) => {
  const { url } = await alerting(alert)
  const agent = await agentWith(url, us)

  expect((await errorOf(agent.users())).message).toBe(
    `${route(url)} got no answer (it broke off the TLS handshake with "${words}").` +
      ' Set tls.cert and tls.key to a certificate that is still valid and comes from an authority that it trusts.',
  )
})

test('the TLS alert 40, "handshake failure", asks for a client certificate where there is none', async () => {
  const { url } = await alerting(40)
  const agent = await agentWith(url, { ca: ours.cert })

  expect((await errorOf(agent.users())).message).toBe(
    `${route(url)} got no answer (it broke off the TLS handshake with "handshake failure").` +
      ' If it demands a client certificate, set tls.cert and tls.key.',
  )
})

test('the TLS alert 70, "protocol version", is not about certificates', async () => {
  const { url } = await alerting(70)
  const agent = await agentWith(url, us)

  expect((await errorOf(agent.users())).message).toBe(
    `${route(url)} got no answer (it broke off the TLS handshake with "protocol version").` +
      ' Is agentUrl right, its "https" and its port above all?',
  )
})

/** Answers whatever it gets with a fatal alert. */
async function alerting(alert: number): Promise<{ url: string }> {
  const listener = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, alert])))
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void listener.close())
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `https://127.0.0.1:${address.port}` }
}

test('a proxy that answers a missing client certificate with a page of its own is understood', async () => {
  const page = '<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>'
  const { url, close } = await startServer((_, response) => response.writeHead(400, { 'content-type': 'text/html' }).end(page), server)
  onTestFinished(close)
  const agent = await agentWith(url, { ca: ours.cert })

  expect((await errorOf(agent.users())).message).toBe(
    `${route(url)} was refused with 400: an HTML page ("400 No required SSL certificate was sent").` +
      ' If it demands a client certificate, set tls.cert and tls.key.',
  )
})

test('an agent that took our certificate before, and drops a connection, is not suspected of refusing it', async () => {
  const { url, close } = await startServer(
    (_, response, __, nth) => (nth === 1 ? json(response, ['alice']) : response.socket?.destroy()),
    server,
  )
  onTestFinished(close)
  const agent = await agentWith(url, us)
  await agent.users()

  const { message } = await errorOf(agent.post(peerChat('alice'), { text: 'hello' }))

  expect(message).toContain('(connection closed). Is the ZTM agent still running')
})

describe('files of TLS that cannot be used', () => {
  test.each<[string, Tls, readonly string[]]>([
    [
      'a ca without a certificate',
      { ca: 'garbage' },
      ['tls.ca of account "default" holds no certificate; expected PEM ("-----BEGIN CERTIFICATE-----").'],
    ],
    [
      'a damaged certificate',
      { ...us, cert: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
      ['tls.cert of account "default" holds a certificate that cannot be read; have it made again.'],
    ],
    [
      'a certificate in place of the key',
      { ...us, key: client.cert },
      ['tls.key of account "default" is no private key; expected PEM ("-----BEGIN PRIVATE KEY-----").'],
    ],
    ['an encrypted key', { ...us, ...locked }, ['tls.key of account "default" is encrypted; expected a key without a passphrase.']],
    [
      'the key of another certificate',
      { ...us, key: stranger.key },
      ['tls.key of account "default" does not belong to tls.cert; set the key that the certificate was made for.'],
    ],
    [
      'all of them at once',
      { ca: 'garbage', cert: 'garbage', key: 'garbage' },
      [
        'tls.ca of account "default" holds no certificate; expected PEM ("-----BEGIN CERTIFICATE-----").',
        'tls.cert of account "default" holds no certificate; expected PEM ("-----BEGIN CERTIFICATE-----").',
        'tls.key of account "default" is no private key; expected PEM ("-----BEGIN PRIVATE KEY-----").',
      ],
    ],
  ])('%s', async (_, texts, problems) => {
    const error = await errorOf(agentWith('https://127.0.0.1:1', texts))

    expect(error).toBeInstanceOf(ConfigInvalid)
    expect((error as ConfigInvalid).problems).toEqual(problems)
    expect(error.message).not.toContain('PRIVATE KEY-----\n')
  })

  test.each<[string, (path: string) => Promise<unknown>, string]>([
    ['is missing', path => rm(path), 'does not exist; correct the path, or put the file there.'],
    ['is a folder', path => rm(path).then(() => mkdir(path)), 'is a folder; name a file.'],
    [
      'everybody can read',
      path => chmod(path, 0o644),
      'can be read by every user of this machine (mode 0644); make it yours alone: chmod 600.',
    ],
    ['is far too large', path => writeFile(path, Buffer.alloc(1_048_577)), 'has 1048577 bytes, far too many; name the right file.'],
  ])('a key that %s', async (_, spoil, rest) => {
    const folder = await folderInTest()
    const key = join(folder, 'key.pem')
    await writeFile(key, client.key, { mode: 0o600 })
    await spoil(key)
    const { accounts } = parseConfig({ agentUrl: 'https://a.example', meshName: 'home', username: 'b', tls: { cert: client.cert, key } })

    expect(() => openAccountAgent(accounts[0]!, createVirtualClock(0), null)).toThrow(
      new ConfigInvalid([`tls.key of account "default", ${key}, ${rest}`]),
    )
  })

  test('a key that this user may not read', async () => {
    const folder = await folderInTest()
    await chmod(folder, 0o755)
    const key = join(folder, 'key.pem')
    await writeFile(key, client.key, { mode: 0 })
    const { accounts } = parseConfig({ agentUrl: 'https://a.example', meshName: 'home', username: 'b', tls: { cert: client.cert, key } })

    expect(() => asNobody(() => openAccountAgent(accounts[0]!, createVirtualClock(0), null))).toThrow(
      new ConfigInvalid([`tls.key of account "default", ${key}, may not be read by this user; give it the right to (chmod u+r).`]),
    )
  })

  test('a certificate may be read by everybody', async () => {
    const folder = await folderInTest()
    const ca = join(folder, 'ca.pem')
    await writeFile(ca, ours.cert, { mode: 0o644 })
    const { accounts } = parseConfig({ agentUrl: 'https://a.example', meshName: 'home', username: 'b', tls: { ca } })

    await openAccountAgent(accounts[0]!, createVirtualClock(0), null).close()
  })
})
