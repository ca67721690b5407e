/** What comes to the inspector and to the control socket: requests of this machine's programs, with the token and without. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { refuseHost, refuseOrigin, refuseToken } from '../../../src/inspector/guard.ts'
import { createHub } from '../../../src/inspector/hub.ts'
import { metricsText } from '../../../src/inspector/metrics.ts'
import { fromClient } from '../../../src/inspector/protocol.ts'
import { type Inspector, serveInspector } from '../../../src/inspector/server.ts'
import { type Control, ControlRefused, requestSchema } from '../../../src/runner/control/protocol.ts'
import { serveControl } from '../../../src/runner/control/server.ts'
import { createWorld, type World } from '../../../src/simulator/world.ts'
import { bytesOf, garbage, jsonText, latin1Of, nastyText, nearly, nearlyValue, readAsJson } from '../inputs.ts'
import { target } from '../target.ts'

const TOKEN = 'planted-token'
const PORT = 7_799

const WANT = {
  t: 'want',
  list: { account: 'default', search: 'alice', busyOnly: false, offset: 0, limit: 100 },
  actor: { account: 'default', actor: 'chat:peer:alice' },
  chat: { account: 'default', chat: 'peer:alice' },
  log: true,
}
const frames = nearlyValue(
  WANT,
  { t: 'past', account: 'default', chat: 'group:alice/team' },
  { t: 'act', n: 1, act: { do: 'approve', account: 'default', code: 'ABCDEFGH' } },
  { t: 'act', n: 2, act: { do: 'retry', account: 'default', id: 'abcd' } },
  { t: 'act', n: 3, act: { do: 'say', user: 'alice', chat: 'peer:bot', text: 'hi' } },
)

let world: Promise<World> | null = null
/** One world for all of them, with something in it. */
const theWorld = () => {
  world ??= (async () => {
    const made = createWorld({ config: { dmPolicy: 'pairing', allowFrom: ['alice'] } })
    await made.start()
    for (const user of ['alice', '\u202ealice', '__proto__']) await made.mesh.user(user).says('hello')
    await made.settle()
    return made
  })()
  return world
}

const frame = target({
  name: 'inspector frame',
  input: fc.oneof(frames, jsonText, garbage),
  async check(text) {
    const parsed = fromClient.safeParse(readAsJson(text))
    if (!parsed.success) return
    const { runtime, clock } = await theWorld()
    let tick = () => {}
    const sent: string[] = []
    const hub = createHub({
      accounts: () => runtime.accounts(),
      now: clock.now,
      every(_, run) {
        tick = run
        return () => {}
      },
    })
    const joined = hub.join({ send: message => sent.push(JSON.stringify(message)), unreadBytes: () => 0 })
    const { data } = parsed
    if (data.t === 'want') joined.want(data)
    if (data.t === 'past') await runtime.accounts()[0]?.inspection.past(data.chat)
    tick()
    await new Promise(resolve => setImmediate(resolve))
    tick()
    joined.leave()
    hub.close()
    assert.ok(data.t !== 'want' || sent.length > 0)
  },
})

const headers = fc.record(
  {
    host: fc.oneof(nearly(`127.0.0.1:${PORT}`, `localhost:${PORT}`), nastyText),
    origin: fc.oneof(nearly(`http://127.0.0.1:${PORT}`, `http://localhost:${PORT}`), nastyText),
    authorization: fc.oneof(nearly(`Bearer ${TOKEN}`), nastyText),
  },
  { requiredKeys: [] },
)

const guard = target({
  name: 'inspector guard',
  runs: 300,
  input: fc.record({ url: fc.oneof(nearly(`/status?token=${TOKEN}`, '/stream', '//[?token=x'), nastyText), headers }),
  check({ url, headers }) {
    const incoming = { url, headers } as IncomingMessage
    const isOurs = [`127.0.0.1:${PORT}`, `localhost:${PORT}`].includes(headers.host ?? '')
    assert.equal(refuseHost(incoming, PORT) === null, isOurs)
    const isOwnPage = headers.origin === undefined || [`http://127.0.0.1:${PORT}`, `http://localhost:${PORT}`].includes(headers.origin)
    assert.equal(refuseOrigin(incoming, PORT) === null, isOwnPage)
    // Let in only by the token itself; a URL passes over line breaks.
    if (refuseToken(incoming, TOKEN) === null) assert.ok(`${url.replace(/[\t\r\n]/g, '')} ${headers.authorization}`.includes(TOKEN))
  },
})

