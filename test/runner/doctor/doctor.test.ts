import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createAuthority } from '../../adapters/ztm/certificates.ts'
import { botAt, folderInTest, isLive, openWorld, run, startInTest, writeConfig } from '../cli.ts'

const NOBODY = 'http://127.0.0.1:9'

async function bot(config: unknown) {
  const folder = await folderInTest()
  const stateDir = join(folder, 'state')
  const path = await writeConfig(folder, config)
  return { folder, stateDir, path, at: ['--config', path, '--state-dir', stateDir] }
}

type Told = {
  readonly level: string
  readonly check: string
  readonly account: string | null
  readonly message: string
  readonly remedy: string | null
}
const told = (out: readonly string[]) => out.map(line => JSON.parse(line) as Told)

describe('doctor', { timeout: 60_000 }, () => {
  test('finds nothing wrong with a bot that is well, running or not', async () => {
    const world = await openWorld()
    const { at } = await bot(botAt(world.url))

    const resting = await run(['doctor', ...at])
    expect(resting).toMatchObject({ code: 0, err: '' })
    expect(resting.out.at(-1)).toBe('Nothing is wrong.')
    const runner = startInTest(['run', ...at, '--json'])
    await runner.line(isLive)
    const running = await run(['doctor', ...at, '--json'])

    expect(running).toMatchObject({ code: 0, err: '' })
    expect(told(running.out).filter(({ check }) => check === 'runner')).toEqual([
      { level: 'ok', check: 'runner', account: null, message: `Process ${runner.process.pid} runs with this state.`, remedy: null },
      { level: 'ok', check: 'runner', account: 'default', message: 'The account is live.', remedy: null },
    ])
  })

  test('works with the agent down, and tells every account’s own trouble', async () => {
    const world = await openWorld()
    const { at } = await bot({
      accounts: {
        away: botAt(NOBODY),
        well: botAt(world.url, { allowFrom: ['OpenClaw-Bot'] }),
        off: { ...botAt(world.url), enabled: false },
      },
    })

    const ended = await run(['doctor', ...at, '--json'])

    expect(ended).toMatchObject({ code: 1, err: '' })
    const findings = told(ended.out)
    expect(findings.filter(({ level }) => level === 'problem')).toEqual([
      {
        level: 'problem',
        check: 'agent',
        account: 'away',
        message: expect.stringContaining('connection refused'),
        remedy: 'Start the ZTM agent of the bot, or correct agentUrl.',
      },
      {
        level: 'problem',
        check: 'names',
        account: 'well',
        message: 'allowFrom has "OpenClaw-Bot", which differs from the mesh user "openclaw-bot" only in capital letters.',
        remedy: 'Write "openclaw-bot": names are compared letter for letter.',
      },
    ])
    expect(findings.filter(({ account }) => account === 'off').map(({ message }) => message)).toEqual(['The account is not enabled.'])
    const only = await run(['doctor', ...at, '--account', 'Well', '--json'])
    expect(new Set(told(only.out).map(({ account }) => account))).toEqual(new Set([null, 'well']))
    expect((await run(['doctor', ...at, '--account', 'nobody'])).code).toBe(1)
  })

  test('tells what people read: the level, the check, the sentence, and below it the remedy', async () => {
    const { at } = await bot(botAt(NOBODY))

    const { out } = await run(['doctor', ...at])

    const line = out.findIndex(text => text.startsWith('problem  agent            GET http://127.0.0.1:9/api/version got no answer'))
    expect(out[line + 1]).toBe('                          → Start the ZTM agent of the bot, or correct agentUrl.')
    expect(out.at(-1)).toBe('1 problem, 0 warnings.')
    expect(out.join('\n')).not.toContain('\x1b')
  })

  test('tells every problem of a config, and goes on with what does not need one', async () => {
    const { at, stateDir } = await bot({ meshName: 'home', usrname: 'x', dmPolicy: 'friends' })

    const ended = await run(['doctor', ...at, '--json'])

    expect(ended.code).toBe(1)
    const findings = told(ended.out)
    expect(findings.filter(({ check, level }) => check === 'config' && level === 'problem').length).toBeGreaterThanOrEqual(3)
    expect(findings.map(({ message }) => message)).toContain(`${stateDir} does not exist yet; the first run makes it.`)
  })

  test('tells of a key that cannot be used', async () => {
    const folder = await folderInTest()
    const key = join(folder, 'key.pem')
    await writeFile(key, (await createAuthority()).cert, { mode: 0o644 })
    const { at } = await bot({ ...botAt('https://127.0.0.1:9'), tls: { cert: key, key } })

    const { code, out, err } = await run(['doctor', ...at, '--json'])

    expect({ code, err }).toEqual({ code: 1, err: '' })
    expect(told(out).filter(({ level }) => level === 'problem')).toEqual([
      expect.objectContaining({
        check: 'config',
        message: expect.stringMatching(/^tls\.key of account "default".+ can be read by every user/),
      }),
    ])
  })

  test('tells of a state directory that cannot be one, as of anything else', async () => {
    const { path } = await bot(botAt(NOBODY))
    const ended = await run(['doctor', '--config', path, '--state-dir', path, '--json'])
    expect(ended).toMatchObject({ code: 1, err: '' })
    expect(told(ended.out).map(({ message }) => message)).toContain(
      `The state directory ${path} is a file; name a folder with --state-dir.`,
    )
  })

  test('tells who holds the state when it cannot be asked, and what an account that runs is in trouble with', async () => {
    const { at } = await bot(botAt(NOBODY))
    const runner = startInTest(['run', ...at, '--json'])
    await runner.line(({ state }) => state === 'degraded')

    const asked = told((await run(['doctor', ...at, '--json'])).out)
    expect(asked.find(({ check, account }) => check === 'runner' && account === 'default')).toMatchObject({
      level: 'problem',
      message: expect.stringMatching(/^The account is degraded: GET .+ Is the ZTM agent running there\?$/),
    })
    // It answers nobody any more, and holds what it holds.
    runner.process.kill('SIGSTOP')
    await rm(join(at[3]!, 'control.sock'))
    const silent = told((await run(['doctor', ...at, '--json'])).out)

    expect(silent.find(({ check }) => check === 'runner')).toMatchObject({
      level: 'problem',
      message: expect.stringMatching(
        new RegExp(`^The state is in use by process ${runner.process.pid} \\(since .+\\), which cannot be asked how it is\\.$`),
      ),
    })
  })
})
