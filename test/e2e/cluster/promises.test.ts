/** What the charts on Restate promise, with a real server. */
import { cp, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Context, service } from '@restatedev/restate-sdk'
import { expect, test } from 'vitest'
import { toAccount } from '../../../machines/records.ts'
import { SHARD_VERSION } from '../../../src/adapters/store/shard-file.ts'
import { ACCOUNT, CHAT, type Found, type FoundMessage, LOOKER, PAIRING, RESPONDER } from '../../../src/cluster/contracts.ts'
import type { Past } from '../../../src/cluster/past.ts'
import type { Timers, Wake } from '../../../src/cluster/timers.ts'
import type { createCluster } from '../../../src/cluster.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import { step } from '../../../src/runtime/cell.ts'
import { atChat, message as inbound, queued } from '../../machines/words.ts'
import { folderInTest } from '../../runner/cli.ts'
import { entriesOf, startOnRestate } from './hosts.ts'
import type { Restate } from './restate.ts'
import { CONFIG, codeOf, read, respond } from './script.ts'

const PATIENCE = { timeout: 60_000, interval: 100 }
const DIRECT = 'peer:my-bot'
const says = (by: string, text: string, reads: number) => ({ by, says: text, to: DIRECT, reads }) as const
const message = (id: string, text = 'hi'): FoundMessage => ({
  id,
  sender: 'alice',
  timeMs: Date.now(),
  arrivedMs: null,
  message: { text },
  membership: 'unknown',
  isAnswered: false,
})
const found = (...messages: readonly FoundMessage[]): Found => ({
  feeder: null,
  source: 'app',
  liveAtMs: Date.now(),
  openedAtMs: 0,
  isFirstLoad: false,
  indexBeginMs: null,
  indexedMs: null,
  nowMs: Date.now(),
  messages,
  seen: [],
})
const RECEIVE = '/chat/default%2Fpeer%3Aalice/receive'

async function timersOf(restate: Restate): Promise<Timers | undefined> {
  const [row] = await restate.query("SELECT value_utf8 FROM state WHERE service_name = 'chat' AND key = 'entry'")
  return row && (JSON.parse(String(row['value_utf8'])) as { readonly timers: Timers }).timers
}

async function recordsOf(restate: Restate): Promise<Past['records']> {
  const [row] = await restate.query("SELECT value_utf8 FROM state WHERE service_name = 'chat' AND key = 'past'")
  return row === undefined ? [] : (JSON.parse(String(row['value_utf8'])) as Past).records
}

async function reasons(restate: Restate, user: string): Promise<readonly string[] | undefined> {
  const chat = (await entriesOf(restate)).get(`chat:peer:${user}`)
  return (chat as { readonly decisions: readonly { readonly reason: string }[] } | undefined)?.decisions.map(({ reason }) => reason)
}

async function endByHand(restate: Restate, target: string): Promise<void> {
  const running = async () => (await restate.query(`SELECT id FROM sys_invocation WHERE target = '${target}' AND status = 'running'`))[0]
  await expect.poll(running, PATIENCE).toBeDefined()
  await restate.cancel(String((await running())!['id']))
}

test('a message that is told twice, under its key or without, is answered once', async () => {
  const { restate, mesh, effects } = await startOnRestate()
  const one = message('m1')

  for (const key of ['m1', 'm1', undefined, undefined])
    expect(await restate.call(RECEIVE, found(one), key)).toEqual({ status: 200, body: { taken: 1 } })
  await restate.call(RECEIVE, found(one, message('m2', 'and now?')))
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(2)

  expect(effects.byChat()).toEqual({ asked: { 'peer:alice': ['m1 1', 'm2 1'] }, posted: { 'peer:alice': ['m1#0', 'm2#0'] } })
})

test('a message costs three invocations, whatever was written before, and the first of a chat one more', async () => {
  const { restate, mesh } = await startOnRestate()
  // Replies that were seen are told with the next message.
  const feeder = { address: 'nobody:1', session: 'any', isPushed: true }

  for (let count = 1; count <= 5; count++) {
    await restate.call(RECEIVE, { ...found(message(`m${count}`)), feeder, seen: [`m${count - 1}#0`] })
    await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(count)
  }

  expect(restate.carriedOut).toEqual({ 'chat/receive': 5, 'responder/respond': 5, 'chat/give': 5, 'account/newestMove': 1 })
})

