import { request } from 'node:http'
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { createMachine } from 'xstate'
import type { Commands } from '../../src/inspector/commands.ts'
import { FRAME_BYTES_MAX, type ToClient } from '../../src/inspector/protocol.ts'
import { type Inspector, type InspectorOptions, serveInspector } from '../../src/inspector/server.ts'
import { createWorld } from '../../src/simulator/world.ts'

async function served(options: Partial<InspectorOptions> = {}) {
  const world = createWorld({ config: { dmPolicy: 'pairing', allowFrom: ['alice'] } })
  await world.start()
  const inspector = await serveInspector({ runtime: world.runtime, version: '1.2.3', now: world.clock.now, ...options })
  onTestFinished(async () => {
    await inspector.close()
    await world.stop()
  })
  return { world, inspector }
}

type Answer = { readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly body: string }

const get = ({ port }: Inspector, path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
  new Promise<Answer>((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, response => {
      let body = ''
      response.on('data', chunk => {
        body += String(chunk)
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    asked.on('error', reject)
    asked.end()
  })

/** The status that refuses the upgrade, or 101. */
const upgrade = ({ port }: Inspector, path: string, headers: Readonly<Record<string, string>> = {}) =>
  new Promise<number>(resolve => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
    socket.on('open', () => {
      resolve(101)
      socket.terminate()
    })
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0))
    socket.on('error', () => {})
  })

async function connected({ port, token }: Inspector) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/stream?token=${token}`)
  const got: ToClient[] = []
  socket.on('message', data => got.push(JSON.parse(String(data)) as ToClient))
  const closed = new Promise<number>(resolve => socket.on('close', resolve))
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  onTestFinished(() => socket.terminate())
  const act = async (what: unknown) => {
    socket.send(JSON.stringify({ t: 'act', n: 7, act: what }))
    await expect.poll(() => got.some(({ t }) => t === 'done')).toBe(true)
    return got.find(({ t }) => t === 'done')
  }
  return { socket, got, closed, act }
}

describe('who may come in', () => {
  test('figures need the token, whole and right, in a header or in the address', async () => {
    const { inspector } = await served()
    const { token } = inspector
    for (const path of ['/metrics', '/status']) {
      expect((await get(inspector, path)).status).toBe(401)
      expect((await get(inspector, `${path}?token=${token}x`)).status).toBe(401)
      expect((await get(inspector, path, { authorization: `Bearer ${token.slice(1)}` })).status).toBe(401)
      expect((await get(inspector, `${path}?token=${token}`)).status).toBe(200)
      expect((await get(inspector, path, { authorization: `Bearer ${token}` })).status).toBe(200)
    }
  })

  test('have the accounts, too, whose state cannot be opened: they are not live', async () => {
    const { world } = await served()
    const blocked = { ...world.account.status(), account: 'locked', state: 'blocked' as const }
    const { inspector } = await served({ runtime: { ...world.runtime, unopened: () => [blocked] } })

    const { body } = await get(inspector, `/metrics?token=${inspector.token}`)

    expect(body).toContain('ztm_chat_up{account="locked"} 0\n')
    expect(body).not.toContain('ztm_chat_chats{account="locked"}')
  })

  test('are of now where things are seen only while somebody listens', async () => {
    const { world } = await served()
    const state = { asked: 0 }
    const fresh = async () => {
      state.asked += 1
      await world.mesh.user('alice').says(`message ${state.asked}`)
      await world.settle()
    }
    const { inspector } = await served({ runtime: { ...world.runtime, fresh } })

    expect((await get(inspector, '/status')).status).toBe(401)
    expect(state.asked).toBe(0)
    for (const [index, path] of ['/status', '/metrics', '/status'].entries()) {
      const { body } = await get(inspector, `${path}?token=${inspector.token}`)
      if (path === '/status') expect(JSON.parse(body)).toMatchObject({ accounts: [{ status: { counters: { seen: index + 1 } } }] })
    }
    expect(state.asked).toBe(3)
  })

  test('a token for metrics opens figures, and nothing else', async () => {
    const { inspector } = await served({ metricsToken: 'one that survives a restart' })
    const bearer = { authorization: 'Bearer one that survives a restart' }
    for (const path of ['/metrics', '/status']) {
      expect((await get(inspector, path, bearer)).status).toBe(200)
      expect((await get(inspector, path, { authorization: 'Bearer one that survives a restar' })).status).toBe(401)
      expect((await get(inspector, path, { authorization: `Bearer ${inspector.token}` })).status).toBe(200)
    }
    for (const path of ['/stream', '/stately']) expect(await upgrade(inspector, path, bearer)).toBe(401)
    expect(inspector.url).not.toContain('survives')
  })

  test('streams need it, too', async () => {
    const { inspector } = await served()
    for (const path of ['/stream', '/stately']) {
      expect(await upgrade(inspector, path)).toBe(401)
      expect(await upgrade(inspector, `${path}?token=guessed`)).toBe(401)
      expect(await upgrade(inspector, `${path}?token=${inspector.token}`)).toBe(101)
    }
    expect(await upgrade(inspector, `/other?token=${inspector.token}`)).toBe(404)
    expect(inspector.listening()).toBe(0)
  })

  test('a foreign name that was pointed at this machine is turned away, even with the token', async () => {
    const { inspector } = await served()
    for (const host of [
      `evil.example:${inspector.port}`,
      'localhost',
      `127.0.0.1.evil.example:${inspector.port}`,
      `localhost:${inspector.port + 1}`,
    ]) {
      expect((await get(inspector, '/', { host })).status).toBe(421)
      expect((await get(inspector, `/status?token=${inspector.token}`, { host })).status).toBe(421)
      expect(await upgrade(inspector, `/stream?token=${inspector.token}`, { host })).toBe(421)
    }
    expect((await get(inspector, `/status?token=${inspector.token}`, { host: `localhost:${inspector.port}` })).status).toBe(200)
  })

  test('a page from elsewhere is turned away, even with the token', async () => {
    const { inspector } = await served()
    for (const origin of [
      'https://evil.example',
      'null',
      `http://127.0.0.1:${inspector.port + 1}`,
      `https://127.0.0.1:${inspector.port}`,
    ]) {
      expect((await get(inspector, `/status?token=${inspector.token}`, { origin })).status).toBe(403)
      expect(await upgrade(inspector, `/stream?token=${inspector.token}`, { origin })).toBe(403)
    }
    expect(await upgrade(inspector, `/stream?token=${inspector.token}`, { origin: `http://127.0.0.1:${inspector.port}` })).toBe(101)
  })

  test('every answer forbids scripts, styles and frames from elsewhere, and none is kept or named elsewhere', async () => {
    const { inspector } = await served()
    for (const path of ['/', '/nothing', '/status']) {
      const { headers } = await get(inspector, path)
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self';.*frame-ancestors 'none'$/,
      )
      expect(headers['content-security-policy']).not.toContain('unsafe')
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' })
    }
  })

  test('nothing but the page’s own files is given out, and nothing is taken in', async () => {
    const { inspector } = await served()
    for (const path of ['/../server.js', '/..%2fserver.js', '/%2e%2e/server.js', '//etc/passwd', '/charts/../../server.js', '/__proto__']) {
      expect((await get(inspector, path)).status).toBe(404)
    }
    expect((await get(inspector, '/', {}, 'POST')).status).toBe(405)
    expect((await get(inspector, '/', {}, 'DELETE')).status).toBe(405)
  })
})

