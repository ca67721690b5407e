import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { lookAtPermit } from '../../../src/runner/doctor/permit.ts'
import { createAuthority } from '../../adapters/ztm/certificates.ts'
import { closedPort, startServer } from '../../adapters/ztm/local-server.ts'
import { settingsOf } from '../../plugin/stand-ins.ts'
import { folderInTest } from '../cli.ts'

const mesh = await createAuthority('mesh')
const never = new AbortController().signal
const look = async (permit: object, isJoined: boolean | null = false) =>
  (await lookAtPermit(settingsOf(permit), isJoined, systemClock, never)).map(({ level, message }) => `${level}: ${message}`)

async function serverThat(status: number) {
  const server = await startServer((_, response) => void response.writeHead(status).end())
  onTestFinished(() => server.close())
  const permitUrl = `${server.url}/permit?token=hunter2`
  return { server, permit: { permitSource: 'server', permitUrl } }
}

describe('the permit', () => {
  test('is not looked at when none is configured', async () => {
    expect(await look({})).toEqual([])
  })

  test.each([200, 204, 302, 401, 404, 405])('from a server that answers %i can be had, and none is asked for', async status => {
    const { server, permit } = await serverThat(status)

    expect(await look(permit)).toEqual([`ok: The permit server at ${server.url}/permit?*** can be reached.`])
    expect(server.requests.map(({ method }) => method)).toEqual(['GET'])
  })

  test('from a server that fails, or is away, is a problem where it is needed, and a warning where the mesh is joined', async () => {
    const { server, permit } = await serverThat(503)
    const failed = `The permit server at ${server.url}/permit?*** answers with 503.`
    expect(await look(permit, false)).toEqual([`problem: ${failed}`])
    expect(await look(permit, null)).toEqual([`problem: ${failed}`])
    expect(await look(permit, true)).toEqual([`warning: ${failed} It is not needed as long as the mesh is joined.`])

    const away = await closedPort()
    expect(await look({ permitSource: 'server', permitUrl: `${away}/permit?token=hunter2` })).toEqual([
      `problem: GET ${away}/permit got no answer (connection refused). Is the permit server running there?`,
    ])
  })

  test('in a file is read: it has to be for this user, and for its owner’s eyes only', async () => {
    const path = join(await folderInTest(), 'permit.json')
    const permit = { permitSource: 'file', permitFilePath: path }
    const write = async (user: string) => {
      const { cert } = await mesh.signs(user)
      const content = { ca: mesh.cert, agent: { certificate: cert, privateKey: 'hunter2' }, bootstraps: ['hub:8888'] }
      await writeFile(path, JSON.stringify(content), { mode: 0o600 })
    }
    expect(await look(permit)).toEqual([expect.stringMatching(/^problem: The permit file .+ does not exist;/)])

    await write('my-bot')
    expect(await look(permit)).toEqual([`ok: The permit ${path} can be used.`])
    await chmod(path, 0o644)
    expect(await look(permit)).toEqual([expect.stringMatching(/^problem: .+ can be read by every user of this machine/)])
    await chmod(path, 0o600)
    await write('dave')
    expect(await look(permit, true)).toEqual([expect.stringMatching(/^warning: The permit file .+ is for the user "dave"/)])
  })
})
