/**
 * Nothing secret gets out: a bot with every kind of trouble, and with secrets that can be told at sight, is run at each level of the
 * log, and every output is searched.
 */

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { LOG_LEVELS } from '../../../src/adapters/log/pino-log.ts'
import { ConfigInvalid } from '../../../src/domain/errors.ts'
import { loadConfigFile } from '../../../src/runner/config-file.ts'
import { chooseResponder } from '../../../src/runner/responders/choose.ts'
import { createAuthority } from '../../adapters/ztm/certificates.ts'
import { startServer } from '../../adapters/ztm/local-server.ts'
import { botAt, folderInTest, openWorld, run, startInTest, type World, writeConfig } from '../../runner/cli.ts'

const authority = await createAuthority()
const bot = await authority.signs('openclaw-bot')

/** The second line of a PEM text: nothing else looks like it. */
const bodyOf = (pem: string): string => pem.split('\n')[1]!.slice(0, 40)
/** Ours, as a person would write it: its end is beyond whatever is ever shown of a message. */
const text = `Plan Kestrel begins at dawn, ${'and nobody may know of it, '.repeat(12)}says Wren`

type Outputs = Record<string, string>

/** What may show a secret, by design; everything else may not. The log is never among them but for the beginning of a text at debug. */
const SECRETS = (token: string, code: string): readonly { readonly what: string; readonly secret: string; readonly shownIn: RegExp }[] => [
  { what: 'the token of the permit server', secret: 'planted-permit-token', shownIn: NOWHERE },
  { what: 'the key in the permit file', secret: 'planted-file-key', shownIn: NOWHERE },
  { what: 'the key in the permit', secret: 'planted-permit-key', shownIn: NOWHERE },
  { what: 'the certificate in the permit', secret: bodyOf(bot.cert), shownIn: NOWHERE },
  { what: 'our TLS key', secret: bodyOf(bot.key), shownIn: NOWHERE },
  { what: 'a TLS key in the environment', secret: 'planted-environment-key', shownIn: NOWHERE },
  { what: 'a key on the command line of the responder', secret: 'planted-responder-key', shownIn: NOWHERE },
  { what: 'the token of the inspector', secret: token, shownIn: /^events$/ },
  { what: 'the code of a pairing request', secret: code, shownIn: /^(events|pairing list.*|inspector (status|stream))$/ },
  { what: 'the beginning of a message', secret: 'Plan Kestrel', shownIn: /^(explain.*|inspector stream)$/ },
  { what: 'the end of a message', secret: 'says Wren', shownIn: NOWHERE },
]
const NOWHERE = /^$/