describe('a client', () => {
  test('who sends too much at once, or what is no request, is cut off; the others go on', async () => {
    const { inspector } = await served()
    const good = await connected(inspector)
    const large = await connected(inspector)
    large.socket.send('x'.repeat(FRAME_BYTES_MAX + 1))
    expect(await large.closed).toBe(1009)
    for (const nonsense of [
      '{',
      '[]',
      '{"t":"want"}',
      '{"t":"act","n":1,"act":{"do":"format"}}',
      JSON.stringify({ t: 'want', list: { limit: 1e9 } }),
    ]) {
      const bad = await connected(inspector)
      bad.socket.send(nonsense)
      expect(await bad.closed).toBe(1008)
    }
    await expect.poll(() => good.got.some(({ t }) => t === 'tick')).toBe(true)
    expect(good.socket.readyState).toBe(WebSocket.OPEN)
  })

  test('the 129th is turned away, and there is room again when one leaves', async () => {
    const { inspector } = await served()
    const all = await Promise.all(Array.from({ length: 128 }, () => connected(inspector)))
    expect(await upgrade(inspector, `/stream?token=${inspector.token}`)).toBe(503)
    all[0]?.socket.terminate()
    await expect.poll(() => upgrade(inspector, `/stream?token=${inspector.token}`)).toBe(101)
  })

  test('is told how things are seen, where not as they happen', async () => {
    const { world } = await served()
    const { inspector } = await served({ runtime: { ...world.runtime, seen: 'looked at every second' } })
    const { got } = await connected(inspector)

    await expect.poll(() => got[0]).toMatchObject({ t: 'hello', seen: 'looked at every second' })
  })

  test('may only look where the root gives no commands', async () => {
    const { inspector } = await served()
    const { got, act } = await connected(inspector)
    await expect
      .poll(() => got[0])
      .toMatchObject({ t: 'hello', accounts: ['default'], mayAct: false, personas: [], approveCommand: null, seen: null, version: '1.2.3' })
    expect(await act({ do: 'approve', account: 'default', code: 'X' })).toEqual({
      t: 'done',
      n: 7,
      ok: false,
      said: 'This page may only look.',
    })
  })

  test('acts through the commands of the root, and is told what came of it', async () => {
    const asked: unknown[] = []
    const commands: Commands = {
      pairing: {
        async approve(...what) {
          asked.push(what)
          return 'alice is approved.'
        },
        async reject() {
          throw new Error('No pending request has this code.')
        },
      },
      retry: async () => '',
      drop: async () => '',
    }
    const { inspector } = await served({ commands })
    expect(await (await connected(inspector)).act({ do: 'approve', account: 'default', code: 'ABC' })).toMatchObject({
      ok: true,
      said: 'alice is approved.',
    })
    expect(asked).toEqual([['default', 'ABC']])
    expect(await (await connected(inspector)).act({ do: 'reject', account: 'default', code: 'ABC' })).toMatchObject({
      ok: false,
      said: 'No pending request has this code.',
    })
    expect(await (await connected(inspector)).act({ do: 'say', user: 'alice', chat: 'peer:bot', text: 'hi' })).toMatchObject({ ok: false })
  })
})

