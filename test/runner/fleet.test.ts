/** `serve` and `feed`, used wrongly or without what they need: one sentence, and the exit code. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { closedPort, startServer } from '../adapters/ztm/local-server.ts'
import { startTables } from '../cluster/engine-tables.ts'
import { folderInTest, startInTest, writeConfig } from './cli.ts'

const FAILED = 1
const USAGE = 2
const SECRET = { ZTM_CHAT_CLUSTER_SECRET: 'not-a-secret-of-anybody' }
const BOT = { meshName: 'home', username: 'bot' }

async function ask(line: string, { env = SECRET as Record<string, string>, config = BOT as object } = {}) {
  const folder = await folderInTest()
  const path = await writeConfig(folder, config)
  const running = startInTest([...line.split(' '), '--config', path, '--json'], {
    env: { ZTM_CHAT_CLUSTER_SECRET: '', ...env },
    cwd: folder,
  })
  // One that does not refuse would go on for ever.
  running
    .line(() => true)
    .then(
      () => running.stop(),
      () => {},
    )
  const ended = await running.ended
  return { code: ended.code, out: ended.out, err: ended.err.replaceAll(folder, 'FOLDER') }
}
const told = (code: number, sentence: string) => ({ code, out: [], err: `ztm-chat: ${sentence}\n` })

const INSPECT = 'inspect --admin http://127.0.0.1:1 --ingress http://127.0.0.1:1'

/** A port that a program has. */
async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as { readonly port: number }).port
}

