/** What we add to the time that the real gateway takes for an answer. The model answers at once, so that what is left is the gateway and us. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { type ServedAgent, serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { createGateway, type Gateway, HOST_FOLDER } from './gateway.ts'
import { type ModelServer, startModelServer } from './model-server.ts'
import { installHost, packPlugin } from './package-under-test.ts'
import { hostWork, profiledInto } from './profile.ts'
import { until } from './until.ts'
import { conversation, MESH, modelConfig } from './world.ts'

const BOT = 'bot'
const SINGLE = 30
const CROWD = Number(process.env['CROWD'] ?? 100)
const WAIT_MS_MAX = 600_000

const mesh = new SimMesh({ clock: systemClock, random: cryptoRandom, name: MESH, quirks: CALM })
let gateway: Gateway
let model: ModelServer
let agent: ServedAgent
let smallest: Smallest
/** What our agent was asked, with the moment, wall clock ms. */
const requests: { readonly what: 'file read' | 'posted'; readonly target: string; readonly body: string; readonly atMs: number }[] = []

type Smallest = { readonly url: string; says(user: string, text: string): void; heard(): ReadonlyMap<string, string>; close(): void }

/** The other side of the smallest channel. */
async function startSmallest(): Promise<Smallest> {
  const waiting: { readonly id: string; readonly user: string; readonly text: string }[] = []
  const heard = new Map<string, string>()
  let wake = () => {}
  let count = 0
  const server: Server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const { user, text } = z.object({ user: z.string(), text: z.string() }).parse(JSON.parse(Buffer.concat(chunks).toString()))
      heard.set(user, text)
      response.end()
      return
    }
    if (waiting.length === 0)
      await new Promise<void>(resolve => {
        wake = resolve
      })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(waiting.splice(0)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    says(user, text) {
      waiting.push({ id: `s${++count}`, user, text })
      wake()
    },
    heard: () => heard,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

const tail = async () => (await gateway.log()).slice(-6_000)
const chatOf = (user: string) => conversation(mesh.user(user), BOT, `peer:${BOT}`, tail)
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const p99 = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN
const spread = (values: readonly number[]) => ({ p50: Math.round(median(values)), p99: Math.round(p99(values)) })

beforeAll(async () => {
  await installHost()
  const tarball = await packPlugin()
  model = await startModelServer()
  smallest = await startSmallest()
  const bot = mesh.user(BOT).agent
  bot.answer(({ method, target, body }) => {
    const what = method === 'POST' && target.endsWith('/messages') ? 'posted' : target.includes('/file-data/') ? 'file read' : null
    if (what) requests.push({ what, target: decodeURIComponent(target), body: Buffer.from(body ?? '').toString(), atMs: Date.now() })
    return null
  })
  agent = await serveAgent(bot)
  gateway = await createGateway()
  await gateway.configure(modelConfig(model.url))
  await gateway.must('plugins', 'install', `npm-pack:${tarball}`, '--force', '--accept-capabilities')
  await gateway.must('plugins', 'install', '-l', join(import.meta.dirname, 'smallest-channel'), '--force', '--accept-capabilities')
  await gateway.configure({
    channels: {
      // Who answers within a second, and goes on, is taken for another bot, by OpenClaw as well.
      defaults: { botLoopProtection: { enabled: false } },
      'ztm-chat': { agentUrl: agent.url, meshName: MESH, username: BOT, dmPolicy: 'open', limits: { loopAlternations: 1_000_000 } },
      smallest: { url: smallest.url },
    },
  })
})

/** The first turn of a gateway loads half of it. */
async function startWarm(...nodeWords: readonly string[]): Promise<void> {
  await gateway.start(...nodeWords)
  const chat = chatOf('warm')
  const text = `first words ${chat.heard().length}`
  await chat.says(text)
  await chat.hears(`model says: ${text}`)
  smallest.says('warm', text)
  await until('the smallest channel answers', () => smallest.heard().get('warm')?.includes(text) === true, WAIT_MS_MAX, tail)
}

afterAll(async () => {
  await gateway?.dispose()
  await agent?.close()
  smallest?.close()
  await model?.close()
})

/** When the plugin logged this of a message, by its id, wall clock ms. */
async function loggedAt(phrase: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (const line of (await gateway.log()).split('\n')) {
    if (!line.startsWith('{') || !line.includes(phrase)) continue
    const id = /\b(?:id|key)=\\*"([0-9a-f]{24})/.exec(line)?.[1]
    const at = /"date":"([^"]+)"/.exec(line)?.[1] ?? /"time":"([^"]+)"/.exec(line)?.[1]
    if (id && at && !found.has(id)) found.set(id, Date.parse(at))
  }
  return found
}

/**
 * All that a message does runs on the gateway's one thread, between what the gateway does there for its own ends: our share is what is left
 * of the time without that.
 */
test('our share of the way of a single message: from the read of its file to the gateway, and from its answer to the post', {
  timeout: WAIT_MS_MAX,
}, async () => {
  const profiles = await mkdtemp(join(tmpdir(), 'ztm-chat-profiles-'))
  onTestFinished(() => rm(profiles, { recursive: true }))
  await startWarm(...profiledInto(profiles))
  const chat = chatOf('single')
  const waits: number[] = []
  for (let n = 0; n < SINGLE; n++) {
    const text = `single ${n}`
    const beganMs = Date.now()
    await chat.says(text)
    await chat.hears(`model says: ${text}`)
    waits.push(Date.now() - beganMs)
    await pause(300)
  }
  await gateway.stop()
  const hostMs = await hostWork({ profiles, host: HOST_FOLDER, plugin: gateway.stateDir })
  const [begun, handed] = [await loggedAt('turn handed over'), await loggedAt('reply handed over')]
  const ways: { readonly in: Way; readonly out: Way; readonly both: Way }[] = []
  for (const post of requests.filter(({ what, body }) => what === 'posted' && body.includes('model says: single'))) {
    const id = /"key":"([0-9a-f]{24})/.exec(post.body)?.[1] ?? ''
    const beganMs = begun.get(id)
    const handedMs = handed.get(id)
    if (beganMs === undefined || handedMs === undefined) throw new Error(`The log lacks message ${id}.`)
    const read = requests.findLast(({ what, target, atMs }) => what === 'file read' && target.includes('/single/') && atMs <= beganMs)
    if (!read) throw new Error(`Nobody read the file of message ${id}.`)
    const into = { rawMs: beganMs - read.atMs, hostMs: hostMs(read.atMs, beganMs) }
    const out = { rawMs: post.atMs - handedMs, hostMs: hostMs(handedMs, post.atMs) }
    ways.push({ in: into, out, both: { rawMs: into.rawMs + out.rawMs, hostMs: into.hostMs + out.hostMs } })
  }
  const figures = (of: readonly Way[]) => ({
    share: spread(of.map(({ rawMs, hostMs }) => rawMs - hostMs)),
    host: spread(of.map(({ hostMs }) => hostMs)),
    raw: spread(of.map(({ rawMs }) => rawMs)),
  })
  console.dir(
    {
      messages: ways.length,
      in: figures(ways.map(way => way.in)),
      out: figures(ways.map(way => way.out)),
      both: figures(ways.map(way => way.both)),
      wholeAnswer: spread(waits),
    },
    { depth: 3 },
  )
  expect(ways).toHaveLength(SINGLE)
})

/** A part of a message's way: how long it took, and how much of that the host was at work. */
type Way = { readonly rawMs: number; readonly hostMs: number }

test(`${CROWD} users at once: the last answer, beside that of the smallest possible channel`, { timeout: WAIT_MS_MAX }, async () => {
  await startWarm()
  const ours = async (round: number) => {
    const chats = Array.from({ length: CROWD }, (_, n) => chatOf(`ours-${round}-${n}`))
    const beganMs = performance.now()
    await Promise.all(chats.map(chat => chat.says('hello')))
    await until('all are answered', () => chats.every(chat => chat.heard().length > 0), WAIT_MS_MAX, tail)
    return performance.now() - beganMs
  }
  const theirs = async (round: number) => {
    const users = Array.from({ length: CROWD }, (_, n) => `theirs-${round}-${n}`)
    const beganMs = performance.now()
    for (const user of users) smallest.says(user, 'hello')
    await until('all are answered', () => users.every(user => smallest.heard().has(user)), WAIT_MS_MAX, tail)
    return performance.now() - beganMs
  }
  const rounds: { ours: number; smallest: number }[] = []
  for (const round of [0, 1]) {
    const [first, second] = round === 0 ? ['smallest', 'ours'] : ['ours', 'smallest']
    const one: Record<string, number> = {}
    for (const which of [first, second]) one[which ?? ''] = which === 'ours' ? await ours(round) : await theirs(round)
    rounds.push({ ours: one['ours'] ?? Number.NaN, smallest: one['smallest'] ?? Number.NaN })
  }
  const sum = (of: 'ours' | 'smallest') => rounds.reduce((total, round) => total + round[of], 0)
  console.info({ rounds, ratio: sum('ours') / sum('smallest') })
  expect(rounds).toHaveLength(2)
})

test('one turn that takes long keeps nobody else waiting', { timeout: WAIT_MS_MAX }, async () => {
  await startWarm()
  const other = chatOf('other')
  const waits = async (prefix: string) => {
    const found: number[] = []
    for (let n = 0; n < 15; n++) {
      const beganMs = performance.now()
      await other.says(`${prefix} ${n}`)
      await other.hears(`model says: ${prefix} ${n}`)
      found.push(performance.now() - beganMs)
      await pause(200)
    }
    return median(found)
  }
  await waits('warm')
  const aloneMs = await waits('alone')
  const held = model.hold(/take your time/)
  const slow = chatOf('slow')
  await slow.says('take your time')
  await until('the model is asked', () => model.about('take your time').length > 0, WAIT_MS_MAX, tail)
  const besideMs = await waits('beside')
  held.release()
  await slow.hears('model says: take your time')
  const againMs = await waits('alone again')
  console.info({ aloneMs, besideMs, againMs, growth: besideMs - Math.max(aloneMs, againMs) })
  expect(slow.heard()).toEqual(['model says: take your time'])
})
