import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { botAt, folderInTest, isLive, openWorld, startInTest, writeConfig } from './cli.ts'

async function runner(args: readonly string[], more: Readonly<Record<string, unknown>> = {}, env: Readonly<Record<string, string>> = {}) {
  const [world, folder] = await Promise.all([openWorld(), folderInTest()])
  const config = await writeConfig(folder, botAt(world.url, more))
  return startInTest(['run', '--config', config, '--state-dir', join(folder, 'state'), '--json', ...args], { env })
}

describe('the inspector of ztm-chat run', { timeout: 60_000 }, () => {
  test.each([
    ['asked for on the command line', ['--inspect'], {}],
    ['asked for in the config', [], { inspector: { enabled: true } }],
  ] as const)('%s prints its address, which opens it', async (_how, args, more) => {
    const running = await runner(args, more)
    const { url } = await running.line(({ event }) => event === 'inspector')
    const { origin, hash } = new URL(String(url))
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await running.line(isLive)
    const answer = await fetch(`${origin}/status?${hash.slice(1)}`)
    expect(await answer.json()).toMatchObject({ accounts: [{ status: { account: 'default', state: 'live' } }] })
    expect((await fetch(`${origin}/status`)).status).toBe(401)
    expect(await running.stop()).toMatchObject({ code: 0, err: '' })
  })

  test('lets a collector of metrics in with a token of its own, which must not be short', async () => {
    const running = await runner(['--inspect'], {}, { ZTM_CHAT_METRICS_TOKEN: 'sixteen letters!' })
    const { url } = await running.line(({ event }) => event === 'inspector')
    const { origin } = new URL(String(url))
    const answer = await fetch(`${origin}/metrics`, { headers: { authorization: 'Bearer sixteen letters!' } })
    expect(await answer.text()).toContain('# TYPE ztm_chat_up gauge')
    expect((await running.stop()).out.join('\n')).not.toContain('sixteen letters!')

    const refused = await runner(['--inspect'], {}, { ZTM_CHAT_METRICS_TOKEN: 'secret' })
    expect(await refused.ended).toMatchObject({
      code: 2,
      err: 'ztm-chat: ZTM_CHAT_METRICS_TOKEN has 6 characters; make one of 16 or more, such as with "openssl rand -hex 16".\n',
    })
  })

  test('is not there unless it is asked for', async () => {
    const running = await runner([])
    await running.line(isLive)
    expect((await running.stop()).out.join('\n')).not.toContain('inspector')
  })

  test('says in one sentence that its port is taken, and starts nothing', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => other.once('listening', resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    const { code, err } = await (await runner(['--inspect', String(port)])).ended
    expect(code).toBe(1)
    expect(err).toContain(`The inspector cannot listen on port ${port}`)
    expect(err.trim().split('\n')).toHaveLength(1)
  })
})