describe('a fleet', { timeout: 60_000 }, () => {
  const MAKE_ONE = 'make one of 16 or more, such as with "openssl rand -hex 16", and give the same to every serve and feed.'

  test.each(['serve', 'feed', INSPECT])('%s wants a secret, and one that is long enough', async command => {
    expect(await ask(command, { env: {} })).toEqual(told(USAGE, `ZTM_CHAT_CLUSTER_SECRET is not set; ${MAKE_ONE}`))
    expect(await ask(command, { env: { ZTM_CHAT_CLUSTER_SECRET: 'x'.repeat(15) } })).toEqual(
      told(USAGE, `ZTM_CHAT_CLUSTER_SECRET has 15 characters; ${MAKE_ONE}`),
    )
  })

  test.each([
    ['serve --listen 9080', '--listen is "9080"; expected HOST:PORT, such as 127.0.0.1:9080.'],
    ['feed --listen 127.0.0.1:70000', '--listen is "127.0.0.1:70000"; expected HOST:PORT, such as 127.0.0.1:9080.'],
    ['feed --listen ::1:9080', '--listen is "::1:9080"; expected HOST:PORT, such as 127.0.0.1:9080.'],
    ['serve --advertise http://x:1', '--advertise is "http://x:1"; expected HOST:PORT, such as 127.0.0.1:9080.'],
    ['feed --advertise feeder-1', '--advertise is "feeder-1"; expected HOST:PORT, such as 127.0.0.1:9080.'],
    ['serve --admin 127.0.0.1:9070', '--admin is "127.0.0.1:9070"; expected the URL of Restate\'s admin, such as http://127.0.0.1:9070.'],
    [
      'inspect',
      'It is a fleet that this shows: name both interfaces of its Restate, --admin and --ingress. A bot alone is shown by "ztm-chat run --inspect --config FOLDER/bot.json5".',
    ],
    ['inspect --admin x --ingress http://x', '--admin is "x"; expected the URL of Restate\'s admin, such as http://127.0.0.1:9070.'],
    [
      'feed --ingress http://me:secret@restate:8080',
      "--ingress has a user name or password in it, which would be seen wherever it is told; expected the URL of Restate's ingress, such as http://127.0.0.1:8080.",
    ],
    ['feed --ingress restate', '--ingress is "restate"; expected the URL of Restate\'s ingress, such as http://127.0.0.1:8080.'],
    [
      'feed --listen 0.0.0.0:0',
      '--listen has 0.0.0.0, where nobody else can reach this process; name an address of this machine with --advertise.',
    ],
    [
      'serve --listen [::]:0 --admin http://127.0.0.1:1',
      '--listen has ::, where nobody else can reach this process; name an address of this machine with --advertise.',
    ],
    ['feed --listen 192.0.2.1:0', '--listen is 192.0.2.1:0, which is no address of this machine; correct it, or listen on 127.0.0.1.'],
  ])('%s', async (line, sentence) => {
    expect(await ask(line)).toEqual(told(USAGE, sentence))
  })

  test.each([
    ['ZTM_CHAT_ENGINE_TOKEN', 'a b', "has blanks, or characters that no header can have; give it as Restate's gate wrote it."],
    [
      'ZTM_CHAT_ENGINE_KEYS',
      'publickeyv1_w7,secret',
      `has "secret"; expected Restate's public keys, such as "publickeyv1_w7Yj…", with commas between.`,
    ],
  ])('%s that is none is told', async (name, value, sentence) => {
    expect(await ask('serve', { env: { ...SECRET, [name]: value } })).toEqual(told(USAGE, `${name} ${sentence}`))
  })

  test.each(['serve', 'feed', INSPECT])('%s wants an account that is enabled', async command => {
    expect(await ask(command, { config: { ...BOT, enabled: false } })).toEqual(
      told(USAGE, 'FOLDER/bot.json5 has no account that is enabled; set enabled: true.'),
    )
  })

  test.each(['serve', 'feed'])('%s does not listen where another program does', async command => {
    const port = await takenPort()

    expect(await ask(`${command} --listen 127.0.0.1:${port}`)).toEqual(
      told(USAGE, `--listen is 127.0.0.1:${port}, where another program listens; choose another port, or 0 for a free one.`),
    )
  })

  test.each([
    ['status', '--admin', '--ingress'],
    ['deadletter list', '--ingress', '--admin'],
    ['pairing revoke alice', '--admin', '--ingress'],
    ['send hello --to alice', '--ingress', '--admin'],
  ])('"%s" of a fleet with %s wants %s, too', async (command, given, missing) => {
    expect(await ask(`${command} ${given} http://127.0.0.1:1`)).toEqual(
      told(USAGE, `There is ${given} without ${missing}; a fleet is reached by both interfaces of Restate.`),
    )
  })

  test('commands of a fleet want URLs, look at no state directory, and say in one sentence that Restate is away', async () => {
    const away = await closedPort()

    expect(await ask(`status --admin restate --ingress ${away}`)).toEqual(
      told(USAGE, '--admin is "restate"; expected the URL of Restate\'s admin, such as http://127.0.0.1:9070.'),
    )
    expect(await ask(`status --state-dir / --admin ${away} --ingress ${away}`)).toEqual(
      told(FAILED, `${away} does not answer (connection refused); is Restate running, and is that its admin interface?`),
    )
    expect(await ask(`status --account nobody --admin ${away} --ingress ${away}`)).toEqual(
      told(USAGE, 'The config has no account "nobody"; expected "default".'),
    )
  })

  test.each(['import', 'export'])('fleet %s looks at its state directory, whatever the fleet', async way => {
    const away = await closedPort()

    expect(await ask(`fleet ${way} --state-dir / --admin ${away} --ingress ${away}`)).toEqual(
      told(USAGE, 'The state directory / is the root of the file system; name a folder of its own with --state-dir.'),
    )
  })

  test('a send whose answer is lost says how to send it again, once', async () => {
    const tables = await startTables()
    const broken = await startServer((_, response) => response.destroy())
    onTestFinished(() => broken.close())

    const { code, err } = await ask(`send hello --to alice --key k1 --admin ${tables.url} --ingress ${broken.url}`)

    expect({ code, err }).toEqual({
      code: FAILED,
      err: `ztm-chat: The engine at ${broken.url} does not answer /chat/default%2Fpeer%3Aalice/send: connection closed; is Restate running, with a service of the fleet, and is that its ingress? To be sure, send it again with --key k1: one key is sent once.\n`,
    })
  })

  test('serve ends when Restate is not there to be told of it', async () => {
    const admin = await closedPort()

    const { code, out, err } = await ask(`serve --listen 127.0.0.1:0 --admin ${admin}`)

    expect({ code, out }).toEqual({ code: FAILED, out: [] })
    expect(err).toMatch(
      /^ztm-chat: Restate cannot be told of the services at http:\/\/127\.0\.0\.1:\d+, for http:\/\/127\.0\.0\.1:\d+ does not answer \(connection refused\); is it running, and is that its admin interface\?\n$/,
    )
  })

  test('serve ends when what answers there does not take it', async () => {
    const server = await startServer((_, response) => void response.writeHead(404).end('no such page'))
    onTestFinished(() => server.close())

    const { code, err } = await ask(`serve --listen 127.0.0.1:0 --admin ${server.url}/admin`)

    expect(code).toBe(FAILED)
    expect(err).toMatch(
      /^ztm-chat: What answers at \S+ does not take the services at \S+ \(404: no such page\); that must be Restate's admin interface, and Restate must reach them there\.\n$/,
    )
    expect(server.requests.map(({ method, url }) => [method, url])).toEqual([['POST', '/admin/deployments']])
  })

  test('serve tells Restate where it is, says so, and ends on SIGTERM', async () => {
    const tokens: unknown[] = []
    const server = await startServer((_, response, { headers }) => {
      tokens.push(headers.authorization)
      response.writeHead(201).end('{}')
    })
    onTestFinished(() => server.close())
    const config = await writeConfig(await folderInTest(), BOT)
    const args = ['serve', '--config', config, '--listen', '0.0.0.0:0', '--advertise', 'charts:9080', '--admin', server.url, '--json']
    const serving = startInTest(args, { env: { ...SECRET, ZTM_CHAT_ENGINE_TOKEN: 'let-me-in' } })

    expect(await serving.line(({ event }) => event === 'serving')).toEqual({
      event: 'serving',
      url: 'http://charts:9080',
      registered: true,
    })
    expect(JSON.parse(String(server.requests[0]!.body))).toEqual({ uri: 'http://charts:9080', force: true })
    expect(tokens).toEqual(['Bearer let-me-in'])
    const { code, err } = await serving.stop()
    expect([code, err]).toEqual([0, ''])
  })

  test('feed goes on while Restate is away, says why it does nothing, and ends on SIGTERM', async () => {
    const folder = await folderInTest()
    const config = await writeConfig(folder, BOT)
    const ingress = await closedPort()
    const feeding = startInTest(['feed', '--config', config, '--listen', '[::1]:0', '--ingress', ingress, '--json'], { env: SECRET })

    const { address } = await feeding.line(({ event }) => event === 'feeding')
    expect(address).toMatch(/^\[::1\]:\d+$/)
    const health = await fetch(`http://${address}/health`)
    expect([health.status, await health.json()]).toEqual([
      503,
      { ok: false, reason: 'The engine cannot be reached: this feeder is in no fleet.' },
    ])
    const ended = await feeding.stop()
    expect(ended.code).toBe(0)
    const said = ended.err
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(said).toMatchObject([
      {
        msg: 'the fleet cannot be asked',
        err: { message: `The engine at ${ingress} does not answer /fleet/all/join: connection refused` },
      },
    ])
  })

  test('inspect shows that Restate is away, and where it was looked for', async () => {
    const url = await closedPort()
    const folder = await folderInTest()
    const config = await writeConfig(folder, BOT)
    const args = ['inspect', '--config', config, '--admin', url, '--ingress', url, '--json']
    const inspecting = startInTest(args, { env: { ...SECRET, ZTM_CHAT_METRICS_TOKEN: 'sixteen letters!' }, cwd: folder })
    const page = new URL((await inspecting.line(({ event }) => event === 'inspector'))['url'] as string)
    const answer = await fetch(`${page.origin}/status?token=${page.hash.slice('#token='.length)}`)

    const { accounts } = (await answer.json()) as { readonly accounts: readonly { readonly status: object }[] }
    expect(accounts.map(({ status }) => status)).toMatchObject([
      { account: 'default', state: 'degraded', reason: expect.stringContaining(`${url} does not answer`) },
    ])
    expect((await inspecting.stop('SIGTERM')).code).toBe(0)
  })
})

