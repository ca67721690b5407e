import { request } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'
import { createMesh, type SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { type ServedAgent, serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { CHAT, MESH } from './world.ts'

const BOT = 'openclaw-bot'

describe('an agent served over HTTP', { timeout: 60_000 }, () => {
  const served: ServedAgent[] = []
  afterEach(async () => {
    for (const agent of served.splice(0)) await agent.close()
  })

  async function serve(): Promise<{ mesh: SimMesh; url: string }> {
    const mesh = createMesh({ clock: systemClock, random: createSeededRandom(1), name: 'home', quirks: CALM })
    const agent = await serveAgent(mesh.user(BOT).agent)
    served.push(agent)
    return { mesh, url: agent.url }
  }

  const getJson = async (url: string) => (await fetch(url)).json()

  /** Asks again until the answer is right: the mesh takes real time. */
  async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
    while (!(await isTrue())) await new Promise(resolve => setImmediate(resolve))
  }

  test('listens on the loopback and answers with type and length', async () => {
    const { url } = await serve()
    const answer = await fetch(`${url}/api/version`)
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(Number(answer.headers.get('content-length'))).toBe((await answer.text()).length)
  })

  test('takes bodies, and gives the path to the agent as it was sent', async () => {
    const { mesh, url } = await serve()
    const posted = await fetch(`${url}${CHAT}/peers/%E5%BC%A0%20%25/messages`, { method: 'POST', body: '{"text":"hi"}' })
    expect(posted.status).toBe(201)
    await until(() => mesh.user(BOT).inbox('peer:张 %').length === 1)

    const raw = request(`${url}`, { path: `${CHAT}/peers/../messages`, method: 'GET' }).end()
    const status = await new Promise(resolve => raw.once('response', answer => resolve(answer.resume().statusCode)))
    expect(status).toBe(404)
  })

  test('HEAD is another method, and 204 has no body', async () => {
    const { url } = await serve()
    expect((await fetch(`${url}/api/version`, { method: 'HEAD' })).status).toBe(405)
    expect((await fetch(`${url}/api/meshes/none`, { method: 'DELETE' })).status).toBe(204)
  })

  test('a long-poll is answered by the message that it waits for', async () => {
    const { mesh, url } = await serve()
    const waiting = getJson(`${url}${MESH}/files?since=${Date.now()}&wait=true`)
    await until(() => mesh.hub.waiting() > 1)
    await mesh.user('alice').says('wake up')
    expect(Object.keys((await waiting) as object)[0]).toContain(`/shared/alice/publish/peers/${BOT}/messages/`)
  })

  test('a client that goes away ends its long-poll', async () => {
    const { mesh, url } = await serve()
    const before = mesh.hub.waiting()
    const client = new AbortController()
    const waiting = fetch(`${url}${MESH}/files?since=${Date.now() + 1e6}&wait=true`, { signal: client.signal })
    await until(() => mesh.hub.waiting() === before + 1)
    client.abort()
    await expect(waiting).rejects.toThrow()
    await until(() => mesh.hub.waiting() === before)
  })

  test('a body of 100 MB is streamed', async () => {
    const { mesh, url } = await serve()
    mesh.user(BOT).agent.answer('huge')
    const answer = await fetch(`${url}${CHAT}/chats`)
    let bytes = 0
    for await (const chunk of answer.body!) bytes += chunk.length
    expect(bytes).toBe(100 * 1024 * 1024)
  })

  test('a client may stop reading a huge body', async () => {
    const { mesh, url } = await serve()
    const stop = mesh.user(BOT).agent.answer('huge')
    const answer = await fetch(`${url}${CHAT}/chats`)
    await answer.body!.cancel()
    stop()
    expect(await getJson(`${url}${CHAT}/chats`)).toEqual([])
  })

  test('connections are refused while it is down, and taken again on the same port', async () => {
    const { mesh, url } = await serve()
    const { agent } = mesh.user(BOT)
    agent.down()
    const refused = async () => {
      try {
        await fetch(`${url}/api/version`)
        return false
      } catch (error) {
        return ((error as Error).cause as { code?: string }).code === 'ECONNREFUSED'
      }
    }
    await until(refused)
    agent.up()
    await until(async () => !(await refused()))
    expect((await fetch(`${url}/api/version`)).status).toBe(200)
  })

  test('a kill breaks what is under way', async () => {
    const { mesh, url } = await serve()
    const waiting = fetch(`${url}${MESH}/files?since=${Date.now() + 1e6}&wait=true`)
    await until(() => mesh.hub.waiting() > 1)
    mesh.user(BOT).agent.kill()
    await expect(waiting).rejects.toThrow()
  })
})
