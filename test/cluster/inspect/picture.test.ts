/** What is read of a fleet for one look, on tables that read the same SQL. */
import { expect, onTestFinished, test } from 'vitest'
import { type ChatRecord, type OutboxRecord, toChat } from '../../../machines/records.ts'
import { BUSY_MAX, createLooking, NEWEST_MAX } from '../../../src/cluster/inspect/picture.ts'
import { keyIn } from '../../../src/cluster/keys.ts'
import { PAST, pastWith } from '../../../src/cluster/past.ts'
import { openTables } from '../../../src/cluster/tables.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import type { ChatId } from '../../../src/domain/ids.ts'
import { step } from '../../../src/runtime/cell.ts'
import { accepted, message, queued } from '../../machines/words.ts'
import { startTables } from '../engine-tables.ts'

const START_MS = 1_800_000_000_000
const { accounts } = parseConfig({ meshName: 'home', accounts: { home: { username: 'bot' }, work: { username: 'other-bot' } } })
const NOBODY: ReadonlySet<string> = new Set()
const rested: readonly ChatRecord[] = [accepted('m1'), { type: 'turn.answered', id: 'm1' }]

async function open() {
  const engine = await startTables()
  const tables = openTables(engine.url)
  onTestFinished(() => tables.close())
  const transport = { request: () => Promise.reject(new Error('there is no feeder')) }
  const look = createLooking({ accounts, tables, transport, secret: 'not-a-secret-of-anybody' })
  /** A chat that these records have led to. */
  const put = (account: string, chat: ChatId, events: readonly (ChatRecord | OutboxRecord)[], atMs: number) => {
    const changes = events.map(event => toChat(chat, event))
    const inputs = [{ to: 'records', changes }] as const
    const { stored } = step({ subject: { at: 'chat', chat }, stored: null, inputs, atMs, limits: accounts[0]!.limits })
    engine.keep('chat', account, chat, stored)
    engine.put('chat', keyIn(account, chat), PAST, pastWith(null, events, atMs))
  }
  const chatsIn = async (wanted = NOBODY, account = 'home') => {
    const picture = await look(wanted)
    onTestFinished(() => picture.close())
    return [...picture.accounts.get(account)!.registry.chats.keys()]
  }
  /** Chats that a look has read whole. */
  const readBy = async (wanted = NOBODY): Promise<readonly string[]> => {
    const from = engine.queries.length
    await chatsIn(wanted)
    const keys = engine.queries
      .slice(from)
      .flatMap(query => [...(/service_key IN \((.*?)\) /.exec(query)?.[1] ?? '').matchAll(/'([^']*)'/g)])
    return keys.map(([, key]) => key!)
  }
  return { engine, look, put, chatsIn, readBy }
}

test('of many chats those with something to do are shown, dead letters too, and the newest of the others', async () => {
  const { put, look, chatsIn } = await open()
  for (let n = 0; n < NEWEST_MAX + 100; n++) put('home', `peer:user-${n}`, rested, START_MS + n)
  put('home', 'peer:old-and-busy', [accepted('m1')], 1_700_000_000_000)
  put('work', 'peer:old-and-sending', [queued('k1')], 1_700_000_000_000)
  put('home', 'peer:old-and-dead', [accepted('m1'), { type: 'turn.abandoned', id: 'm1', reason: 'no' }], 1_700_000_000_000)
  const fake = { ...accepted('m1'), message: { ...message('m1'), text: '"chat":{"x" "deadLetters":[{' } }
  put('home', 'peer:old-and-resting', [fake, { type: 'turn.answered', id: 'm1' }], 1_700_000_000_000)

  const shown = await chatsIn()

  expect(shown.length).toBe(NEWEST_MAX + 2)
  expect(shown).toEqual(expect.arrayContaining(['peer:old-and-busy', 'peer:old-and-dead', `peer:user-${NEWEST_MAX + 99}`]))
  expect(shown).not.toContain('peer:user-99')
  expect(await chatsIn(NOBODY, 'work')).toEqual(['peer:old-and-sending'])
  expect(await chatsIn(new Set([keyIn('home', 'peer:old-and-resting')]))).toContain('peer:old-and-resting')
  const picture = await look(NOBODY)
  expect([...picture.accounts.values()].map(({ chats }) => chats)).toEqual([NEWEST_MAX + 103, 1])
  picture.close()
})

test('of very many with something to do so many are shown', async () => {
  const { put, chatsIn } = await open()
  for (let n = 0; n < BUSY_MAX + NEWEST_MAX + 50; n++)
    put('home', `peer:user-${String(n).padStart(4, '0')}`, [accepted('m1')], START_MS + n)

  expect((await chatsIn()).length).toBe(BUSY_MAX + NEWEST_MAX)
})

test('what has not changed is not read again, and what has is', async () => {
  const { put, readBy } = await open()
  for (const [index, user] of ['alice', 'bob', 'carol'].entries()) put('home', `peer:${user}`, rested, START_MS + index)
  expect((await readBy()).toSorted()).toEqual(['home/peer:alice', 'home/peer:bob', 'home/peer:carol'])
  expect(await readBy()).toEqual([])

  put('home', 'peer:bob', [accepted('m2')], START_MS + 10)
  expect(await readBy()).toEqual(['home/peer:bob'])
  // It is busy, and may change without a record.
  expect(await readBy()).toEqual(['home/peer:bob'])

  put('home', 'peer:bob', rested, START_MS + 10)
  expect(await readBy()).toEqual(['home/peer:bob'])
  expect(await readBy()).toEqual([])
  expect(await readBy(new Set(['home/peer:alice']))).toEqual(['home/peer:alice'])
})

test('what has left the fleet takes nobody’s room, and is not counted; strangers whose requests have ended are not read for those', async () => {
  const { engine, put, look, chatsIn, readBy } = await open()
  for (let n = 0; n < BUSY_MAX; n++)
    engine.put('chat', keyIn('home', `peer:gone-${String(n).padStart(4, '0')}`), 'entry', {
      version: 1,
      stored: { chat: { status: 'active' } },
      moved: { way: 'out' },
    })
  put('work', 'peer:zoe', [accepted('m1')], START_MS)
  engine.put('chat', keyIn('work', 'peer:zoe'), PAST, null)
  put('work', 'peer:eve', rested, START_MS)
  engine.put('chat', keyIn('work', 'peer:eve'), PAST, null)
  engine.keep('pairing', 'work', 'eve', null)
  engine.put('account', 'home', 'move', { way: 'out', move: 'm1', isOver: true })
  engine.put('pairing', keyIn('home', 'gone-0001' as ChatId), 'entry', { version: 1, stored: {}, moved: { way: 'out' } })
  for (let n = 0; n < NEWEST_MAX; n++) put('work', `peer:new-${n}`, rested, START_MS)

  const read = await readBy()
  expect(new Set(read).size).toBe(NEWEST_MAX + 1)
  expect(read).not.toContain('work/peer:eve')
  const shown = await chatsIn(NOBODY, 'work')
  expect(shown).toContain('peer:zoe')
  const picture = await look(NOBODY)
  expect([...picture.accounts.values()].map(({ chats }) => chats)).toEqual([0, NEWEST_MAX + 2])
  picture.close()
})

test('what another version has written is not guessed at', async () => {
  const { engine, look } = await open()
  engine.keep('chat', 'home', 'peer:alice', {}, 99)
  engine.put('chat', 'home/peer:alice', PAST, pastWith(null, rested, START_MS))

  await expect(look(NOBODY)).rejects.toThrow('What is kept of "home/peer:alice" has version 99')
})
