import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { botAt, folderInTest, isLive, isSent, type Line, openWorld, run, startInTest, writeConfig } from '../../runner/cli.ts'

/** The responder fails until `mend`; alice and bob have written, and both messages were given up. */
async function twoGivenUp() {
  const [world, folder] = await Promise.all([openWorld(), folderInTest()])
  const config = await writeConfig(folder, botAt(world.url, { limits: { dispatchBackoffMs: 10, dispatchBackoffMsMax: 10 } }))
  const at = ['--config', config, '--state-dir', join(folder, 'state')]
  const well = join(folder, 'well')
  const responder = `exec:test -e '${well}' || { echo 'the model is away' >&2; exit 1; }; echo answered`
  const startBot = () => startInTest(['run', ...at, '--json', '--responder', responder])
  const runner = startBot()
  await runner.line(isLive)
  await world.says('alice', 'hi')
  const { id: ofAlice } = await runner.line(line => line.event === 'dead-letter' && line['chat'] === 'peer:alice')
  await world.says('bob', 'hello')
  const { id: ofBob } = await runner.line(line => line.event === 'dead-letter' && line['chat'] === 'peer:bob')
  return { world, at, runner, startBot, ofAlice: String(ofAlice), ofBob: String(ofBob), mend: () => writeFile(well, '') }
}

const parsed = (lines: readonly string[]) => lines.map(line => JSON.parse(line) as Line)
const reason = expect.stringMatching(/failed with exit code 1: the model is away$/)

describe('dead letters', { timeout: 90_000 }, () => {
  test('are shown with where, when and why, and a running runner tries one again', async () => {
    const { world, at, runner, ofAlice, ofBob, mend } = await twoGivenUp()

    expect(parsed((await run(['deadletter', 'list', ...at, '--json'])).out)).toEqual([
      { account: 'default', id: ofAlice, kind: 'message', chat: 'peer:alice', atMs: expect.any(Number), reason },
      { account: 'default', id: ofBob, kind: 'message', chat: 'peer:bob', atMs: expect.any(Number), reason },
    ])
    const [first] = (await run(['deadletter', 'list', ...at])).out
    expect(first!.split('\t')).toEqual([ofAlice, 'message', 'peer:alice', '0 min', reason])
    expect((await run(['status', ...at])).out.join('\n')).toContain('2 dead letters')

    await mend()
    const retried = await run(['deadletter', 'retry', ofAlice, ...at])
    expect(retried).toMatchObject({ code: 0, err: '', out: [`The message ${ofAlice} of peer:alice is tried again now (account default).`] })
    await runner.line(isSent)
    expect(await world.answersTo('alice')).toEqual(['answered'])
    expect(await world.answersTo('bob')).toEqual([])
    expect(parsed((await run(['deadletter', 'list', ...at, '--json'])).out)).toMatchObject([{ id: ofBob }])
    expect(parsed((await run(['status', ...at, '--json'])).out)).toMatchObject([
      { deadLetters: 1, uncertain: 0, counters: { repeatedPosts: 0 } },
    ])
  })

  test('all of them at once, while the runner runs', async () => {
    const { world, at, ofAlice, ofBob, mend } = await twoGivenUp()
    await mend()

    const retried = parsed((await run(['deadletter', 'retry', '--all', ...at, '--json'])).out)

    expect(retried).toMatchObject([
      { id: ofAlice, state: 'retried', running: true },
      { id: ofBob, state: 'retried', running: true },
    ])
    for (const user of ['alice', 'bob']) await expect.poll(() => world.answersTo(user), { timeout: 20_000 }).toEqual(['answered'])
    expect(await run(['deadletter', 'retry', '--all', ...at])).toMatchObject({ code: 0, out: ['There are no dead letters.'] })
  })

  test('while nobody runs one is dropped for good, and the other is tried again at the next start', async () => {
    const { world, at, runner, startBot, ofAlice, ofBob, mend } = await twoGivenUp()
    await runner.stop('SIGKILL')

    expect((await run(['deadletter', 'list', ...at])).out).toHaveLength(2)
    expect(parsed((await run(['status', ...at, '--json'])).out)).toMatchObject([{ running: false, deadLetters: 2, uncertain: 0 }])
    expect((await run(['deadletter', 'drop', ofBob, ...at])).out).toEqual([
      `The message ${ofBob} of peer:bob is dropped (account default).`,
    ])
    const retried = await run(['deadletter', 'retry', '--all', ...at, '--account', 'default'])
    expect(retried.out).toEqual([`The message ${ofAlice} of peer:alice is tried again at the next start (account default).`])
    expect((await run(['deadletter', 'list', ...at])).out).toEqual(['There are no dead letters.'])

    await mend()
    const again = startBot()
    await again.line(isSent)
    expect(await world.answersTo('alice')).toEqual(['answered'])
    await world.says('bob', 'still there?')
    await expect.poll(() => world.answersTo('bob'), { timeout: 20_000 }).toEqual(['answered'])
  })

  test('an id that there is not is told so with a way out, running or not; a command without one is used wrongly', async () => {
    const { at, runner } = await twoGivenUp()
    const unknown = {
      code: 1,
      out: [],
      err: `ztm-chat: There is no dead letter with the id "xyz"; "ztm-chat deadletter list ${at.join(' ')}" shows those that there are.\n`,
    }
    expect(await run(['deadletter', 'retry', 'xyz', ...at])).toMatchObject(unknown)
    const elsewhere = await run(['deadletter', 'list', ...at, '--account', 'other'])
    expect(elsewhere).toMatchObject({ code: 1, err: 'ztm-chat: No account "other" runs here; expected "default".\n' })
    await runner.stop()
    expect(await run(['deadletter', 'drop', 'xyz', ...at])).toMatchObject(unknown)
    for (const wrong of [[], ['xyz', '--all']]) {
      const ended = await run(['deadletter', 'drop', ...wrong, ...at])
      expect(ended).toMatchObject({
        code: 2,
        out: [],
        err: expect.stringContaining(`"ztm-chat deadletter drop --all ${at.join(' ')}" for all of them.`),
      })
    }
  })
})