test('a post that its process does not live to see answered is looked for, and neither repeated nor recorded twice', async () => {
  let deaths = 0
  const host = await startOnRestate({
    around: (agent, restate) => ({
      ...agent,
      async post(chat, body, signal) {
        await agent.post(chat, body, signal)
        if (deaths++ > 0) return
        restate().dropConnections()
        await new Promise(() => {})
      },
    }),
  })

  await host.play(says('alice', 'hello', 1))
  await host.play(says('alice', 'still there?', 2))

  expect((await host.ending()).effects).toMatchObject({ posted: { 'peer:alice': ['hello#0', 'still there?#0'] } })
  const types = (await recordsOf(host.restate)).map(([, { type }]) => type)
  expect(types.filter(type => type === 'message.accepted' || type === 'turn.answered' || type === 'reply.posting')).toEqual([
    ...['message.accepted', 'turn.answered', 'reply.posting'],
    ...['message.accepted', 'turn.answered', 'reply.posting'],
  ])
})

/** Looks often, and takes a post for lost soon. */
const HASTY = { ...CONFIG.limits, confirmationLookMs: 20, confirmationLookMsMax: 50, lostUnansweredPostMs: 1, uncertainRepostMs: 2_000 }

test('a post that never shows on the mesh is looked for, until so much time has passed that it is made again', async () => {
  const did: string[] = []
  const lookedSinceMs: number[] = []
  const host = await startOnRestate({
    config: { ...CONFIG, limits: HASTY },
    around: agent => ({
      ...agent,
      async post(...given) {
        did.push('post')
        await agent.post(...given)
      },
      async messages(chat, sinceMs, signal) {
        lookedSinceMs.push(sinceMs)
        return agent.messages(chat, sinceMs, signal)
      },
      async files(...given) {
        did.push('look')
        return agent.files(...given)
      },
    }),
  })
  host.mesh.user('my-bot').agent.answer('error500', { when: ({ method }) => method === 'POST', times: 1 })

  await host.play(says('alice', 'hello', 1))

  expect([did[0], did.at(-1)]).toEqual(['post', 'post'])
  expect(did.filter(one => one === 'post')).toHaveLength(2)
  expect(did.length).toBeGreaterThan(2 + 3)
  // But for those of who reads the mesh, which are from the beginning, they go as far back as the post, and what a clock may be off by.
  expect(Math.min(...lookedSinceMs.filter(ms => ms > 0))).toBeGreaterThan(Date.now() - 2 * 3_600_000)
})

test('a post, or a question, that is ended by hand is told to its chat, which goes on', async () => {
  let [posts, questions] = [0, 0]
  const host = await startOnRestate({
    config: { ...CONFIG, limits: HASTY },
    around: agent => ({
      ...agent,
      async post(chat, body, signal) {
        if (posts++ === 0) await new Promise(() => {})
        await agent.post(chat, body, signal)
      },
    }),
    answer: async request => (questions++ === 0 ? await new Promise<string>(() => {}) : respond(request)),
  })
  const { restate, mesh, effects } = host
  await restate.call(RECEIVE, found(message('m1')))

  await expect.poll(() => questions, PATIENCE).toBe(1)
  await endByHand(restate, 'responder/respond')
  await expect.poll(() => posts, PATIENCE).toBe(1)
  await endByHand(restate, 'chat/default/peer:alice/give')
  await restate.call(RECEIVE, found(message('m2')))
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(2)

  expect(effects.byChat()).toEqual({ asked: { 'peer:alice': ['m1 1', 'm1 2', 'm2 1'] }, posted: { 'peer:alice': ['m1#0', 'm2#0'] } })
})

test('a check of a post that is ended by hand is made again', async () => {
  let checks = 0
  const { restate, mesh } = await startOnRestate({
    config: { ...CONFIG, limits: HASTY },
    around: agent => ({
      ...agent,
      async files(...given) {
        if (checks++ === 0) await new Promise(() => {})
        return agent.files(...given)
      },
    }),
  })
  mesh.user('my-bot').agent.answer('error500', { when: ({ method }) => method === 'POST', times: 1 })
  await restate.call(RECEIVE, found(message('m1')))

  await expect.poll(() => checks, PATIENCE).toBe(1)
  await endByHand(restate, 'looker/check')

  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(1)
  expect(checks).toBeGreaterThan(1)
})

