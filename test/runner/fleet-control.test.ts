/** What commands are told of a fleet, and what they have its objects do. */
import { expect, onTestFinished, test } from 'vitest'
import { toAccount, toChat } from '../../machines/records.ts'
import { keyIn } from '../../src/cluster/keys.ts'
import { PAST, pastWith } from '../../src/cluster/past.ts'
import { parseConfig } from '../../src/domain/config.ts'
import type { ChatId } from '../../src/domain/ids.ts'
import { withFleet } from '../../src/runner/control/fleet.ts'
import type { BotRequest } from '../../src/runner/control/protocol.ts'
import { type Input, step } from '../../src/runtime/cell.ts'
import type { Subject } from '../../src/runtime/parse-record.ts'
import { closedPort, json, startServer } from '../adapters/ztm/local-server.ts'
import { startTables } from '../cluster/engine-tables.ts'
import { accepted, held, queued } from '../machines/words.ts'

const AT_MS = 1_700_000_000_000
const BOT = { meshName: 'home', username: 'my-bot' }
const OTHER = { ...BOT, username: 'other-bot' }

/** `elsewhere`: beginnings of places that answer so. */
async function fleet({
  accounts = { default: BOT } as Record<string, object>,
  answers = {} as Record<string, unknown>,
  elsewhere = [] as readonly string[],
  refusal = '{}',
} = {}) {
  const agentUrl = await closedPort()
  const config = parseConfig({ accounts: Object.fromEntries(Object.entries(accounts).map(([id, one]) => [id, { agentUrl, ...one }])) })
  const tables = await startTables()
  const asked: (readonly [place: string, input: unknown])[] = []
  const ingress = await startServer(({ url, body }, response) => {
    const place = decodeURIComponent(url)
    asked.push([place, JSON.parse(String(body))])
    if (elsewhere.some(prefix => place.startsWith(prefix))) return json(response, { message: '"it" was moved to a state directory.' }, 409)
    if (place in answers) return json(response, answers[place])
    response.writeHead(404).end(refusal)
  })
  onTestFinished(() => ingress.close())
  const keep = (account: string, subject: Subject, ...inputs: readonly Input[]) => {
    const { stored } = step({ subject, stored: null, inputs, atMs: AT_MS, limits: config.accounts[0]!.limits })
    if (subject.at === 'chat') tables.keep('chat', account, subject.chat, stored)
    else tables.keep(subject.at, account, subject.at === 'pairing' ? subject.user : '', stored)
  }
  const ask = <Name extends BotRequest['do']>(request: Extract<BotRequest, { do: Name }>, { secret = null as string | null } = {}) =>
    withFleet(
      { admin: tables.url, ingress: ingress.url, token: null, secret, accounts: config.accounts, sender: config.accounts[0]! },
      control => control(request),
    )
  return { tables, ingress, asked, keep, ask, chat: (chat: ChatId, ...events: Parameters<typeof toChat>[1][]) => keepChat(chat, events) }

  function keepChat(chat: ChatId, events: readonly Parameters<typeof toChat>[1][]): void {
    keep('default', { at: 'chat', chat }, { to: 'records', changes: events.map(event => toChat(chat, event)) })
  }
}

const from = (sender: string, id: string) => ({ ...accepted(id), message: { ...accepted(id).message, sender } })
const dead = (id: string) => [accepted(id), { type: 'turn.abandoned', id, reason: 'the model is away' }] as const

test('status counts what the chats of each account keep, and says which feeder has it', async () => {
  const { ask, chat, tables } = await fleet({
    accounts: { default: BOT, other: OTHER, away: { ...BOT, username: 'away', enabled: false } },
  })
  chat('peer:alice', accepted('m1'), { type: 'turn.answered', id: 'm1' }, queued('m1#0', 'm1#1'))
  chat('peer:bob', ...dead('m2'), ...dead('m3'))
  chat('peer:carol', from('carol', 'm4'))
  tables.put('fleet', 'all', 'members', [
    { session: 's1', address: '10.0.0.8:9090', renewed: 3 },
    { session: 's2', address: '10.0.0.7:9090', renewed: 0 },
  ])
  tables.put('account', 'default', 'holder', { session: 's1', address: '10.0.0.8:9090', isPushed: false })
  tables.put('account', 'other', 'holder', { session: 'that has ended', address: '10.0.0.9:9090', isPushed: false })

  const untold = { state: null, sinceMs: null, reason: null, warnings: [] }
  expect(await ask({ do: 'status', account: null })).toEqual({
    fleet: tables.url,
    feeders: ['10.0.0.7:9090', '10.0.0.8:9090'],
    warnings: [],
    accounts: [
      {
        account: 'default',
        chats: 3,
        outbox: 2,
        uncertain: 0,
        deadLetters: 2,
        pendingPairings: 0,
        feeder: '10.0.0.8:9090',
        ...untold,
      },
      { account: 'other', chats: 0, outbox: 0, uncertain: 0, deadLetters: 0, pendingPairings: 0, feeder: null, ...untold },
    ],
  })
  expect(await ask({ do: 'status', account: 'OTHER' })).toMatchObject({ accounts: [{ account: 'other' }] })
  expect(await ask({ do: 'status', account: 'away' })).toMatchObject({ accounts: [{ account: 'away' }] })
})

