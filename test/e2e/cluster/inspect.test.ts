/** The inspector's page of a fleet in processes of its own. */
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import type { ToClient, Wants } from '../../../src/inspector/protocol.ts'
import { createMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { createFleet, type Fleet } from './fleet.ts'

const PATIENCE = { timeout: 60_000, interval: 100 }
const BOT = 'bot'
const NOTHING: Wants = { list: null, actor: null, chat: null, log: false }
type Tick = Extract<ToClient, { t: 'tick' }>

async function startFleetOfOne() {
  const mesh = createMesh({ clock: systemClock, random: cryptoRandom, name: 'home', quirks: CALM })
  mesh.bot = BOT
  const agent = await serveAgent(mesh.user(BOT).agent)
  onTestFinished(() => agent.close())
  const fleet = await createFleet({
    config: {
      meshName: 'home',
      agentUrl: agent.url,
      username: BOT,
      dmPolicy: 'pairing',
      allowFrom: ['alice'],
      limits: { confirmationLookMs: 100 },
    },
  })
  onTestFinished(() => fleet.dispose())
  await fleet.start('engine')
  await Promise.all([fleet.start('service'), fleet.start('feeder')])
  return { mesh, fleet }
}

/** The page's address, as the command prints it. */
async function inspected(fleet: Fleet): Promise<URL> {
  for await (const line of createInterface(fleet.command('inspect').stdout!))
    return new URL((JSON.parse(line) as { readonly url: string }).url)
  throw new Error('The inspector ended without a word.')
}

/** As a page does. */
async function looking({ host, hash }: URL) {
  const socket = new WebSocket(`ws://${host}/stream?${hash.slice(1)}`)
  onTestFinished(() => socket.terminate())
  const got: ToClient[] = []
  socket.on('message', data => got.push(JSON.parse(String(data)) as ToClient))
  await new Promise(resolve => socket.once('open', resolve))
  let calls = 0
  const ticks = () => got.filter((message): message is Tick => message.t === 'tick')
  return {
    got,
    want: (wants: Partial<Wants>) => socket.send(JSON.stringify({ t: 'want', ...NOTHING, ...wants })),
    /** The newest of a part. */
    shown: <Part extends keyof Tick>(part: Part) => ticks().findLast(tick => tick[part] !== undefined)?.[part],
    events: () => ticks().flatMap(({ log }) => log?.lines ?? []),
    async act(act: object) {
      const n = ++calls
      socket.send(JSON.stringify({ t: 'act', n, act }))
      const done = () => got.find(message => message.t === 'done' && message.n === n)
      await expect.poll(done, PATIENCE).toBeDefined()
      return done()
    },
  }
}

test('the inspector of a fleet shows what becomes of a message, and lets a stranger in', { timeout: 240_000 }, async () => {
  const { mesh, fleet } = await startFleetOfOne()
  const page = await looking(await inspected(fleet))
  page.want({ log: true, chat: { account: 'default', chat: 'peer:alice' }, actor: { account: 'default', actor: 'chat:peer:alice' } })
  await expect.poll(() => page.shown('overview')?.[0]?.status, PATIENCE).toMatchObject({ account: 'default', state: 'live', feed: 'push' })
  expect(page.got[0]).toMatchObject({ t: 'hello', accounts: ['default'], mayAct: true, seen: expect.stringContaining('a fleet') })

  await mesh.user('alice').says('hello', `peer:${BOT}`)

  const whatHappened = () => page.shown('chat')?.lives.map(({ text, moments }) => [text, ...moments.map(({ what }) => what)])
  await expect.poll(whatHappened, PATIENCE).toEqual([['hello', 'accepted', 'answered', 'reply queued', 'reply posted', 'reply confirmed']])
  await expect
    .poll(() => page.shown('actor'), PATIENCE)
    .toMatchObject({
      view: { actor: 'chat:peer:alice', kind: 'chat', value: { door: 'deciding', turn: 'idle' } },
      steps: [
        { event: 'chat.opened' },
        { event: 'message.accepted', value: { turn: { answering: 'dispatching' } } },
        { event: 'turn.answered', value: { turn: 'idle' } },
      ],
    })
  expect(page.events().map(({ actor, event }) => [actor, event])).toContainEqual(['outbox:peer:alice', 'reply.sent'])

  await mesh.user('mallory').says('let me in', `peer:${BOT}`)
  page.want({ list: { account: 'default', search: 'mallory', busyOnly: true, offset: 0, limit: 10 } })
  await expect.poll(() => page.shown('overview')?.[0]?.pairings, PATIENCE).toMatchObject([{ user: 'mallory', held: 1 }])
  await expect
    .poll(() => page.shown('list')?.rows.map(({ actor }) => actor), PATIENCE)
    .toEqual(expect.arrayContaining(['pairing:mallory', 'chat:peer:mallory']))
  const { code } = page.shown('overview')![0]!.pairings[0]!
  expect(await page.act({ do: 'approve', account: 'default', code })).toMatchObject({
    ok: true,
    said: 'mallory is approved; what they wrote is answered now.',
  })
  await expect
    .poll(
      () =>
        mesh
          .user('mallory')
          .inbox(`peer:${BOT}`)
          .map(({ message }) => (message as { readonly text?: string }).text),
      PATIENCE,
    )
    .toContain('echo: let me in')
  await expect.poll(() => page.shown('overview')?.[0]?.pairings, PATIENCE).toEqual([])
})