test('whoever sends by hand hears that it is recorded, and waits for no post; what comes twice is done once', async () => {
  const gate = Promise.withResolvers<void>()
  const { restate, mesh, effects } = await startOnRestate({
    config: { ...CONFIG, notifyOnFailure: false },
    around: agent => ({
      ...agent,
      async post(...given) {
        await gate.promise
        await agent.post(...given)
      },
    }),
  })
  const chat = '/chat/default%2Fpeer%3Aalice'
  const send = (text: string) => restate.call(`${chat}/send`, { text, key: 'k1', files: [] })

  const first = await send('hi')
  gate.resolve()
  const others = await Promise.all([send('hi'), send('hi'), send('another')])
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(1)

  const { keys } = first.body as { readonly keys: readonly string[] }
  expect(first).toEqual({ status: 200, body: { keys, repeated: false } })
  expect(others.map(({ body }) => body)).toEqual([
    { keys, repeated: true },
    { keys, repeated: true },
    { refused: expect.stringMatching(/^The key "k1" is that of another message to peer:alice/) },
  ])
  expect(effects.byChat()).toEqual({ asked: {}, posted: { 'peer:alice': keys } })

  await restate.call(RECEIVE, found(message('m1', 'fail')))
  const dead = async () => {
    const entry = (await entriesOf(restate)).get('chat:peer:alice') as { readonly deadLetters: readonly { readonly id: string }[] }
    return entry.deadLetters.map(({ id }) => id)
  }
  await expect.poll(dead, PATIENCE).toEqual(['m1'])
  const settle = (how: string) => restate.call(`${chat}/settle`, { id: 'm1', how })
  const drops = await Promise.all([settle('drop'), settle('drop')])
  expect(drops.map(({ body }) => body)).toContainEqual(null)
  expect(drops.map(({ body }) => body)).toContainEqual(expect.objectContaining({ id: 'm1', kind: 'message', chat: 'peer:alice' }))
  expect(await dead()).toEqual([])
})

test('while an account is away, whatever is under way for it is tried again, and goes on when it is back', async () => {
  const limits = { ...CONFIG.limits, dispatchBackoffMs: 24 * 3_600_000, dispatchBackoffMsMax: 24 * 3_600_000 }
  const [account, chat] = ['default', 'peer:alice'] as const
  const inside = service({
    name: 'inside',
    handlers: {
      async send(ctx: Context) {
        ctx.sendClient(CHAT, 'default/peer:alice').wake({ number: 1, atMs: Number.MAX_SAFE_INTEGER })
        ctx.sendClient(LOOKER).look({ account, chat, feeder: null, sinceMs: 0 })
        ctx.sendClient(RESPONDER).respond({ account, chat, id: 'm0', attempt: 1, urgent: false, message: null, alternations: 0 })
      },
    },
  })
  const { restate, mesh, effects, restart } = await startOnRestate({ config: { ...CONFIG, limits }, services: [inside] })
  await restate.call(RECEIVE, found(message('m1', 'fail once')))
  await expect.poll(async () => (await timersOf(restate))?.running, PATIENCE).toMatchObject([{ name: 'dispatch' }])

  restart({ enabled: false })
  await restate.call('/inside/send', undefined)
  const tried = () => restate.query('SELECT target_service_name AS name FROM sys_invocation WHERE retry_count > 2 ORDER BY name')
  await expect.poll(tried, PATIENCE).toEqual([{ name: 'chat' }, { name: 'looker' }, { name: 'responder' }])
  restart({ enabled: true })
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(1)

  expect(effects.byChat()).toEqual({
    asked: { 'peer:alice': ['m1 1', 'm1 2'] },
    posted: { 'peer:alice': ['m1#0'] },
  })
})

test('a timer that was replaced or stopped does nothing, and the one that runs does', async () => {
  const limits = { ...CONFIG.limits, dispatchBackoffMs: 24 * 3_600_000, dispatchBackoffMsMax: 24 * 3_600_000 }
  const inside = service({
    name: 'inside',
    handlers: {
      wake: (ctx: Context, number: number) => ctx.client(CHAT, 'default/peer:alice').wake({ number, atMs: Number.MAX_SAFE_INTEGER }),
    },
  })
  const { restate, mesh, effects } = await startOnRestate({ config: { ...CONFIG, limits }, services: [inside] })
  await restate.call(RECEIVE, found(message('m1', 'fail once')))
  await expect.poll(async () => (await timersOf(restate))?.running, PATIENCE).toMatchObject([{ name: 'dispatch' }])

  await restate.call('/inside/wake', 0)
  expect(await timersOf(restate)).toMatchObject({ running: [{ name: 'dispatch' }], sent: 1 })
  await restate.call('/inside/wake', 1)
  await restate.call('/inside/wake', 1)
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(1)

  expect(effects.byChat()).toMatchObject({ asked: { 'peer:alice': ['m1 1', 'm1 2'] } })
})