test('what fails again and again is a warning of its account, or of the fleet', async () => {
  const { ask, tables } = await fleet()
  tables.fails('chat/default/peer:alice/give', 'chat', 'default/peer:alice', 5, 'no account\n  at line 1')
  tables.fails('responder/respond', 'responder', null, 1_234, 'away')
  tables.fails('chat/gone/peer:alice/give', 'chat', 'gone/peer:alice', 7, 'There is no account "gone" here.')
  tables.fails('chat/%zz/peer:eve/leave', 'chat', '%zz/peer:eve', 6, 'no key of ours')
  tables.fails('chat/default/peer:bob/give', 'chat', 'default/peer:bob', 4, 'not yet')
  tables.fails('chat/default/peer:eve/give', 'chat', 'default/peer:eve', 9, 'over', 'completed')

  expect(await ask({ do: 'status', account: null })).toMatchObject({
    warnings: [
      'responder/respond was tried 1234 times: away',
      'chat/gone/peer:alice/give was tried 7 times: There is no account "gone" here.',
      'chat/%zz/peer:eve/leave was tried 6 times: no key of ours',
    ],
    accounts: [{ warnings: ['chat/default/peer:alice/give was tried 5 times: no account'] }],
  })
})

test.each([
  ['out', true, ['It was moved out of the fleet into a state directory, and no feeder gets it.']],
  ['out', false, ['Its export has not come to its end, and no feeder gets it; repeat the same command.']],
  ['in', false, ['Its import has not come to its end, and no feeder gets it; repeat the same command.']],
  ['in', true, []],
])('status says why no feeder gets an account that moves %s (at its end: %s)', async (way, isOver, warnings) => {
  const { ask, tables } = await fleet()
  tables.put('account', 'default', 'move', { way, move: 'm1', isOver })

  expect(await ask({ do: 'status', account: null })).toMatchObject({ accounts: [{ warnings }] })
})

test('an engine that was told of no services is a warning', async () => {
  const { ask, tables } = await fleet()
  tables.forgetServices()

  expect(await ask({ do: 'status', account: null })).toMatchObject({
    warnings: ['Restate has been told of no services; start ztm-chat serve with --admin.'],
  })
})

test('with the secret, each feeder says how its accounts are', async () => {
  const { ask, tables } = await fleet()
  const status = { account: 'default', state: 'degraded', sinceMs: AT_MS, reason: 'The agent is away.', warnings: ['Soon it expires.'] }
  const feeder = await startServer(({ url }, response, incoming) =>
    incoming.headers.authorization === 'Bearer of the fleet' && url === '/accounts'
      ? json(response, { accounts: [status] })
      : json(response, {}, 401),
  )
  onTestFinished(() => feeder.close())
  const address = new URL(feeder.url).host
  tables.put('fleet', 'all', 'members', [{ session: 's1', address, renewed: 0 }])
  tables.put('account', 'default', 'holder', { session: 's1', address, isPushed: false })

  expect(await ask({ do: 'status', account: null }, { secret: 'of the fleet' })).toMatchObject({ warnings: [], accounts: [status] })
  expect(await ask({ do: 'status', account: null }, { secret: 'of another' })).toMatchObject({
    warnings: [`The feeder at ${address} has another secret; give the same to every process of the fleet.`],
    accounts: [{ feeder: address, state: null }],
  })
  await ask({ do: 'status', account: null })
  expect(feeder.requests).toHaveLength(2)
})

test('the newest chats are found among all of them, page by page', async () => {
  const { ask, tables } = await fleet()
  const { stored } = step({
    subject: { at: 'chat', chat: 'peer:alice' },
    stored: null,
    inputs: [{ to: 'records', changes: [toChat('peer:alice', accepted('m1'))] }],
    atMs: AT_MS,
    limits: parseConfig(BOT).accounts[0]!.limits,
  })
  const kept = stored as { readonly decisions: readonly object[] }
  for (let index = 0; index < 1_100; index += 1)
    tables.keep('chat', 'default', `peer:user-${index}`, {
      ...kept,
      decisions: kept.decisions.map(one => ({ ...one, atMs: AT_MS + ((index * 7) % 1_100) })),
    } as never)

  const { total, chats } = await ask({ do: 'chats', account: null, last: 3 })

  expect(total).toBe(1_100)
  expect(chats.map(({ account, lastAtMs, waiting }) => ({ account, lastAtMs, waiting }))).toEqual(
    [1_099, 1_098, 1_097].map(ms => ({ account: 'default', lastAtMs: AT_MS + ms, waiting: 1 })),
  )
})

