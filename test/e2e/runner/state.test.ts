import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeLine } from '../../../src/adapters/store/lines.ts'
import { botAt, folderInTest, isLive, isSent, openWorld, type Running, run, startInTest, writeConfig } from '../../runner/cli.ts'

async function bot(accounts: readonly string[] = ['default']) {
  const [world, folder] = await Promise.all([openWorld(), folderInTest()])
  const each = Object.fromEntries(
    accounts.map(id => [id, id === accounts[0] ? botAt(world.url) : botAt('http://127.0.0.1:9', { username: id })]),
  )
  const config = await writeConfig(folder, { accounts: each })
  const stateDir = join(folder, 'state')
  const at = ['--config', config, '--state-dir', stateDir]
  return { world, stateDir, at, startBot: () => startInTest(['run', ...at, '--json']) }
}

const refusal = (stateDir: string, first: Running) =>
  expect.stringMatching(
    `^ztm-chat: The state directory ${stateDir} is in use by process ${first.process.pid} \\(since [-:.TZ0-9]+\\); stop it or use another --state-dir\\.\\n$`,
  )

/** Every file below, with what is in it and when it was written; not what the locks leave. */
async function contents(folder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {}
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, name)
    const { mtimeMs, size } = await stat(path)
    if ((await stat(path)).isFile() && !/lock\.(db|json)$/.test(name)) found[name] = `${mtimeMs} ${size} ${await readFile(path, 'base64')}`
  }
  return found
}

describe('a state directory', { timeout: 90_000 }, () => {
  test('has one runner: a second one is refused and told which, even when the first does not answer', async () => {
    const { at, stateDir, startBot } = await bot()
    const first = startBot()
    await first.line(isLive)
    expect(await run(['run', ...at])).toMatchObject({ code: 1, out: [], err: refusal(stateDir, first) })

    first.process.kill('SIGSTOP')
    expect(await run(['run', ...at])).toMatchObject({ code: 1, out: [], err: refusal(stateDir, first) })
  })

  test('has one runner for all of its accounts when two start at the same time', async () => {
    const { world, at, startBot } = await bot(['one', 'two', 'three', 'four'])
    const both = [startBot(), startBot()]
    const loser = await Promise.race(both.map(runner => runner.ended.then(ended => ({ runner, ended }))))
    const winner = both.find(runner => runner !== loser.runner)!

    expect(loser.ended).toMatchObject({ code: 1, out: [], err: expect.stringMatching(/is in use by (another )?process/) })
    await world.says('alice', 'hello')
    await winner.line(isSent)
    expect((await run(['status', ...at, '--json'])).out.map(line => JSON.parse(line).pid)).toEqual(Array(4).fill(winner.process.pid))
  })

  test('is free at once when its runner was killed', async () => {
    const { world, startBot } = await bot()
    const first = startBot()
    await first.line(isLive)
    await first.stop('SIGKILL')

    const second = startBot()
    await second.line(isLive)
    await world.says('alice', 'hello')
    await second.line(isSent)
    expect(await world.answersTo('alice')).toEqual(['echo: hello'])
  })

  test.each([
    ['journal', 'journal/00000099.log', encodeLine({ version: 2, after: 0 })],
    ['snapshot', 'shards/shard-07.json', Buffer.from('{"version":2,"crc32":"00000000","what":"nobody knows yet"}\n')],
  ])('with a %s of a newer version is refused, and left as it is', async (_, name, content) => {
    const { world, at, stateDir, startBot } = await bot()
    const first = startBot()
    await first.line(isLive)
    await world.says('alice', 'hello')
    await first.line(isSent)
    await first.stop()
    await writeFile(join(stateDir, 'accounts', 'default', ...name.split('/')), content)
    const before = await contents(stateDir)

    const refusal = `${name} in ${join(stateDir, 'accounts', 'default')} was written by a newer version (2); install that version or use another state directory.`
    expect(await run(['run', ...at])).toMatchObject({ code: 1, err: expect.stringContaining(`ztm-chat: ${refusal}\n`) })
    expect(await run(['status', ...at])).toMatchObject({ code: 1, out: [], err: `ztm-chat: ${refusal}\n` })
    expect(await contents(stateDir)).toEqual(before)
  })
})