test('a stranger too many is refused a code; one who is rejected is not answered, and makes room for the next', async () => {
  const host = await startOnRestate({ config: { ...CONFIG, limits: { ...CONFIG.limits, pairingPending: 1 } } })
  await host.play(says('mallory', 'let me in', 1))
  await host.play(says('eve', 'me too', 0))
  await expect.poll(() => reasons(host.restate, 'eve'), PATIENCE).toEqual(['pairing_overflow'])

  const { body } = await host.restate.call('/account/default/reject', { code: codeOf(host.mesh, 'mallory').toLowerCase() })
  const requests = () => host.restate.query("SELECT value_utf8 FROM state WHERE service_name = 'account' AND key = 'requests'")
  await expect.poll(requests, PATIENCE).toEqual([{ value_utf8: '[]' }])
  await host.play(says('eve', 'and now?', 1))

  expect(body).toEqual({ user: 'mallory' })
  await expect.poll(() => reasons(host.restate, 'mallory'), PATIENCE).toEqual(['pairing_rejected'])
  expect((await host.ending()).effects).toMatchObject({ asked: {} })
})

test('the word of an owner about one code is nothing to the request that has another', async () => {
  const inside = service({
    name: 'inside',
    handlers: {
      async both(ctx: Context) {
        await ctx.client(PAIRING, 'default/mallory').approve({ code: 'OLDER234' })
        await ctx.client(PAIRING, 'default/mallory').reject({ code: 'OLDER234' })
      },
    },
  })
  const host = await startOnRestate({ services: [inside] })
  await host.play(says('mallory', 'let me in', 1))
  const before = (await entriesOf(host.restate)).get('pairing:mallory')

  await host.restate.call('/inside/both', undefined)

  expect((await entriesOf(host.restate)).get('pairing:mallory')).toEqual(before)
  await host.play({ by: 'mallory', isApproved: true, reads: 3 })
})

test('a stranger is told a code, and no command', async () => {
  const { play, mesh } = await startOnRestate()
  await play(says('mallory', 'let me in', 1))

  expect(mesh.user('mallory').inbox(DIRECT).at(-1)?.message).toMatchObject({
    text: `I do not know you yet, mallory, so I may not answer. Give this code to my owner: ${codeOf(mesh, 'mallory')}`,
  })
})

test('whom a changed config lets in is answered at the end of their code, and not dropped', async () => {
  const inside = service({
    name: 'inside',
    handlers: { end: (ctx: Context) => ctx.client(PAIRING, 'default/mallory').wake({ number: 1, atMs: Number.MAX_SAFE_INTEGER }) },
  })
  const { play, restart, restate, mesh } = await startOnRestate({ services: [inside] })
  await play(says('mallory', 'let me in', 1))

  restart({ dmPolicy: 'open' })
  await restate.call('/inside/end', undefined)

  await expect.poll(() => read(mesh, 'mallory', DIRECT), PATIENCE).toBe(3)
})

test('a code expires, and what was held for it is dropped; the next message gets another one', async () => {
  const host = await startOnRestate({ config: { ...CONFIG, limits: { ...CONFIG.limits, pairingCodeMs: 300 } } })
  await host.play(says('mallory', 'let me in', 1))
  await expect.poll(() => reasons(host.restate, 'mallory'), PATIENCE).toEqual(['pairing_expired'])

  await host.play(says('mallory', 'please', 2))
  await expect.poll(() => reasons(host.restate, 'mallory'), PATIENCE).toEqual(['pairing_expired', 'pairing_expired'])
  await expect.poll(async () => [...(await entriesOf(host.restate)).keys()], PATIENCE).toEqual(['chat:peer:mallory'])
})