test('who waits is shown with what is held for them, and who was let in', async () => {
  const { ask, keep, chat } = await fleet()
  keep('default', { at: 'account' }, { to: 'records', changes: [toAccount({ type: 'user.approved', user: 'bob' })] })
  keep(
    'default',
    { at: 'pairing', user: 'alice' },
    { to: 'request' },
    { to: 'pairing', event: { type: 'ticket.issued', code: 'ABCD2345', atMs: AT_MS, expiresAtMs: AT_MS + 1, notice: 'a code' } },
  )
  chat('peer:alice', held('m1'), held('m2'))

  expect(await ask({ do: 'pairing.list', account: null })).toEqual([
    { account: 'default', user: 'alice', code: 'ABCD2345', openedAtMs: AT_MS, expiresAtMs: AT_MS + 1, held: 2 },
  ])
  expect(await ask({ do: 'pairing.approved', account: null })).toEqual([{ account: 'default', user: 'bob' }])
  expect(await ask({ do: 'status', account: null })).toMatchObject({ accounts: [{ chats: 1, pendingPairings: 1 }] })
})

test('what has left the fleet is not shown, though the fleet still keeps it', async () => {
  const { ask, keep, chat, tables } = await fleet()
  chat('peer:alice', ...dead('m1'))
  chat('peer:bob', accepted('m2'))
  keep('default', { at: 'account' }, { to: 'records', changes: [toAccount({ type: 'user.approved', user: 'bob' })] })

  tables.put('chat', keyIn('default', 'peer:alice'), 'entry', { version: 1, stored: { is: 'elsewhere' }, moved: { way: 'out' } })
  expect(await ask({ do: 'status', account: null })).toMatchObject({ accounts: [{ chats: 1, deadLetters: 0 }] })
  expect(await ask({ do: 'pairing.approved', account: null })).toHaveLength(1)
  tables.put('account', 'default', 'move', { way: 'out', move: 'm1', isOver: true })
  expect(await ask({ do: 'pairing.approved', account: null })).toEqual([])
})

test('messages are explained from the newest records, and where these do not reach, from what the chat still knows', async () => {
  const { ask, chat, tables } = await fleet()
  chat('peer:alice', accepted('aaaa01'), { type: 'turn.answered', id: 'aaaa01' }, accepted('aaaa02'))
  chat('peer:bob', from('bob', 'bbbb03'))
  tables.put('chat', keyIn('default', 'peer:alice'), PAST, pastWith(null, [accepted('aaaa02')], AT_MS))

  const explained = await ask({ do: 'explain', account: null, wanted: { chat: 'peer:alice', last: 5 } })
  expect(explained.map(({ id, chat, text }) => ({ id, chat, text }))).toEqual([
    { id: 'aaaa01', chat: 'peer:alice', text: null },
    { id: 'aaaa02', chat: 'peer:alice', text: 'text of aaaa02' },
  ])
  expect(await ask({ do: 'explain', account: null, wanted: { chat: 'peer:alice', last: 1 } })).toMatchObject([{ id: 'aaaa02' }])
  expect(await ask({ do: 'explain', account: null, wanted: { id: 'bbbb' } })).toMatchObject([{ id: 'bbbb03', chat: 'peer:bob' }])
  expect(await ask({ do: 'explain', account: null, wanted: { id: 'aaaa' } })).toHaveLength(2)
})

test('dead letters are settled by their chats, in the given order, and only those that are still there', async () => {
  const letter = { id: 'm2', kind: 'message', chat: 'peer:bob', atMs: AT_MS, reason: 'the model is away' } as const
  const { ask, asked, chat } = await fleet({
    answers: { '/chat/default/peer:bob/settle': letter, '/chat/default/peer:alice/settle': null },
  })
  chat('peer:alice', ...dead('m1'))
  chat('peer:bob', ...dead('m2'))

  expect(await ask({ do: 'deadletter.list', account: null })).toMatchObject([{ id: 'm1', chat: 'peer:alice' }, letter])
  expect(await ask({ do: 'deadletter.retry', account: null, ids: ['m2', 'nobody', 'm1'] })).toEqual([{ account: 'default', ...letter }])
  expect(asked).toEqual([
    ['/chat/default/peer:bob/settle', { id: 'm2', how: 'retry' }],
    ['/chat/default/peer:alice/settle', { id: 'm1', how: 'retry' }],
  ])
})

