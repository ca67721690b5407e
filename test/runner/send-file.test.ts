import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { textOf } from '../../src/simulator/mesh/mesh.ts'
import { botAt, folderInTest, isLive, isSent, run, serveMesh, startInTest, writeConfig } from './cli.ts'

async function bot() {
  const [{ mesh, url }, folder] = await Promise.all([serveMesh(), folderInTest()])
  const config = await writeConfig(folder, botAt(url, { mediaMaxMb: 1 }))
  const alice = mesh.user('alice')
  const at = ['--config', config, '--state-dir', join(folder, 'state')]
  const file = async (name: string, content: string | Uint8Array) => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  return { mesh, alice, folder, at, file }
}

describe('send --file', { timeout: 60_000 }, () => {
  test('puts the file on the mesh and names it in the message, with a text or without', async () => {
    const { alice, at, file } = await bot()
    const runner = startInTest(['run', ...at, '--json'])
    await runner.line(isLive)
    const [plan, picture] = [await file('plan.txt', 'the plan'), await file('a.PNG', 'no picture')]

    const both = await run(['send', '--to', 'alice', 'here it is', '--file', plan, '--file', picture, '--key', 'k', ...at])
    expect(both).toMatchObject({ code: 0, err: '' })
    await runner.line(isSent)
    const other = await run(['send', '--to', 'alice', 'here it is', '--file', plan, '--key', 'k', ...at])
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('is that of another message') })
    expect((await run(['send', '--to', 'alice', '--file', plan, ...at])).code).toBe(0)

    await expect.poll(() => alice.inbox().length, { timeout: 20_000 }).toBe(2)
    const [first, second] = alice.inbox().map(({ message }) => message as { text: string; files: readonly Record<string, string>[] })
    expect(first).toMatchObject({
      text: 'here it is',
      files: [
        { owner: 'openclaw-bot', name: 'plan.txt', contentType: 'text/plain', size: 8 },
        { owner: 'openclaw-bot', name: 'a.PNG', contentType: 'image/png', size: 10 },
      ],
    })
    expect(second).toMatchObject({ text: '', files: [{ name: 'plan.txt' }] })
    const target = `/api/meshes/demo-mesh/apps/ztm/chat/api/files/openclaw-bot/${first?.files[0]?.['hash']}`
    expect(await textOf(await alice.agent.request({ method: 'GET', target }))).toBe('the plan')
  })

  test('refuses what is no file, is too large, or too many', async () => {
    const { at, folder, file, mesh } = await bot()
    const small = await file('small', 'x')
    const send = (...args: readonly string[]) => run(['send', '--to', 'alice', ...args, ...at])
    await mkdir(join(folder, 'folder'))

    expect(await send('--file', small, '--file', join(folder, 'folder'))).toMatchObject({
      code: 2,
      err: `ztm-chat: --file ${join(folder, 'folder')} is a folder; name a file.\n`,
    })
    expect(await send('--file', '/dev/zero')).toMatchObject({
      code: 2,
      err: 'ztm-chat: --file /dev/zero is no regular file; name a file.\n',
    })
    // Files that tell of no bytes and have some, or break off when they are read.
    expect(await send('--file', '/proc/version')).toMatchObject({
      code: 1,
      err: 'ztm-chat: The file "version" did not have the 0 bytes that it said, so it was not sent; send a copy of it.\n',
    })
    expect(await send('--file', '/proc/self/mem')).toMatchObject({
      code: 2,
      err: 'ztm-chat: --file /proc/self/mem cannot be read (EIO); correct the path.\n',
    })
    expect(await send('--file', join(folder, 'no'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('does not exist; correct the path.'),
    })
    const large = await file('large', new Uint8Array(1_048_577))
    expect(await send('--file', small, '--file', large)).toMatchObject({
      code: 1,
      err: `ztm-chat: --file ${large} has 1048577 bytes; mediaMaxMb allows 1 MB.\n`,
    })
    expect(await send(...Array.from({ length: 11 }, () => ['--file', small]).flat())).toMatchObject({
      code: 2,
      err: 'ztm-chat: There are 11 files; one message takes 10.\n',
    })
    expect(await send()).toMatchObject({ code: 2, err: expect.stringContaining('the text is empty, and there is no --file.') })
    mesh.user(mesh.bot).agent.down()
    expect(await send('--file', small)).toMatchObject({ code: 1, err: expect.stringContaining('Is the ZTM agent running there?') })
  })
})

describe('send to a bot that rests', { timeout: 60_000 }, () => {
  test('takes what is sent at the same time, one after the other, and nothing for a name that nobody has', async () => {
    const { at, alice } = await bot()
    const first = startInTest(['run', ...at, '--json'])
    await first.line(isLive)
    await first.stop()

    const sent = await Promise.all(['one', 'two', 'three', 'four'].map(text => run(['send', '--to', 'alice', text, ...at])))
    for (const { code, err } of sent) expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(await run(['send', '--to', 'alcie', 'five', ...at])).toMatchObject({
      code: 1,
      out: [],
      err: 'ztm-chat: Nobody on the mesh is known as alcie, so nothing was sent; write alice if that is who is meant, or send again when they are online.\n',
    })
    const second = startInTest(['run', ...at, '--json'])
    await second.line(isLive)

    await expect
      .poll(
        () =>
          alice
            .inbox()
            .map(({ message }) => (message as { text: string }).text)
            .sort(),
        { timeout: 30_000 },
      )
      .toEqual(['one', 'two', 'three', 'four'].sort())
  })
})