test('a request that has ended takes its own code along, and not that of the next', async () => {
  const inside = service({
    name: 'inside',
    handlers: {
      ticket: (ctx: Context, user: string) => ctx.client(ACCOUNT, 'default').ticket(user),
      ended: (ctx: Context, code: string) => ctx.client(ACCOUNT, 'default').ended(code),
    },
  })
  const { restate } = await startOnRestate({ services: [inside] })
  const [first, second] = [await restate.call('/inside/ticket', 'eve'), await restate.call('/inside/ticket', 'eve')]

  await restate.call('/inside/ended', first.body)

  expect(await restate.call('/account/default/approve', { code: first.body })).toEqual({ status: 200, body: { user: null } })
  expect(await restate.call('/account/default/approve', { code: second.body })).toEqual({ status: 200, body: { user: 'eve' } })
})

test('Restate is told that an assistant may be silent for a minute longer than an attempt may take', async () => {
  const { restate } = await startOnRestate({ config: { ...CONFIG, limits: { ...CONFIG.limits, dispatchTimeoutMs: 3 * 3_600_000 } } })

  expect(await restate.described('responder')).toMatchObject({ inactivity_timeout: '3h 1m' })
})

test('what was queued elsewhere is looked for before it is posted; what has left does nothing, and nobody gets an account on its way', async () => {
  const inside = service({
    name: 'inside',
    handlers: {
      answer: (ctx: Context) =>
        ctx.client(CHAT, 'default/peer:alice').give({ inputs: [{ to: 'records', changes: [atChat(queued('late#0'))] }], atMs: null }),
      ticket: (ctx: Context) => ctx.client(ACCOUNT, 'default').ticket('eve'),
      approved: (ctx: Context) => ctx.client(ACCOUNT, 'default').record([toAccount({ type: 'user.approved', user: 'eve' })]),
    },
  })
  const { restate, mesh, effects } = await startOnRestate({ services: [inside] })
  const { limits } = parseConfig(CONFIG).accounts[0]!
  const opened = [{ to: 'records', changes: [atChat(queued('there#0', 'not yet#0'))] }] as const
  const { stored } = step({ subject: { at: 'chat', chat: 'peer:alice' }, stored: null, inputs: opened, atMs: Date.now(), limits })
  await mesh.user('my-bot').says({ text: 'text of there#0', ztmChat: { key: 'there#0' } }, 'peer:alice')
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(1)
  const { body: session } = await restate.call('/fleet/all/join', { address: '10.0.0.7:9090' })
  const feeder = { address: '10.0.0.7:9090', session: (session as { session: string }).session, isPushed: false }
  const claim = async () => (await restate.call('/account/default/claim', feeder)).body
  const chat = (handler: string) => `/chat/default%2Fpeer%3Aalice/${handler}`
  const move = 'm1'
  const account = { move, version: 1, stored: null }

  expect(await restate.call('/account/default/adopt', account)).toMatchObject({ status: 200 })
  expect(await claim()).toBeNull()
  expect(await restate.call('/account/default/adopt', { ...account, move: 'm2' })).toMatchObject({ status: 409 })
  for (let times = 0; times < 2; times++)
    expect(await restate.call(chat('adopt'), { move, version: 1, stored })).toMatchObject({ status: 200 })
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(2)
  expect(effects.byChat()).toMatchObject({ posted: { 'peer:alice': ['not yet#0'] } })
  expect(await restate.call(chat('adopt'), { move: 'm2', version: 1, stored })).toMatchObject({ status: 409 })
  await restate.call('/account/default/arrived', { move })
  expect(await claim()).toEqual({ entry: null })

  expect(await restate.call('/account/default/leave', { move: 'out' })).toMatchObject({
    status: 409,
    body: { message: expect.stringContaining('The feeder at 10.0.0.7:9090 has the account "default"') },
  })
  await restate.call('/account/default/release', { session: feeder.session })
  expect(await restate.call('/account/default/leave', { move: 'out' })).toMatchObject({ status: 200 })
  expect(await claim()).toBeNull()
  expect(await restate.call('/account/default/approve', { code: 'A' })).toMatchObject({ status: 409 })
  expect(await restate.call('/inside/ticket', undefined)).toMatchObject({ status: 409 })
  const left = await restate.call(chat('leave'), undefined)
  expect(await restate.call(RECEIVE, found(message('m9')))).toEqual({ status: 200, body: { taken: 0 } })
  expect(await restate.call(chat('send'), { text: 'hi', key: 'k', files: [] })).toMatchObject({ status: 409 })
  expect(await restate.call('/account/default/revoke', { user: 'eve' })).toMatchObject({ status: 409 })
  await restate.call('/inside/answer', undefined)
  expect(await restate.call(chat('leave'), undefined)).toEqual(left)
  expect(await restate.call('/inside/approved', undefined)).toMatchObject({ status: 200 })
  expect(await restate.call('/account/default/leave', { move: 'out' })).toMatchObject({ body: { stored: { approved: ['eve'] } } })
  await restate.call('/account/default/left', { move: 'out' })
  expect(await restate.call('/inside/approved', undefined)).toMatchObject({ status: 409 })
  expect(await restate.call('/account/default/leave', { move: 'again' })).toMatchObject({ status: 409 })
  expect(await restate.call('/account/default/adopt', { ...account, move: 'm3' })).toMatchObject({ status: 200 })
})