let inspector: Promise<Inspector> | null = null
const theInspector = () => {
  inspector ??= theWorld().then(({ runtime }) => serveInspector({ runtime, version: '1' }))
  return inspector
}

/** Whatever bytes come, a program that asks well is answered afterwards. */
const bytes = target({
  name: 'inspector request',
  runs: 60,
  input: fc
    .oneof(
      nearly(
        'GET /status HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer x\r\n\r\n',
        'GET //[ HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
        'GET /stream?token=TOKEN HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\u0081\u0085AAAA',
        'POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      ),
      garbage,
    )
    .map(latin1Of),
  async check(sent) {
    const { port, token } = await theInspector()
    const socket = connect(port, '127.0.0.1')
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.on('error', () => {})
    let got = ''
    socket.on('data', chunk => {
      got += String(chunk)
    })
    socket.end(bytesOf(sent.replaceAll('HOST', `127.0.0.1:${port}`).replaceAll('TOKEN', token)))
    await new Promise(resolve => setTimeout(resolve, 2))
    socket.destroy()
    await closed
    if (!sent.includes('TOKEN')) assert.doesNotMatch(got, /"accounts"/)
    assert.equal(await statusOf(port, token), 200)
  },
})

const statusOf = (port: number, token: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: `/metrics?token=${token}`, agent: false }, answer => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
      .on('error', reject)
      .end()
  })

const metrics = target({
  name: 'metrics labels',
  input: fc.record({ account: nastyText, reason: nastyText }),
  async check({ account, reason }) {
    const { runtime, clock } = await theWorld()
    const [one] = createHub({ accounts: () => runtime.accounts(), now: clock.now }).overview()
    assert.ok(one)
    const status = { ...one.status, account, counters: { ...one.status.counters, ignored: Object.fromEntries([[reason, 1]]) } }
    for (const line of metricsText([{ ...one, status }])
      .trimEnd()
      .split('\n')) {
      assert.match(line, /^# (HELP|TYPE) |^\w+\{(?:\w+="(?:[^"\\\n]|\\.)*",?)+\} -?[\d.]+(?:e[+-]?\d+)?$/)
    }
  },
})

const control = target({
  name: 'control request',
  runs: 60,
  input: fc.array(
    fc
      .oneof(
        nearlyValue(
          { v: 1, do: 'hello' },
          { v: 1, do: 'send', account: null, chat: 'peer:alice', text: 'hi', key: 'k' },
          { v: 1, do: 'explain', account: null, wanted: { chat: 'peer:alice', last: 5 } },
        ),
        jsonText,
        garbage,
      )
      .map(text => latin1Of(text.replaceAll('\n', ' '))),
    { minLength: 1, maxLength: 4 },
  ),
  async check(lines) {
    const folder = mkdtempSync(join(tmpdir(), 'ztm-chat-fuzz-'))
    const asked: unknown[] = []
    const answering: Control = async request => {
      asked.push(request)
      throw new ControlRefused('No.')
    }
    const server = await serveControl(folder, answering)
    try {
      const got = await said(server.path, lines)
      // One answer for each line, and it is one of refusal.
      const answers = got
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line) as { ok: boolean; error: string })
      assert.equal(answers.length, lines.length)
      for (const { ok, error } of answers) assert.ok(!ok && /^(No\.$|The running runner )/.test(error), error)
      for (const one of asked) requestSchema.parse(one)
    } finally {
      await server.close()
      rmSync(folder, { recursive: true })
    }
  },
})

/** Everything that comes back until the other side ends. */
const said = (path: string, lines: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    let got = ''
    const socket = connect(path)
    socket.on('data', chunk => {
      got += String(chunk)
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(got))
    socket.end(Buffer.concat(lines.map(line => bytesOf(`${line}\n`))))
  })

export const inspectorTargets = [frame, guard, bytes, metrics, control]

/** What they have opened. */
export async function closeInspector(): Promise<void> {
  await (await inspector)?.close()
  await (await world)?.stop()
}
