import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { botAt, folderInTest, isLive, type Line, openWorld, run, startInTest, type World, writeConfig } from './cli.ts'

async function strangerAtTheDoor() {
  const [world, folder] = await Promise.all([openWorld(), folderInTest()])
  const config = await writeConfig(folder, botAt(world.url, { dmPolicy: 'pairing' }))
  const at = ['--config', config, '--state-dir', join(folder, 'state')]
  const runner = startInTest(['run', ...at, '--json'])
  await runner.line(isLive)
  await world.says('alice', 'let me in')
  const { code } = await runner.line(({ event }) => event === 'pairing')
  await expect.poll(() => world.answersTo('alice'), { timeout: 20_000 }).toHaveLength(1)
  return { world, at, runner, code: String(code) }
}

const answersOf = (world: World) => () => world.answersTo('alice')
const APPROVED = 'You are approved. Your message is being answered now.'

describe('pairing', { timeout: 60_000 }, () => {
  test('a running runner approves: the stranger is told, and what they wrote is answered', async () => {
    const { world, at, runner, code } = await strangerAtTheDoor()

    const listed = await run(['pairing', 'list', ...at, '--json'])
    expect(listed.out.map(line => JSON.parse(line) as Line)).toMatchObject([{ account: 'default', user: 'alice', code, held: 1 }])
    const approved = await run(['pairing', 'approve', code.toLowerCase(), ...at, '--json'])
    expect(approved).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(approved.out[0]!)).toEqual({ account: 'default', user: 'alice', state: 'approved', running: true })

    await expect.poll(answersOf(world), { timeout: 20_000 }).toEqual([expect.stringContaining(code), APPROVED, 'echo: let me in'])
    expect((await run(['pairing', 'list', ...at])).out).toEqual(['Nobody waits to be let in.'])
    const status = await run(['status', ...at, '--json'])
    expect(JSON.parse(status.out[0]!)).toMatchObject({ running: true, pid: runner.process.pid, state: 'live', counters: { seen: 1 } })
  })

  test('while nobody runs it is approved in the state itself, and answered at the next start', async () => {
    const { world, at, runner, code } = await strangerAtTheDoor()
    await runner.stop()

    expect((await run(['status', ...at])).out.join('\n')).toContain('1 pairing request')
    expect((await run(['pairing', 'list', ...at])).out.join('\n')).toContain(code)
    const approved = await run(['pairing', 'approve', code, ...at])
    expect(approved).toMatchObject({
      code: 0,
      out: ['alice is approved (account default); what they wrote is answered at the next start.'],
    })
    expect((await run(['pairing', 'list', ...at])).out).toEqual(['Nobody waits to be let in.'])

    startInTest(['run', ...at, '--json'])
    await expect.poll(answersOf(world), { timeout: 20_000 }).toEqual([expect.stringContaining(code), APPROVED, 'echo: let me in'])
  })

  test('who is rejected offline gets no answer, and may ask again', async () => {
    const { world, at, runner, code } = await strangerAtTheDoor()
    await runner.stop()

    expect((await run(['pairing', 'reject', code, ...at])).code).toBe(0)

    const again = startInTest(['run', ...at, '--json'])
    await again.line(isLive)
    await world.says('alice', 'please')
    const { code: second } = await again.line(line => line.event === 'pairing' && line['state'] === 'pending')
    expect(second).not.toBe(code)
    expect(await world.answersTo('alice')).not.toContain('echo: let me in')
  })

  test('an approval is taken back, running or not, and the user is a stranger again', async () => {
    const { world, at, runner, code } = await strangerAtTheDoor()
    await run(['pairing', 'approve', code, ...at])
    await expect.poll(answersOf(world), { timeout: 20_000 }).toContain('echo: let me in')

    const revoked = await run(['pairing', 'revoke', 'alice', ...at, '--json'])
    expect(revoked).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(revoked.out[0]!)).toEqual({ account: 'default', user: 'alice', state: 'revoked', running: true })
    await world.says('alice', 'once more')
    const { code: second } = await runner.line(line => line.event === 'pairing' && line['state'] === 'pending' && line['code'] !== code)
    await run(['pairing', 'approve', String(second), ...at])
    await expect.poll(answersOf(world), { timeout: 20_000 }).toContain('echo: once more')
    await runner.stop()

    expect(await run(['pairing', 'revoke', 'alice', ...at])).toMatchObject({
      code: 0,
      out: ['alice is a stranger again (account default), unless allowFrom or dmPolicy lets them in.'],
    })
    const expected = {
      code: 1,
      out: [],
      err: expect.stringMatching(
        /^ztm-chat: Pairing has not let in "alice"; "ztm-chat users --config .* --state-dir .*" shows whom it has, and names are compared letter for letter\.\n$/,
      ),
    }
    expect(await run(['pairing', 'revoke', 'alice', ...at])).toMatchObject(expected)
    const again = startInTest(['run', ...at, '--json'])
    await again.line(isLive)
    expect(await run(['pairing', 'revoke', 'alice', ...at])).toMatchObject(expected)
    await world.says('alice', 'and again')
    await again.line(line => line.event === 'pairing' && line['state'] === 'pending')
  })

  test('an unknown code, running or not, is told so with a way out', async () => {
    const { at, runner } = await strangerAtTheDoor()
    const expected = {
      code: 1,
      out: [],
      err: expect.stringContaining(
        'No pending request has the code "ABCDEFGH"; it may have been used, have expired, or be of another --state-dir: "ztm-chat pairing list --config',
      ),
    }
    expect(await run(['pairing', 'approve', 'ABCDEFGH', ...at])).toMatchObject(expected)
    await runner.stop()
    expect(await run(['pairing', 'reject', 'ABCDEFGH', ...at])).toMatchObject(expected)
  })

  test('without a runner and without a config nobody knows the accounts', async () => {
    const folder = await folderInTest()
    const ended = await run(['pairing', 'list', '--state-dir', folder], { cwd: folder })
    expect(ended).toMatchObject({
      code: 2,
      err: expect.stringContaining(`does not exist; "ztm-chat init --state-dir ${folder}" writes one, or name another with --config.`),
    })
  })
})
