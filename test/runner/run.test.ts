import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { botAt, folderInTest, isLive, isSent, type Line, openWorld, run, startInTest, writeConfig } from './cli.ts'

const isBlocked = ({ state }: Line): boolean => state === 'blocked'

/** Processes start slowly on a busy machine. */
const SLOW = { timeout: 60_000 }

async function bot(more: Readonly<Record<string, unknown>> = {}) {
  const [world, folder] = await Promise.all([openWorld(), folderInTest()])
  const config = await writeConfig(folder, botAt(world.url, more))
  const stateDir = join(folder, 'state')
  const at = ['--config', config, '--state-dir', stateDir]
  return { world, folder, config, stateDir, at }
}

describe('run', SLOW, () => {
  test('answers a message, and tells each step as a line of JSON', async () => {
    const { world, at } = await bot()
    const runner = startInTest(['run', ...at, '--json'])
    await runner.line(isLive)

    await world.says('alice', 'hello')

    const sent = await runner.line(isSent)
    const key = String(sent['key'])
    const id = key.split('#')[0]
    const steps = runner.lines(line => line.event !== 'state').map(({ atMs, ...line }) => line)
    const common = { account: 'default', chat: 'peer:alice' }
    expect(steps).toEqual([
      { event: 'live', account: 'default' },
      { ...common, event: 'decision', id, sender: 'alice', action: 'process', reason: 'allowed', detail: 'dmPolicy is "open"' },
      { ...common, event: 'dispatch', id, attempt: 1 },
      { ...common, event: 'posted', key },
      { ...common, event: 'sent', key },
    ])
    expect(await world.answersTo('alice')).toEqual(['echo: hello'])
  })

  test('names the meshes that the agent has joined where that of the config is none of them', async () => {
    const { at } = await bot({ meshName: 'hoem' })
    const runner = startInTest(['run', ...at, '--json'])

    expect((await runner.line(isBlocked))['reason']).toMatch(
      /^The ZTM agent at \S+ has not joined the mesh "hoem" \(it has joined "demo-mesh"\); join it there, correct meshName, or set permitSource/,
    )
  })

  test('does not take what is no ZTM agent for one that has not joined the mesh', async () => {
    const server = createServer((_, response) => response.writeHead(404).end())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { at } = await bot({ agentUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
    const runner = startInTest(['run', ...at, '--json'])

    const { reason } = await runner.line(({ state }) => state === 'degraded')
    expect(reason).toContain('was refused with 404. Is agentUrl the address of a ZTM agent, version 2?')
  })

  test('tells people what happens without a word of the messages', async () => {
    const { world, at } = await bot()
    const runner = startInTest(['run', ...at])
    await world.says('alice', 'my secret plan')
    await expect.poll(() => runner.out.join('\n'), { timeout: 30_000 }).toContain('is on the mesh')

    expect(runner.out.join('\n')).not.toContain('secret')
    expect(runner.out.join('\n')).toContain('alice wrote')
    expect(runner.out.join('\n')).toContain('process, allowed')
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('%s stops it cleanly: what was said is kept, and the state is free', async signal => {
    const { world, at, stateDir } = await bot()
    const first = startInTest(['run', ...at, '--json'])
    await first.line(isLive)
    await world.says('alice', 'one')
    await first.line(isSent)

    const ended = await first.stop(signal)

    expect(ended).toMatchObject({ code: 0, signal: null, err: '' })
    expect(first.lines(({ event }) => event === 'state').at(-1)).toMatchObject({ state: 'stopped' })
    await expect(stat(join(stateDir, 'control.sock'))).rejects.toThrow('ENOENT')
    const second = startInTest(['run', ...at, '--json'])
    await second.line(isLive)
    await world.says('alice', 'two')
    await second.line(isSent)
    expect(await world.answersTo('alice')).toEqual(['echo: one', 'echo: two'])
  })

  test('a second signal ends it at once, with whatever the responder has started', async () => {
    const { world, at, folder } = await bot()
    const runner = startInTest(['run', ...at, '--json', '--responder', `exec:echo $$ > ${folder}/pid; sleep 600`])
    await runner.line(isLive)
    await world.says('alice', 'hello')
    await runner.line(({ event }) => event === 'dispatch')
    const pid = () => readFileSync(`${folder}/pid`, 'utf8').trim()
    await expect.poll(pid, { timeout: 10_000 }).toMatch(/^\d+$/)

    runner.process.kill('SIGTERM')
    await runner.line(line => line['state'] === 'stopping')
    const ended = await runner.stop('SIGTERM')

    expect(ended.code).toBe(143)
    await expect.poll(() => stateOf(pid())).toMatch(GONE)
  })

  test('an account whose agent is down says so and goes on trying; the other one answers', async () => {
    const [world, folder] = await Promise.all([openWorld(), folderInTest()])
    const nobody = await freePort()
    const config = await writeConfig(folder, {
      accounts: {
        well: botAt(world.url),
        away: botAt(`http://127.0.0.1:${nobody}`, { limits: { reconnectMs: 50, reconnectMsMax: 100 } }),
      },
    })
    const runner = startInTest(['run', '--config', config, '--state-dir', join(folder, 'state'), '--json'])

    const degraded = await runner.line(line => line['state'] === 'degraded')
    await runner.line(isLive)
    await world.says('alice', 'hello')
    await runner.line(isSent)

    expect(degraded).toMatchObject({ account: 'away', reason: expect.stringContaining('Is the ZTM agent running there?') })
    expect(await world.answersTo('alice')).toEqual(['echo: hello'])
    expect(runner.lines(isLive)).toHaveLength(1)
    expect((await runner.stop()).code).toBe(0)
  })

  test('a state directory where nobody can make a folder is refused, and not tried for ever', async () => {
    const { config } = await bot()
    const ended = await run(['run', '--config', config, '--state-dir', '/proc/a/b'])
    expect(ended).toMatchObject({
      code: 1,
      err: 'ztm-chat: Making /proc/a/b failed (ENOENT): a folder is gone, or none can be made there; put /proc/a/b back, or use another state directory.\n',
    })
  })

  test('SIGTERM ends a start that hangs', async () => {
    const { at, stateDir } = await bot()
    const runner = startInTest(['run', ...at, '--json'], { nodeArgs: ['--import', DISK_THAT_HANGS] })
    await expect.poll(() => existsSync(join(stateDir, 'lock.json')), { timeout: 20_000 }).toBe(true)

    const ended = await runner.stop('SIGTERM')

    expect(ended).toMatchObject({ code: 1, signal: null })
    expect(ended.err).toBe('ztm-chat: The start had not come to its end 5 s after SIGTERM, and was cut off; is the disk well?\n')
  })

  test('a reader that goes away ends it quietly', async () => {
    const { world, at } = await bot()
    const runner = startInTest(['run', ...at, '--json'])
    await runner.line(isLive)
    runner.process.stdout?.destroy()
    await world.says('alice', 'hello')

    expect(await runner.ended).toMatchObject({ code: 0, signal: null, err: '' })
  })

  test('a log level that does not exist is refused', async () => {
    const { at } = await bot()
    const ended = await run(['run', ...at], { env: { ZTM_CHAT_LOG_LEVEL: 'loud' } })
    expect(ended).toMatchObject({ code: 2, err: 'ztm-chat: ZTM_CHAT_LOG_LEVEL is "loud"; expected debug, info, warn, error.\n' })
  })

  test('every problem of a config is told at once, and nothing is started', async () => {
    const folder = await folderInTest()
    const config = await writeConfig(folder, { meshName: 'home', usrname: 'x', dmPolicy: 'friends', groupPermissions: { nokey: {} } })
    const stateDir = join(folder, 'state')

    const ended = await run(['run', '--config', config, '--state-dir', stateDir])

    expect(ended.code).toBe(2)
    expect(ended.out).toEqual([])
    const problems = ended.err.trimEnd().split('\n')
    expect(problems.length).toBeGreaterThanOrEqual(4)
    expect(problems.every(problem => problem.startsWith(`ztm-chat: ${config}: `))).toBe(true)
    for (const part of ['usrname', 'username', 'dmPolicy', 'nokey']) expect(ended.err).toContain(part)
    await expect(stat(stateDir)).rejects.toThrow('ENOENT')
  })

  test('a config without an enabled account is refused', async () => {
    const { at } = await bot({ enabled: false })
    const ended = await run(['run', ...at])
    expect(ended.code).toBe(2)
    expect(ended.err).toContain('has no account that is enabled; set enabled: true.')
  })

  test('a program can answer, and one that fails is asked again under the same id', async () => {
    const { world, at, folder } = await bot({ limits: { dispatchBackoffMs: 10, dispatchBackoffMsMax: 10 } })
    const script = join(folder, 'answer.sh')
    await writeConfig(
      folder,
      `cat >> "${folder}/asked"; echo >> "${folder}/asked"; test -e "${folder}/once" || { touch "${folder}/once"; exit 3; }; echo fine`,
      'answer.sh',
    )
    const runner = startInTest(['run', ...at, '--json', '--responder', `exec:sh ${script}`])
    await runner.line(isLive)
    await world.says('alice', 'hello')
    await runner.line(isSent)

    expect(await world.answersTo('alice')).toEqual(['fine'])
    const asked = readFileSync(join(folder, 'asked'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(asked.map(({ text, sender, attempt }) => ({ text, sender, attempt }))).toEqual([
      { text: 'hello', sender: 'alice', attempt: 1 },
      { text: 'hello', sender: 'alice', attempt: 2 },
    ])
    expect(new Set(asked.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
  })
})

test('a model answers, and one that fails is asked again under the same id; neither key nor message is in any output', SLOW, async () => {
  const { world, at } = await bot({ limits: { dispatchBackoffMs: 10, dispatchBackoffMsMax: 10 } })
  const asked: { readonly id: string | undefined; readonly key: string | undefined; readonly body: unknown }[] = []
  const model = createServer(async (incoming, response) => {
    let text = ''
    for await (const chunk of incoming) text += chunk
    asked.push({ id: String(incoming.headers['idempotency-key']), key: incoming.headers.authorization, body: JSON.parse(text) })
    if (asked.length === 1)
      response.writeHead(500).end(JSON.stringify({ error: { message: `${incoming.headers.authorization} asked ${text}` } }))
    else response.end(JSON.stringify({ choices: [{ message: { content: 'I am well.' } }] }))
  })
  await new Promise<void>(resolve => model.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void model.close())
  const { port } = model.address() as AddressInfo
  const env = { ZTM_CHAT_OPENAI_KEY: 'planted-model-key', ZTM_CHAT_LOG_LEVEL: 'info' }
  const responder = ['--responder', `openai:http://127.0.0.1:${port}/v1`, '--model', 'small-1']
  const runner = startInTest(['run', ...at, '--json', ...responder], { env })
  await runner.line(isLive)
  await world.says('alice', 'How is Kestrel today, my friend?')
  await runner.line(isSent)

  expect(await world.answersTo('alice')).toEqual(['I am well.'])
  expect(asked.map(({ key }) => key)).toEqual(['Bearer planted-model-key', 'Bearer planted-model-key'])
  expect(asked[0]?.body).toEqual({ model: 'small-1', messages: [{ role: 'user', content: 'How is Kestrel today, my friend?' }] })
  expect(new Set(asked.map(({ id }) => id)).size).toBe(1)
  const { out, err } = await runner.stop()
  expect(`${out.join()}${err}`).not.toMatch(/planted|Kestrel/)
})

/** Loaded before the runner: whoever makes the name of a file durable waits for ever. */
const DISK_THAT_HANGS = `data:text/javascript,${encodeURIComponent(`
  import { open } from 'node:fs/promises'
  const file = await open(process.execPath)
  Object.getPrototypeOf(file).sync = () => new Promise(() => setInterval(() => {}, 60_000))
  await file.close()
`)}`

/** `ps` has no line for it, or one of a process that nobody has buried yet. */
const GONE = /^(Z.*)?$/
const stateOf = (pid: string): string => spawnSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' }).stdout.trim()

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