test('what nobody would do, or an import would find in its way, is not taken while the account is elsewhere or on its way', async () => {
  const { restate } = await startOnRestate()
  const { limits } = parseConfig(CONFIG).accounts[0]!
  const opening = [
    { to: 'request' },
    { to: 'pairing', event: { type: 'ticket.issued', code: 'ABCD2345', atMs: 1, expiresAtMs: Date.now() + 1e6, notice: 'a code' } },
  ] as const
  const { stored } = step({ subject: { at: 'pairing', user: 'zoe' }, stored: null, inputs: opening, atMs: 1, limits })
  const call = (place: string, input?: unknown) => restate.call(`/${place}`, input)
  const zoe = 'chat/default%2Fpeer%3Azoe'
  const sends = () => call(`${zoe}/send`, { text: 'hi', key: 'k', files: [] })
  const brings = (move: string, what: unknown = null) => ({ move, version: 1, stored: what })

  expect(await call('account/default/adopt', brings('m1'))).toMatchObject({ status: 200 })
  expect(await call('pairing/default%2Fzoe/adopt', brings('m1', stored))).toMatchObject({ status: 200 })
  for (const how of ['approve', 'reject'])
    expect(await call(`account/default/${how}`, { code: 'ABCD2345' })).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('"default" has not all come from its state directory') },
    })
  expect(await sends()).toMatchObject({ status: 409, body: { message: expect.stringContaining('repeat "ztm-chat fleet import"') } })
  expect(await call(`${zoe}/receive`, found(message('m1')))).toEqual({ status: 200, body: { taken: 0 } })
  expect(await call(`${zoe}/adopt`, brings('m1'))).toMatchObject({ status: 200 })
  await call('account/default/arrived', { move: 'm1' })
  expect(await call('account/default/approve', { code: 'ABCD2345' })).toEqual({ status: 200, body: { user: 'zoe' } })
  expect(await sends()).toMatchObject({ status: 200 })

  await call('account/default/leave', { move: 'out' })
  await call(`${zoe}/leave`)
  await call('account/default/left', { move: 'out' })
  const others = await entriesOf(restate)
  const amy = 'chat/default%2Fpeer%3Aamy'
  expect(await call(`${amy}/send`, { text: 'hi', key: 'k', files: [] })).toMatchObject({
    status: 409,
    body: { message: expect.stringContaining('was moved to a state directory') },
  })
  expect(await call(`${amy}/receive`, found(message('m2')))).toEqual({ status: 200, body: { taken: 0 } })
  expect(await entriesOf(restate)).toEqual(others)
  // What that import has brought has changed since, and is elsewhere.
  expect(await call('account/default/adopt', brings('m1'))).toMatchObject({
    status: 409,
    body: { message: expect.stringContaining('was moved out of the fleet since') },
  })
})

/** Of a fleet in which a reply was in doubt, two messages were open, and a stranger waited; by the commit that its file names. */
async function earlierState() {
  const text = await readFile(join(import.meta.dirname, '../../fixtures/fleet-state.json'), 'utf8')
  return (JSON.parse(text) as { readonly rows: readonly { service: string; key: string; name: string; value: unknown }[] }).rows
}

async function putEarlierState(restate: Restate): Promise<Timers> {
  const rows = await earlierState()
  for (const [, objects] of Map.groupBy(rows, ({ service, key }) => `${service} ${key}`)) {
    const { service, key } = objects[0]!
    await restate.put(service, key, Object.fromEntries(objects.map(({ name, value }) => [name, value])))
  }
  const isThere = async () => (await restate.query('SELECT service_key FROM state')).length
  await expect.poll(isThere, PATIENCE).toBe(rows.length)
  return (rows.find(({ key }) => key === 'default/peer:alice')!.value as { readonly timers: Timers }).timers
}

