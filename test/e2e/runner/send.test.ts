import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { botAt, folderInTest, isLive, isSent, openWorld, run, startInTest, writeConfig } from '../../runner/cli.ts'

async function bot(more: Readonly<Record<string, unknown>> = {}) {
  const [world, folder] = await Promise.all([openWorld(), folderInTest()])
  const config = await writeConfig(folder, botAt(world.url, more))
  const at = ['--config', config, '--state-dir', join(folder, 'state')]
  // Makes her: the mesh keeps nothing for people that it does not know.
  await world.answersTo('alice')
  return { world, folder, config, at, startBot: () => startInTest(['run', ...at, '--json']) }
}

describe('send', { timeout: 90_000 }, () => {
  test('a running runner sends it, and one key once', async () => {
    const { world, at, startBot } = await bot()
    const runner = startBot()
    await runner.line(isLive)

    const sent = await run(['send', '--to', 'alice', 'good morning', '--key', 'day/1', ...at])
    expect(sent).toMatchObject({
      code: 0,
      err: '',
      out: ['The message to peer:alice is recorded (account default); it is sent as soon as the ZTM agent takes it.'],
    })
    await runner.line(isSent)
    const again = await run(['send', '--to', 'peer:alice', 'good morning', '--key', 'day/1', ...at, '--json'])
    expect(JSON.parse(again.out[0]!)).toEqual({
      account: 'default',
      chat: 'peer:alice',
      key: 'day/1',
      keys: [expect.stringMatching(/^cli\/[0-9a-f]{16}\/day\/1#0$/)],
      repeated: true,
      running: true,
    })
    expect(await run(['send', '--to', 'alice', 'good night', '--key', 'day/1', ...at])).toMatchObject({
      code: 1,
      out: [],
      err: 'ztm-chat: The key "day/1" is that of another message to peer:alice, so this one was not sent; give it a key of its own, or none.\n',
    })
    expect((await run(['send', '--to', 'alice', 'good evening', ...at])).code).toBe(0)

    await expect.poll(() => world.answersTo('alice'), { timeout: 20_000 }).toEqual(['good morning', 'good evening'])
  })

  test('it is durable when it says so: a runner that is killed then sends it after its next start, once', async () => {
    // Killed while it was being posted, it counts as posted, and is posted again when it is proven not to be there.
    const { world, at, startBot } = await bot({ limits: { lostPostMs: 1_000 } })
    const first = startBot()
    await first.line(isLive)
    await world.agentOf('openclaw-bot', 'down')

    expect((await run(['send', '--to', 'alice', 'hello', ...at])).code).toBe(0)
    await first.stop('SIGKILL')
    await world.agentOf('openclaw-bot', 'up')
    const second = startBot()
    await second.line(isSent)

    expect(await world.answersTo('alice')).toEqual(['hello'])
  })

  test('while nobody runs it is recorded in the state, and sent at the next start, to a group as well', async () => {
    const { world, at, startBot } = await bot()
    const first = startBot()
    await first.line(isLive)
    await world.says('alice', 'hi')
    await first.line(isSent)
    await first.stop()

    const sent = await run(['send', '--to', 'alice', 'later', '--key', 'k', ...at])
    expect(sent.out).toEqual(['The message to peer:alice is recorded (account default); it is sent at the next start.'])
    expect(await run(['send', '--to', 'alice', 'later', '--key', 'k', ...at])).toMatchObject({
      code: 0,
      out: ['The message to peer:alice was recorded before, under this key (account default); it is sent once.'],
    })
    expect((await run(['send', '--to', 'alice', 'never', '--key', 'k', ...at])).err).toContain('The key "k" is that of another message')
    expect((await run(['status', ...at])).out.join('\n')).toContain('1 reply to send (0 uncertain)')
    await world.creates('alice', 'team', ['alice', 'openclaw-bot'])
    expect((await run(['send', '--to', 'group:alice/team', 'all of you', ...at])).code).toBe(0)

    startBot()
    await expect.poll(() => world.answersTo('alice'), { timeout: 20_000 }).toEqual(['echo: hi', 'later'])
    await expect.poll(() => world.answersTo('alice', 'group:alice/team'), { timeout: 20_000 }).toEqual(['all of you'])
  })

  test('what could never be sent is refused, and nothing is recorded', async () => {
    const { at } = await bot()
    const send = async (...args: readonly string[]) => run(['send', ...args, ...at])
    expect(await send('--to', 'a/b', 'x')).toMatchObject({
      code: 2,
      err: 'ztm-chat: --to is "a/b"; expected the name of a user on the mesh, or group:CREATOR/GROUP.\n',
    })
    expect(await send('--to', 'group:alice', 'x')).toMatchObject({ code: 2 })
    expect(await send('--to', 'alice', ' ')).toMatchObject({ code: 2, err: expect.stringContaining('the text is empty') })
    expect(await send('--to', 'alice', 'x', '--key', 'a b')).toMatchObject({ code: 2, err: expect.stringContaining('--key is "a b"') })
    expect(await send('x')).toMatchObject({ code: 2, err: expect.stringContaining('--to <name>') })
    expect(await send('--to', 'alice', 'x')).toMatchObject({
      code: 1,
      err: expect.stringContaining('has never run with the state directory'),
    })
  })

  test('the account that the config says is the default sends it, or the one that is named', async () => {
    const [world, folder] = await Promise.all([openWorld(), folderInTest()])
    const config = await writeConfig(folder, {
      defaultAccount: 'second',
      accounts: { first: botAt('http://127.0.0.1:9'), second: botAt(world.url) },
    })
    const at = ['--config', config, '--state-dir', join(folder, 'state')]
    const runner = startInTest(['run', ...at, '--json'])
    await runner.line(isLive)
    await world.answersTo('alice')
    const accountOf = async (...more: readonly string[]) => {
      const { out, err } = await run(['send', '--to', 'alice', 'hello', ...more, ...at, '--json'])
      expect(err).toBe('')
      return (JSON.parse(out[0]!) as { account: string }).account
    }

    expect(await accountOf()).toBe('second')
    expect(await accountOf('--account', 'first')).toBe('first')
    await runner.line(isSent)
    await runner.stop()
    expect(await accountOf()).toBe('second')
  })
})
