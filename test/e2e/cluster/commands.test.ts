/** The commands that work on a bot, on a fleet: what they tell, and what they have done, with a real engine behind them. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { keyIn } from '../../../src/cluster/keys.ts'
import { ask } from '../../../src/runner/control/ask.ts'
import type { BotRequest } from '../../../src/runner/control/protocol.ts'
import { createMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { folderInTest, run, writeConfig } from '../../runner/cli.ts'
import { createFleet, SECRET } from './fleet.ts'

const BOT = 'my-bot'
const DIRECT = `peer:${BOT}` as const
const PATIENCE = { timeout: 60_000, interval: 100 }
/** More than one page of the engine's tables. */
const MANY = 510

/** In front of the ingress: passes on what it is asked, and loses the answer. */
async function losingAnswers(ingress: string): Promise<string> {
  const server = createServer(async (request, response) => {
    const { method = 'POST', url = '', headers } = request
    const type = headers['content-type']
    await fetch(ingress + url, { method, body: await buffer(request), headers: type === undefined ? {} : { 'content-type': type } })
    response.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function stage() {
  const mesh = createMesh({ clock: systemClock, random: cryptoRandom, name: 'home', quirks: CALM })
  mesh.bot = BOT
  for (const name of [BOT, 'second-bot', 'alice', 'bob', 'carol', 'mallory']) mesh.user(name)
  const agents = [await serveAgent(mesh.user(BOT).agent), await serveAgent(mesh.user('second-bot').agent)] as const
  const config = {
    meshName: 'home',
    dmPolicy: 'pairing',
    allowFrom: ['alice', 'bob'],
    limits: { dispatchAttempts: 1 },
    accounts: { bot: { agentUrl: agents[0].url, username: BOT }, 'bot-2': { agentUrl: agents[1].url, username: 'second-bot' } },
    defaultAccount: 'bot',
  }
  const fleet = await createFleet({
    config,
    isSigned: true,
    responder: `exec:read -r request; case $request in *fail*) echo it does not like this one >&2; exit 1;; *) echo echo;; esac`,
  })
  onTestFinished(async () => {
    await fleet.dispose()
    for (const { close } of agents) await close()
  })
  await fleet.start('engine')
  await Promise.all([fleet.start('service'), fleet.start('feeder')])
  const file = await writeConfig(await folderInTest(), config)
  const command = async (line: string, ingress = fleet.ingress) => {
    const args = [...line.split(' '), '--config', file, '--admin', fleet.admin, '--ingress', ingress, '--json']
    const { code, out, err } = await run(args, { built: true, env: { ZTM_CHAT_CLUSTER_SECRET: SECRET } })
    return { code, err, found: out.map(one => JSON.parse(one) as Record<string, unknown>) }
  }
  /** The same, in this process: for what is asked until it is so. */
  const asked = async <Name extends BotRequest['do']>(request: Extract<BotRequest, { do: Name }>) => {
    const { admin, ingress } = fleet
    return (await ask({ config: file, stateDir: '', json: true, admin, ingress }, request)).result
  }
  const found = async (line: string) => {
    const { code, err, found } = await command(line)
    expect({ code, err }, line).toEqual({ code: 0, err: '' })
    return found
  }
  const inbox = (user: string) =>
    mesh
      .user(user)
      .inbox(DIRECT)
      .flatMap(({ sender, message }) => (sender === BOT ? (message as { readonly text: string }).text : []))
  return { fleet, mesh, asked, command, found, inbox }
}

test('what is known of a bot is known of its fleet, and what can be done to it is done, once', { timeout: 240_000 }, async () => {
  const { fleet, mesh, asked, command, found, inbox } = await stage()
  const says = (user: string, text: string) => mesh.user(user).says(text, DIRECT)

  // Who has which account, and how it is.
  const status = async () => (await asked({ do: 'status', account: null })).accounts
  await expect.poll(status, PATIENCE).toMatchObject([
    { account: 'bot', chats: 0, feeder: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
    { account: 'bot-2', chats: 0 },
  ])
  await expect
    .poll(() => found('status'), PATIENCE)
    .toMatchObject([{ feeders: [expect.anything()], warnings: [] }, { account: 'bot', running: true, state: 'live' }, { state: 'live' }])
  await says('alice', 'hello')
  await says('bob', 'fail')
  await says('mallory', 'let me in')
  await expect.poll(status, PATIENCE).toMatchObject([
    { account: 'bot', chats: 3, outbox: 0, deadLetters: 1, pendingPairings: 1, warnings: [] },
    { account: 'bot-2', chats: 0, deadLetters: 0, pendingPairings: 0 },
  ])
  expect(await found('chats --account bot')).toHaveLength(3)

  // A dead letter.
  const [letter] = await found('deadletter list')
  expect(letter).toMatchObject({ account: 'bot', kind: 'message', chat: 'peer:bob' })
  const became = async () =>
    (await asked({ do: 'explain', account: null, wanted: { chat: 'peer:bob', last: 1 } })).flatMap(({ moments }) =>
      moments.map(({ what }) => what),
    )
  expect(await found(`explain ${String(letter!['id']).slice(0, 8)}`)).toMatchObject([{ sender: 'bob', text: 'fail' }])
  expect(await became()).toEqual(['accepted', 'dead letter'])
  expect(await found('deadletter retry --all')).toMatchObject([{ id: letter!['id'], state: 'retried', running: true }])
  await expect.poll(became, PATIENCE).toEqual(['accepted', 'dead letter', 'tried again by hand', 'dead letter'])
  expect(await found(`deadletter drop ${letter!['id']}`)).toMatchObject([{ state: 'dropped' }])
  expect(await command(`deadletter retry ${letter!['id']}`)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^ztm-chat: There is no dead letter with the id /),
  })
  expect(await found('deadletter list')).toEqual([])

  // A stranger.
  const [request] = await found('pairing list')
  expect(request).toMatchObject({ account: 'bot', user: 'mallory', held: 1 })
  expect(await found(`pairing approve ${request!['code']}`)).toMatchObject([{ user: 'mallory', state: 'approved' }])
  await expect.poll(() => inbox('mallory').at(-1), PATIENCE).toBe('echo')
  const letIn = () => asked({ do: 'pairing.approved', account: null })
  expect((await found('users --account bot')).find(({ user }) => user === 'mallory')).toMatchObject({ action: 'process' })
  expect(await found('pairing revoke mallory')).toMatchObject([{ account: 'bot', user: 'mallory', state: 'revoked' }])
  expect(await letIn()).toEqual([])
  expect(await command('pairing revoke mallory')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^ztm-chat: Pairing has not let in "mallory";/),
  })

  // One key is one message, also when its command does not live to hear that it was taken.
  const lost = await command('send hi --to carol --key k1', await losingAnswers(fleet.ingress))
  expect(lost).toMatchObject({ code: 1, err: expect.stringContaining('send it again with --key k1: one key is sent once.') })
  const again = (await Promise.all([found('send hi --to carol --key k1'), found('send hi --to carol --key k1')])).flat()
  expect(again).toMatchObject([{ repeated: true, running: true }, { repeated: true }])
  await expect.poll(() => inbox('carol'), PATIENCE).toEqual(['hi'])
  expect(await command('send other --to carol --key k1')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^ztm-chat: The key "k1" is that of another message to peer:carol/),
  })
  expect(await command('send hi --to carrol')).toMatchObject({
    code: 1,
    err: expect.stringContaining('Nobody on the mesh is known as carrol'),
  })

  // It is durable with nobody there to post it, and posted when somebody is; nobody waits for that.
  await fleet.stop('feeder')
  expect(await found('send later --to carol')).toMatchObject([{ repeated: false }])
  await expect.poll(status, PATIENCE).toMatchObject([{ account: 'bot', chats: 4, outbox: 1, feeder: null }, {}])
  await fleet.start('feeder')
  await expect.poll(() => inbox('carol'), PATIENCE).toEqual(['hi', 'later'])

  // Many chats: page by page, and each account its own.
  const message = {
    id: 'm1',
    sender: 'eve',
    timeMs: Date.now(),
    arrivedMs: null,
    message: { text: 'x' },
    membership: 'member',
    isAnswered: false,
  }
  const told = {
    feeder: null,
    source: 'app',
    nowMs: Date.now(),
    liveAtMs: Date.now(),
    openedAtMs: 0,
    isFirstLoad: false,
    indexBeginMs: null,
    indexedMs: null,
    messages: [message],
    seen: [],
  }
  for (let first = 0; first < MANY; first += 30)
    await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const key = encodeURIComponent(keyIn('bot-2', `group:eve/team-${first + index}`))
        const answer = await fetch(`${fleet.ingress}/chat/${key}/receive`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(told),
        })
        expect(answer.status).toBe(200)
      }),
    )
  expect(await status()).toMatchObject([
    { account: 'bot', chats: 4 },
    { account: 'bot-2', chats: MANY },
  ])
  const chats = await found(`chats --last ${2 * MANY}`)
  expect(new Set(chats.map(({ account, chat }) => `${account} ${chat}`)).size).toBe(MANY + 4)
})