test('what an earlier release has kept is gone on with: what is in doubt is looked for, what is open answered, each once', async () => {
  const [account, chat] = ['default', 'peer:alice'] as const
  const inside = service({
    name: 'inside',
    handlers: {
      // As that release had sent them.
      async send(ctx: Context, wake: Wake) {
        ctx.sendClient(CHAT, 'default/peer:alice').wake(wake)
        ctx.sendClient(RESPONDER).respond({ account, chat, id: 'm1', attempt: 1, urgent: false, message: inbound('m1'), alternations: 0 })
      },
    },
  })
  const { restate, mesh, effects } = await startOnRestate({ services: [inside] })
  const { wake } = await putEarlierState(restate)
  await mesh.user('my-bot').says({ text: 'first part', ztmChat: { key: 'm0#0' } }, 'peer:alice')
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(1)

  await restate.call('/inside/send', wake)
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(4)
  expect((await restate.call('/account/default/approve', { code: 'ABCD2345' })).body).toEqual({ user: 'dave' })
  await expect.poll(() => read(mesh, 'dave', DIRECT), PATIENCE).toBe(2)

  expect(effects.byChat()).toMatchObject({
    asked: { 'peer:alice': ['m1 1', 'm2 1'], 'peer:dave': ['d1 1'] },
    posted: { 'peer:alice': ['m0#1', 'm1#0', 'm2#0'] },
  })
})

/** The built package, in which the state has the next version. */
async function nextRelease(): Promise<typeof createCluster> {
  const folder = await folderInTest()
  const root = join(import.meta.dirname, '../../..')
  await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
  for (const name of ['node_modules', 'package.json']) await symlink(join(root, name), join(folder, name))
  const file = join(folder, 'dist/src/adapters/store/shard-file.js')
  const text = await readFile(file, 'utf8')
  const edited = text.replace(`SHARD_VERSION = ${SHARD_VERSION}`, `SHARD_VERSION = ${SHARD_VERSION + 1}`)
  expect(edited).not.toBe(text)
  await writeFile(file, edited)
  const module = (await import(pathToFileURL(join(folder, 'dist/src/cluster.js')).href)) as { readonly createCluster: typeof createCluster }
  return module.createCluster
}

test('a code that has expired on the way ends when all is there: what was held for it is dropped, and it makes room', async () => {
  const { restate } = await startOnRestate()
  const rows = await earlierState()
  const storedOf = (service: string, key: string) =>
    (rows.find(row => row.service === service && row.key === key)!.value as { readonly stored: { readonly context: object } }).stored
  const request = storedOf('pairing', 'default/dave')
  const bring = { move: 'm1', version: 1 }
  const requests = async () => (await restate.query("SELECT value_utf8 FROM state WHERE key = 'requests'")).map(row => row['value_utf8'])

  const expired = { ...request, context: { ...request.context, expiresAtMs: 1 } }
  await restate.call('/pairing/default%2Fdave/adopt', { ...bring, stored: expired })
  expect(await requests()).toEqual(['[{"user":"dave","code":"ABCD2345"}]'])
  await restate.call('/chat/default%2Fpeer%3Adave/adopt', { ...bring, stored: storedOf('chat', 'default/peer:dave') })
  await restate.call('/pairing/default%2Fdave/resume', { move: 'another' })
  expect(await reasons(restate, 'dave')).toEqual(['pending'])
  await restate.call('/pairing/default%2Fdave/resume', { move: 'm1' })

  await expect.poll(() => reasons(restate, 'dave'), PATIENCE).toEqual(['pairing_expired'])
  await expect.poll(requests, PATIENCE).toEqual(['[]'])
})