test('where strangers are let in elsewhere, the page is told the command, and an approval from it is refused with that', async () => {
  const nothing = async () => ''
  const { inspector } = await served({ commands: { pairing: { command: 'openclaw pairing approve' }, retry: nothing, drop: nothing } })
  const { got, act } = await connected(inspector)
  await expect.poll(() => got[0]).toMatchObject({ t: 'hello', mayAct: true, approveCommand: 'openclaw pairing approve' })
  expect(await act({ do: 'approve', account: 'default', code: 'ABC' })).toMatchObject({
    ok: false,
    said: 'Who is let in is decided with "openclaw pairing approve ABC --account default".',
  })
})

test('metrics are Prometheus text: a type for each name, a number in each line, labels that cannot be broken out of', async () => {
  const { world, inspector } = await served()
  await world.mesh.user('alice').says('hello')
  await world.mesh.user('mallory').says('hello')
  await world.settle()
  const { headers, body } = await get(inspector, `/metrics?token=${inspector.token}`)
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  const lines = body.trimEnd().split('\n')
  const typed = new Set(lines.flatMap(line => /^# TYPE (\w+) (?:counter|gauge)$/.exec(line)?.[1] ?? []))
  for (const line of lines.filter(line => !line.startsWith('#'))) {
    const [, name = ''] = /^(\w+)\{(?:\w+="(?:[^"\\\n]|\\.)*",?)+\} -?[\d.]+(?:e-?\d+)?$/.exec(line) ?? []
    expect(typed, line).toContain(name)
  }
  expect(body).toContain('ztm_chat_messages_seen_total{account="default"} 2')
  expect(body).toContain('ztm_chat_replies_confirmed_total{account="default"}')
  expect(body).toContain('ztm_chat_pairing_requests{account="default"} 1')
})

test('Stately’s own client gets actors with their charts, their events, and their states', async () => {
  const { world, inspector } = await served()
  const events: StatelyInspectionEvent[] = []
  const receiver = createWebSocketReceiver({ server: `ws://127.0.0.1:${inspector.port}/stately?token=${inspector.token}` })
  receiver.subscribe(event => events.push(event))
  await expect.poll(() => events.length, { timeout: 20_000 }).toBeGreaterThan(0)
  await world.mesh.user('alice').says('hello')
  await world.settle()

  await expect
    .poll(() => events.some(({ type, sessionId }) => type === '@xstate.snapshot' && sessionId === 'default/chat:peer:alice'), {
      timeout: 20_000,
    })
    .toBe(true)
  const actors = events.filter(event => event.type === '@xstate.actor')
  expect(actors.map(({ name }) => name)).toEqual(expect.arrayContaining(['account:default', 'snapshot:default', 'chat:peer:alice']))
  // Each is introduced before it is spoken of, and once.
  const known = new Set<string>()
  for (const event of events) {
    if (event.type === '@xstate.actor') {
      expect(known).not.toContain(event.sessionId)
      known.add(event.sessionId)
    } else expect(known).toContain(event.sessionId)
  }
  const chat = actors.find(({ name }) => name === 'chat:peer:alice')
  expect(chat?.parentId).toBe('default/account:default')
  // Where the page is built, the chart comes along, and is the chart.
  if (chat?.definition !== undefined) expect(createMachine(JSON.parse(chat.definition)).root.id).toBe('chat')
  expect(JSON.stringify(events)).not.toContain('hello')
})
