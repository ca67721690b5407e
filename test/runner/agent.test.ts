import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { run, startInTest, worldOf } from './cli.ts'

describe('agent', { timeout: 60_000 }, () => {
  test('serves the bot, the users and the control, each on a port of its own', async () => {
    const running = startInTest(['agent', '--port', '0', '--bot', 'my-bot', '--mesh', 'lab', '--users', 'alice,bob', '--json'])
    const ready = await running.line(({ event }) => event === 'ready')
    const users = ready['users'] as Record<string, string>
    expect(ready).toMatchObject({ mesh: 'lab', bot: 'my-bot', users: { alice: expect.any(String), bob: expect.any(String) } })
    expect(new Set([ready['url'], ready['control'], users['alice'], users['bob']]).size).toBe(4)

    const api = '/api/meshes/lab/apps/ztm/chat/api'
    const posted = await fetch(`${users['alice']}${api}/peers/my-bot/messages`, { method: 'POST', body: '{"text":"by curl"}' })
    expect(posted.status).toBe(201)
    await expect
      .poll(async () => (await fetch(`${ready['url']}${api}/peers/alice/messages`)).json(), { timeout: 10_000 })
      .toMatchObject([{ sender: 'alice', message: { text: 'by curl' } }])
    expect((await running.stop('SIGINT')).code).toBe(0)
  })

  test('the control speaks for users that it makes, in groups too, and refuses what makes no sense', async () => {
    const running = startInTest(['agent', '--port', '0', '--json'])
    const ready = await running.line(({ event }) => event === 'ready')
    const post = (path: string, body: string) => fetch(`${ready['control']}/sim/users/${path}`, { method: 'POST', body })

    expect((await post('dora/groups/team', '{"name":"Team","members":["dora","openclaw-bot"]}')).status).toBe(201)
    expect((await post('dora/says', '{"text":"in the group","to":"group:dora/team"}')).status).toBe(201)
    expect((await post('dora/says', '{"message":7}')).status).toBe(201)
    expect((await post('dora/says', '{"txt":"typo"}')).status).toBe(400)
    expect((await post('dora/says', 'no json')).status).toBe(400)
    expect((await post('a%2Fb/says', '{"text":"x"}')).status).toBe(400)
    expect((await post('dora/shouts', '{}')).status).toBe(404)
    // Its next line is the shell's prompt.
    expect(await (await fetch(`${ready['control']}/sim/users/dora/inbox`)).text()).toMatch(/\n$/)

    const chats = async () => (await fetch(`${ready['url']}/api/meshes/demo-mesh/apps/ztm/chat/api/chats`)).json()
    await expect
      .poll(chats, { timeout: 10_000 })
      .toMatchObject(
        expect.arrayContaining([
          expect.objectContaining({ creator: 'dora', group: 'team' }),
          expect.objectContaining({ peer: 'dora', latest: expect.objectContaining({ message: 7 }) }),
        ]),
      )
    const world = worldOf(ready)
    await world.agentOf('openclaw-bot', 'down')
    await expect(chats()).rejects.toThrow('fetch failed')
    await world.agentOf('openclaw-bot', 'up')
    await expect.poll(chats, { timeout: 10_000 }).toHaveLength(2)
    await world.faultOf('openclaw-bot', 'error500', 1)
    expect(await chats()).toMatchObject({ status: 500 })
    expect(await chats()).toHaveLength(2)
  })

  test('a port in use is told, with a way out', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const ended = await run(['agent', '--port', String(port)])
    expect(ended).toMatchObject({
      code: 2,
      err: expect.stringContaining('is in use by another program; choose another --port, or 0 for free ones.'),
    })
  })
})
