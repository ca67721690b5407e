/** A bot whose agent is on another machine: over mutual TLS, as an operator would set it up. */
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createAuthority, type Identity } from '../adapters/ztm/certificates.ts'
import { botAt, folderInTest, isLive, isSent, openWorld, run, startInTest, writeConfig } from './cli.ts'

const authority = await createAuthority()
const server = await authority.signs('agent')
const bot = await authority.signs('openclaw-bot')

/** Takes TLS off, and the certificate of whoever comes; the ZTM agent itself speaks plain HTTP. */
async function inFrontOf(agentUrl: string, identity: Identity): Promise<string> {
  const { port } = new URL(agentUrl)
  const proxy = createServer({ ...identity, ca: authority.cert, requestCert: true, rejectUnauthorized: true }, socket => {
    const inner = connect(Number(port), '127.0.0.1')
    for (const end of [socket, inner]) end.on('error', () => {})
    socket.pipe(inner).pipe(socket)
    socket.on('close', () => inner.destroy())
    inner.on('close', () => socket.destroy())
  })
  proxy.on('tlsClientError', () => {})
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  return `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

async function pemFiles(folder: string, texts: Readonly<Record<string, string>>) {
  const paths = Object.keys(texts).map(part => [part, join(folder, `${part}.pem`)] as const)
  for (const [part, path] of paths) await writeFile(path, texts[part]!, { mode: 0o600 })
  return Object.fromEntries(paths)
}

describe('a remote agent', { timeout: 60_000 }, () => {
  test('is talked to over mutual TLS, from the question to the answer', async () => {
    const [world, folder] = await Promise.all([openWorld(), folderInTest()])
    const tls = await pemFiles(folder, { ca: authority.cert, cert: bot.cert, key: bot.key })
    const config = await writeConfig(folder, botAt(await inFrontOf(world.url, server), { tls }))
    const runner = startInTest(['run', '--config', config, '--state-dir', join(folder, 'state'), '--json'])
    await runner.line(isLive)

    await world.says('alice', 'hello')
    await runner.line(isSent)

    expect(await world.answersTo('alice')).toEqual(['echo: hello'])
    expect((await runner.stop()).err).toBe('')
  })

  test('that is not to be trusted shows in status and log with one sentence', async () => {
    const [world, folder] = await Promise.all([openWorld(), folderInTest()])
    const tls = await pemFiles(folder, { ca: (await createAuthority('another')).cert, cert: bot.cert, key: bot.key })
    const url = await inFrontOf(world.url, server)
    const config = await writeConfig(folder, botAt(url, { tls }))
    const at = ['--config', config, '--state-dir', join(folder, 'state')]
    const sentence =
      `GET ${url}/api/meshes/demo-mesh got no answer (its certificate comes from no authority that is trusted here:` +
      ' self-signed certificate in certificate chain). Add the authority that signed it to tls.ca.'
    const runner = startInTest(['run', ...at, '--json'])

    expect(await runner.line(line => line['state'] === 'degraded')).toMatchObject({ reason: sentence })
    const status = await run(['status', ...at, '--json'])
    expect(JSON.parse(status.out[0]!)).toMatchObject({ state: 'degraded', reason: sentence })
    const log = (await runner.stop()).err
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(log).toMatchObject([{ level: 40, account: 'default', state: 'degraded', reason: sentence, msg: 'account state' }])
  })

  test('with a key that cannot be used keeps its own account back, and tells so in status and log', async () => {
    const [world, folder] = await Promise.all([openWorld(), folderInTest()])
    const key = join(folder, 'missing.pem')
    const sentence = `tls.key of account "remote", ${key}, does not exist; correct the path, or put the file there.`
    const tls = { ...(await pemFiles(folder, { ca: authority.cert, cert: bot.cert })), key }
    const config = await writeConfig(folder, {
      accounts: { here: botAt(world.url), remote: botAt('https://127.0.0.1:1', { tls, username: 'other-bot' }) },
    })
    const at = ['--config', config, '--state-dir', join(folder, 'state')]
    const runner = startInTest(['run', ...at, '--json'])
    await runner.line(isLive)

    const status = (await run(['status', ...at, '--json'])).out.map(line => JSON.parse(line))

    expect(status.find(({ account }) => account === 'remote')).toMatchObject({ state: 'blocked', reason: sentence })
    expect(status.find(({ account }) => account === 'here')).toMatchObject({ state: 'live' })
    expect(JSON.parse((await runner.stop()).err.trim())).toMatchObject({ account: 'remote', err: { message: sentence } })
  })
})