describe('a move', { timeout: 60_000 }, () => {
  async function move(way: 'import' | 'export', ...more: readonly string[]) {
    const folder = await folderInTest()
    const config = await writeConfig(folder, BOT)
    const ended = await startInTest(['fleet', way, '--config', config, '--state-dir', folder, ...more], { cwd: folder }).ended
    return { code: ended.code, out: ended.out, err: ended.err.replaceAll(folder, 'FOLDER') }
  }

  test('wants a state that can be moved in', async () => {
    expect(await move('import')).toEqual(
      told(USAGE, 'There is no state of these accounts in FOLDER; name another folder with --state-dir.'),
    )
  })

  test.each([
    ['--ingress', 8080],
    ['--admin', 9070],
  ])('wants %s to be a URL', async (option, port) => {
    expect(await move('export', option, 'restate')).toEqual(
      told(USAGE, `${option} is "restate"; expected the URL of Restate's ${option.slice(2)}, such as http://127.0.0.1:${port}.`),
    )
  })

  test('has failed when there was nothing to move, so that nobody goes on as if there were', async () => {
    const tables = await startTables()

    expect(await move('export', '--admin', tables.url, '--ingress', 'http://restate:8080')).toEqual(
      told(FAILED, 'There is nothing of the account "default" in the fleet at http://restate:8080.'),
    )
  })

  test('says in one sentence that Restate is not there', async () => {
    const admin = await closedPort()

    expect(await move('export', '--admin', admin)).toEqual(
      told(FAILED, `${admin} does not answer (connection refused); is Restate running, and is that its admin interface?`),
    )
  })
})