/** In front of the bot's agent: now and then an answer with messages comes in half, and is no JSON any more. */
async function cutting(agentUrl: string): Promise<string> {
  let cuts = 3
  const { port } = new URL(agentUrl)
  const proxy = createServer((incoming, outgoing) => {
    const headers: IncomingHttpHeaders = { ...incoming.headers, connection: 'close' }
    const inner = request({ port, path: incoming.url, method: incoming.method, headers }, async answer => {
      const chunks: Buffer[] = []
      for await (const chunk of answer) chunks.push(chunk)
      const whole = Buffer.concat(chunks)
      const isCut = whole.includes('Plan Kestrel') && cuts-- > 0
      outgoing.writeHead(answer.statusCode ?? 500, { 'content-type': 'application/json' })
      outgoing.end(isCut ? whole.subarray(0, -20) : whole)
    })
    inner.on('error', () => outgoing.destroy())
    outgoing.on('close', () => inner.destroy())
    incoming.pipe(inner)
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    proxy.closeAllConnections()
    await new Promise(resolve => proxy.close(resolve))
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

/** A permit server that sends back what it was sent, and a key besides; another one that gives a permit with a key. */
async function permitServers() {
  const echoing = await startServer(({ url, body }, response) =>
    response.writeHead(500).end(`cannot sign for ${url} ${body} -----BEGIN PRIVATE KEY-----planted-permit-key`),
  )
  const permit = { ca: authority.cert, agent: { certificate: bot.cert, privateKey: 'planted-permit-key' }, bootstraps: ['127.0.0.1:1'] }
  const giving = await startServer((_, response) => response.end(JSON.stringify(permit)))
  for (const server of [echoing, giving]) onTestFinished(() => server.close())
  return { echoing, giving }
}

async function configOf(world: World, folder: string) {
  const { echoing, giving } = await permitServers()
  const secret = async (name: string, content: string) => {
    await writeFile(join(folder, name), content, { mode: 0o600 })
    return join(folder, name)
  }
  const files = {
    permit: await secret('permit.json', `{"ca":"","agent":{"privateKey":"planted-file-key"}`),
    key: await secret('key.pem', bot.key),
    cert: await secret('cert.pem', bot.cert),
    noKey: await secret('no-key.pem', `-----BEGIN PRIVATE KEY-----\n${bodyOf(bot.key)}\n-----END PRIVATE KEY-----\n`),
  }
  const elsewhere = botAt(world.url)
  const away = world.url.replace('http:', 'https:')
  return {
    dmPolicy: 'pairing',
    limits: { dispatchAttempts: 2, dispatchBackoffMs: 10, dispatchBackoffMsMax: 10, reconnectMs: 50, reconnectMsMax: 200 },
    accounts: {
      well: { ...botAt(await cutting(world.url)), dmPolicy: 'pairing', allowFrom: ['alice'], feed: 'poll' },
      refused: { ...elsewhere, meshName: 'second', permitUrl: `${echoing.url}/permit?token=planted-permit-token` },
      broken: { ...elsewhere, meshName: 'third', permitFilePath: files.permit },
      given: { ...elsewhere, meshName: 'fourth', permitUrl: `${giving.url}/permit?token=planted-permit-token` },
      remote: { ...elsewhere, agentUrl: away, meshName: 'fifth', tls: { cert: files.cert, key: files.key } },
      keyless: { ...elsewhere, agentUrl: away, meshName: 'sixth', tls: { cert: files.cert, key: files.noKey } },
      hidden: {
        ...elsewhere,
        agentUrl: away,
        meshName: 'seventh',
        tls: { cert: files.cert, key: { source: 'env', provider: 'default', id: 'PLANTED_KEY' } },
      },
    },
  }
}

/** Asks for everything there is to see, and gives back every byte that came. */
async function lookAround(url: string): Promise<Outputs> {
  const { origin, hash } = new URL(url)
  const token = hash.replace('#token=', '')
  const authorization = `Bearer ${token}`
  const page = async (path: string) => (await fetch(`${origin}${path}`, { headers: { authorization } })).text()
  const frames = async (path: string, asked: readonly unknown[], isEnough: (all: string) => boolean) => {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}${path}?token=${token}`)
    onTestFinished(() => socket.terminate())
    let all = ''
    socket.on('message', data => {
      all += `${String(data)}\n`
    })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    for (const one of asked) socket.send(JSON.stringify(one))
    await expect.poll(() => isEnough(all), { timeout: 20_000 }).toBe(true)
    return all
  }
  const chat = { account: 'well', chat: 'peer:alice' }
  const list = { account: 'well', search: '', busyOnly: false, offset: 0, limit: 100 }
  const wanted = (actor: string) => ({ t: 'want', list, actor: { account: 'well', actor }, chat, log: true })
  return {
    'inspector status': await page('/status'),
    'inspector metrics': await page('/metrics'),
    'inspector stream': await frames(
      '/stream',
      [{ t: 'past', ...chat }, wanted('outbox:peer:alice'), wanted('chat:peer:alice'), wanted('pairing:mallory')],
      all => ['"t":"past"', '"overview"', '"lives":[{', '"list"'].every(part => all.includes(part)),
    ),
    'inspector for Stately': await frames('/stately', [], all => all.includes('@xstate.snapshot')),
    'inspector without a token': `${await (await fetch(`${origin}/status`)).text()}${await (await fetch(`${origin}/stream?token=x`)).text()}`,
  }
}

const printed = async (...args: readonly string[]): Promise<string> => {
  const { out, err } = await run(args)
  return `${out.join('\n')}\n${err}`
}

describe('secrets', { timeout: 120_000 }, () => {
  test.each(LOG_LEVELS)('with the log at %s, no output shows one', async level => {
    const [world, folder] = await Promise.all([openWorld(), folderInTest()])
    const config = await writeConfig(folder, await configOf(world, folder))
    const at = ['--config', config, '--state-dir', join(folder, 'state')]
    const env = { ZTM_CHAT_LOG_LEVEL: level, PLANTED_KEY: `-----BEGIN PRIVATE KEY-----\nplanted-environment-key\n` }
    // It quotes what it was asked, and fails.
    const responder = 'exec:KEY=planted-responder-key cat >&2; echo planted-responder-key > /dev/null; exit 3'
    const runner = startInTest(['run', ...at, '--json', '--inspect', '--responder', responder], { env })
    const isIn = (account: string, ...states: readonly string[]) =>
      runner.line(line => line['account'] === account && states.includes(String(line['state'])))
    await world.says('alice', text)
    await world.says('mallory', `let me in, ${text}`)
    const { url } = await runner.line(({ event }) => event === 'inspector')
    const { code } = await runner.line(line => line.event === 'pairing' && line['state'] === 'pending')
    const { id } = await runner.line(({ event }) => event === 'dead-letter')
    await Promise.all(['refused', 'remote'].map(account => isIn(account, 'degraded')))
    // It has joined, and finds out after ten seconds that it got nowhere.
    await isIn('given', level === 'debug' ? 'degraded' : 'joining')
    await Promise.all(['broken', 'keyless', 'hidden'].map(account => isIn(account, 'blocked')))

    const outputs: Outputs = await lookAround(String(url))
    outputs['status --json'] = await printed('status', ...at, '--json')
    outputs['explain --json'] = await printed('explain', String(id), ...at, '--json')
    // The level of the log is that of the runner: the other forms are the same at each.
    if (level === 'debug') {
      outputs['status'] = await printed('status', ...at)
      outputs['explain'] = await printed('explain', '--chat', 'alice', ...at)
      outputs['pairing list'] = await printed('pairing', 'list', ...at)
      outputs['pairing list --json'] = await printed('pairing', 'list', ...at, '--json')
      for (const command of ['doctor', 'chats', 'users', 'groups']) outputs[command] = await printed(command, ...at, '--json')
      outputs['deadletter list'] = await printed('deadletter', 'list', ...at, '--json')
    }
    const { out, err } = await runner.stop()
    outputs['events'] = out.join('\n')
    outputs['log'] = err

    // It was there to be seen.
    expect(outputs['explain --json']).toContain('Plan Kestrel')
    expect(outputs['explain --json']).toMatch(/exec:cat … failed with exit code 3: .*\[text\]/)
    expect(outputs['status --json']).toContain('"pendingPairings":1')
    expect(outputs['status --json']).toContain('***')
    if (level !== 'error') expect(outputs['log']).toContain('[PEM]')
    const token = new URL(String(url)).hash.replace('#token=', '')
    for (const { what, secret, shownIn } of SECRETS(token, String(code))) {
      const shown = Object.entries(outputs).flatMap(([name, output]) => (output.includes(secret) ? [name] : []))
      expect(
        shown.filter(name => !shownIn.test(name)),
        what,
      ).toEqual([])
    }
    expect(await filesWith(join(folder, 'state'), ['planted-', bodyOf(bot.key), token])).toEqual([])
  })

  test.each<[string, string]>([
    ['bad.json5', `{ meshName: 'home', username: 'b', permitUrl: 'http://user:planted@far.example/?token=planted' }`],
    ['bad.json5', `{ meshName: 'home', username: 'b', agentUrl: 'https://user:planted@far.example/?token=planted' }`],
    ['bad.json5', `{ meshName: 'home', username: 'b', tls: { key: ['planted'], cert: '-----BEGIN PRIVATE KEY-----planted' } }`],
    ['bad.json5', `{ meshName: 'home', username: 'b', tls: { key: { source: 'env', provider: 'x', id: 'y', value: 'planted' } } }`],
    ['bad.json5', `{ meshName: 'home', tls: { key: 'planted" } }`],
    ['bad.json5', `{ meshName: 'home', username: '-----BEGIN PRIVATE KEY----- planted' }`],
    ['bad.json5', `{ meshName: 'home', username: 'b', tls: 'planted' }`],
    ['bad.yaml', `meshName: home\ntls: {key: "planted\n  cert: planted`],
    ['bad.json', `{ "tls": { "key": planted } }`],
  ])('a config that is refused is not quoted where it may hold one: %s, %s', async (name, content) => {
    const error = await loadConfigFile(await writeConfig(await folderInTest(), content, name)).catch((refused: unknown) => refused)

    expect(error).toBeInstanceOf(ConfigInvalid)
    expect(String(error)).not.toContain('planted')
  })

  test.each(['https//user:planted@far.example/?token=planted', 'ftp://user:planted@far.example/?token=planted'])(
    'a responder that is refused is not quoted where it may hold one: %s',
    spec => {
      expect(() => chooseResponder(spec)).toThrow(/^--responder is "[^"]*\*\*\*"/)
      expect(() => chooseResponder(spec)).not.toThrow('planted')
    },
  )
})

/** State files that hold one of these. */
async function filesWith(folder: string, secrets: readonly string[]): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true })
  const found: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const content = await readFile(join(entry.parentPath, entry.name), 'utf8')
    if (secrets.some(secret => content.includes(secret))) found.push(entry.name)
  }
  return found
}