test('a service that is older than what is kept leaves it alone, and a message for it waits until a newer one comes', async () => {
  const { restate, mesh, effects, restart } = await startOnRestate()
  await restate.call(RECEIVE, found(message('m1')))
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(1)
  const keptOf = async () => {
    const [row] = await restate.query("SELECT value_utf8 FROM state WHERE service_name = 'chat' AND key = 'entry'")
    return JSON.parse(String(row!['value_utf8'])) as { readonly version: number }
  }
  const newer = { ...(await keptOf()), version: SHARD_VERSION + 1 }
  await restate.put('chat', 'default/peer:alice', { entry: newer })
  await expect.poll(keptOf, PATIENCE).toEqual(newer)

  const received = restate.call(RECEIVE, found(message('m2')))
  const tries = () => restate.query("SELECT id FROM sys_invocation WHERE target_service_name = 'chat' AND retry_count > 2")
  await expect.poll(async () => (await tries()).length, PATIENCE).toBe(1)
  expect(await keptOf()).toEqual(newer)
  restart({}, await nextRelease())
  expect(await received).toEqual({ status: 200, body: { taken: 1 } })
  await expect.poll(() => read(mesh, 'alice', DIRECT), PATIENCE).toBe(2)

  expect(effects.byChat()).toMatchObject({ posted: { 'peer:alice': ['m1#0', 'm2#0'] } })
  expect((await keptOf()).version).toBe(SHARD_VERSION + 1)
})

test('from outside a chat is told messages and the words of its owner alone, and those only as they have to be', async () => {
  const { restate } = await startOnRestate()

  for (const [path, body] of [
    ['/chat/default%2Fpeer%3Aalice/give', [{ to: 'chat', event: { type: 'message.released' } }]],
    ['/chat/default%2Fpeer%3Aalice/wake', { number: 1, atMs: 1 }],
    ['/chat/default%2Fpeer%3Aalice/held', null],
    ['/pairing/default%2Falice/approve', null],
    ['/account/default/record', []],
    ['/account/default/ticket', 'alice'],
    ['/responder/respond', {}],
    ['/looker/look', {}],
    ['/fleet/all/end', {}],
  ] as const)
    expect(await restate.call(path, body), path).toMatchObject({ status: 400, body: { message: 'the invoked service is not public' } })
  expect(await restate.call(RECEIVE, { ...found(), messages: [{ ...message('m1'), sender: 5 }] })).toMatchObject({ status: 400 })
  expect(await restate.call(RECEIVE, { ...found(), urgent: true })).toMatchObject({ status: 400 })
  for (const [path, body] of [
    ['/chat/default%2Fpeer%3Aalice/send', { text: 'hi', key: 'k1', files: [{ hash: 5 }] }],
    ['/chat/default%2Fpeer%3Aalice/settle', { id: 'm1', how: 'forget' }],
    ['/account/default/approve', { code: 5 }],
    ['/account/default/reject', {}],
    ['/account/default/revoke', { user: null }],
    ['/account/default/claim', null],
    ['/account/default/release', 's1'],
    ['/account/default/note', { changes: [] }],
    ['/account/default/note', { session: 's1', changes: [null] }],
    ['/fleet/all/join', null],
    ['/fleet/all/renew', {}],
    ['/fleet/all/leave', null],
    ['/chat/default%2Fpeer%3Aalice/send', { text: 'hi', key: 'k\n1', files: [] }],
    ['/chat/default%2Fpeer%3Aalice/send', { text: 'x'.repeat(1_048_577), key: 'k1', files: [] }],
    ['/chat/default%2Fpeer%3Aalice/adopt', { move: 'm1', version: SHARD_VERSION, stored: { chat: 5 } }],
    ['/pairing/default%2Falice/adopt', { move: 'm1', version: SHARD_VERSION, stored: { status: 'of no chart' } }],
  ] as const)
    expect(await restate.call(path, body), path).toMatchObject({ status: 400 })
  expect(await restate.call('/chat/nobody%2Fpeer%3Aalice/receive', found(message('m1')))).toMatchObject({ status: 404 })
  for (const key of ['default%2Falice', '%25zz%2Fpeer%3Aalice', '%2564efault%2Fpeer%3Aalice'])
    expect(await restate.call(`/chat/${key}/receive`, found(message('m1'))), key).toMatchObject({ status: 404 })
  for (const [path, body] of [
    ['/account/nobody/approve', { code: 'A' }],
    ['/account/nobody/reject', { code: 'A' }],
    ['/account/nobody/revoke', { user: 'alice' }],
    ['/chat/nobody%2Fpeer%3Aalice/send', { text: 'hi', key: 'k1', files: [] }],
    ['/chat/nobody%2Fpeer%3Aalice/settle', { id: 'm1', how: 'retry' }],
  ] as const)
    expect(await restate.call(path, body), path).toMatchObject({ status: 404 })
  expect(await entriesOf(restate)).toEqual(new Map())
})