test('an owner’s word goes to each account until one takes it', async () => {
  const { ask, asked } = await fleet({
    accounts: { default: BOT, other: OTHER },
    answers: {
      '/account/default/approve': { user: null },
      '/account/other/approve': { user: 'mallory' },
      '/account/default/revoke': { user: 'mallory' },
      '/account/other/revoke': { user: null },
      '/account/default/reject': { user: null },
    },
  })

  expect(await ask({ do: 'pairing.approve', account: null, code: 'ABCD2345' })).toEqual({ account: 'other', user: 'mallory' })
  expect(await ask({ do: 'pairing.revoke', account: null, user: 'mallory' })).toEqual([{ account: 'default', user: 'mallory' }])
  expect(asked).toHaveLength(4)
  await expect(ask({ do: 'pairing.reject', account: 'default', code: 'WXYZ2345' })).rejects.toThrow(
    'No pending request has the code "WXYZ2345"; it may have been used, have expired, or be of another fleet: "ztm-chat pairing list" shows those that are pending.',
  )
  await expect(ask({ do: 'pairing.revoke', account: 'other', user: 'eve' })).rejects.toThrow('Pairing has not let in "eve"')
})

test('an account that is elsewhere keeps an owner’s word from no other, and says so to whoever means it', async () => {
  const { ask } = await fleet({
    accounts: { default: BOT, other: OTHER },
    elsewhere: ['/account/default/'],
    answers: {
      '/account/other/approve': { user: 'mallory' },
      '/account/other/revoke': { user: 'mallory' },
      '/account/other/reject': { user: null },
    },
  })

  expect(await ask({ do: 'pairing.approve', account: null, code: 'ABCD2345' })).toEqual({ account: 'other', user: 'mallory' })
  expect(await ask({ do: 'pairing.revoke', account: null, user: 'mallory' })).toEqual([{ account: 'other', user: 'mallory' }])
  for (const account of ['default', null])
    await expect(ask({ do: 'pairing.reject', account, code: 'WXYZ2345' })).rejects.toMatchObject({
      message: '"it" was moved to a state directory.',
    })
})

test('a message is sent by its chat, which says when the key is that of another', async () => {
  const message = { do: 'send' as const, account: null, chat: 'peer:alice' as const, text: 'hi', key: 'k1', files: [] }
  const answers: Record<string, unknown> = { '/chat/default/peer:alice/send': { keys: ['cli/1/k1#0'], repeated: false } }
  const { ask, asked } = await fleet({ answers })

  expect(await ask(message)).toEqual({ account: 'default', keys: ['cli/1/k1#0'], repeated: false })
  expect(asked).toEqual([['/chat/default/peer:alice/send', { text: 'hi', key: 'k1', files: [] }]])
  answers['/chat/default/peer:alice/send'] = { refused: 'The key is that of another.' }
  await expect(ask(message)).rejects.toThrow('The key is that of another.')
})

test('what another version has written is left alone, and told', async () => {
  const { ask, tables } = await fleet()
  tables.keep('chat', 'default', 'peer:alice', {}, 2)

  await expect(ask({ do: 'chats', account: null, last: 1 })).rejects.toThrow(
    'What is kept of "default/peer:alice" has version 2, and this program knows version 1 only; use the ztm-chat of its fleet.',
  )
})

test.each([
  [
    JSON.stringify({ message: 'There is no account "default" here.' }),
    (url: string) => `The fleet at ${url} refuses: There is no account "default" here.`,
  ],
  [
    '',
    (url: string) =>
      `The engine at ${url} answers /account/default/approve with 404; is that the ingress of Restate, and the config that of the fleet?`,
  ],
  [
    '{"message":"service \'account\' not found, make sure to register the service before calling it."}',
    (url: string) => `Restate at ${url} knows no services of a fleet; start ztm-chat serve with --admin, which tells it of them.`,
  ],
])('what an ingress refuses is told in one sentence: %j', async (said, sentence) => {
  const { ask, ingress } = await fleet({ refusal: said })

  await expect(ask({ do: 'pairing.approve', account: null, code: 'A' })).rejects.toMatchObject({
    name: 'ControlRefused',
    message: sentence(ingress.url),
  })
})

test('an ingress that is away is told in one sentence', async () => {
  const { ask, ingress } = await fleet()
  await ingress.close()
  await expect(ask({ do: 'pairing.approve', account: null, code: 'A' })).rejects.toMatchObject({
    name: 'ControlSilent',
    message: `The engine at ${ingress.url} does not answer /account/default/approve: connection refused; is Restate running, with a service of the fleet, and is that its ingress?`,
  })
})
