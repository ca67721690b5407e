/** Between a state directory and a fleet: in what order, and what becomes of a move that breaks off. The engine is a stand-in. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openAccountStore } from '../../src/adapters/store/account-store.ts'
import { SHARD_VERSION } from '../../src/adapters/store/shard-file.ts'
import { EngineAway, EngineRefused } from '../../src/cluster/engine.ts'
import { exportState } from '../../src/cluster/moving/export-state.ts'
import { importState } from '../../src/cluster/moving/import-state.ts'
import { openTables, type Tables } from '../../src/cluster/tables.ts'
import { parseConfig } from '../../src/domain/config.ts'
import type { Json } from '../../src/domain/json.ts'
import { newAccount, storeAccount } from '../../src/runtime/account-entry.ts'
import { newEntry, storeChat } from '../../src/runtime/entries.ts'
import { stateOf } from '../../src/runtime/replay.ts'
import { temporaryFolder } from '../adapters/store/world.ts'
import { startTables } from './engine-tables.ts'

const FLEET = 'http://restate:8080'
const settings = parseConfig({ meshName: 'home', username: 'my-bot' }).accounts[0]!
const account = { ...storeAccount(newAccount()), openedAtMs: 5, liveAtMs: 1_000, approved: ['erin'] } as Json
const chat = (more: object = {}) => ({ ...storeChat(newEntry(7)), ...more }) as unknown as Json
const request = { status: 'active', value: { pending: 'open' }, context: { user: 'dave', code: 'CODE1234' } } as Json
const STATE = { account, 'chat:peer:alice': chat(), 'chat:peer:dave': chat(), 'pairing:dave': request }

type Call = { readonly what: string; readonly key: string; readonly input: unknown }

/** Remembers what it was asked; the rows are what it is said to have. */
function fleetWith(rows: Readonly<Record<string, Json>> = {}) {
  const calls: Call[] = []
  const fleet = { before: (_: Call): void => {}, calls, rows: new Map(Object.entries(rows)) }
  const engine = {
    async call([service, key, handler]: readonly [string, string, string], input: unknown) {
      const call = { what: `${service}/${handler}`, key, input }
      fleet.before(call)
      calls.push(call)
      if (handler !== 'leave') return null
      const kept = fleet.rows.get(`${service} ${key}`) as { readonly stored: Json } | undefined
      return { version: SHARD_VERSION, stored: kept?.stored ?? null }
    },
    async close() {},
  }
  const move = async (stateDir: string) => ({
    settings,
    stateDir,
    engine,
    tables: await tablesWith(fleet.rows),
    fleet: FLEET,
    onProgress: () => {},
  })
  return Object.assign(fleet, {
    importFrom: async (dir: string) => importState(await move(dir)),
    exportTo: async (dir: string) => exportState(await move(dir)),
  })
}

async function tablesWith(rows: ReadonlyMap<string, Json>): Promise<Tables> {
  const { url, put } = await startTables()
  for (const [place, value] of rows) {
    const [service, key, name = 'entry'] = place.split(' ') as [string, string, string?]
    put(service, key, name, value)
  }
  const tables = openTables(url)
  onTestFinished(() => tables.close())
  return tables
}
const kept = (stored: Json, moved?: object) => ({ version: SHARD_VERSION, stored, ...(moved && { moved }) }) as Json

async function stateWith(entries: Readonly<Record<string, Json>>): Promise<string> {
  const root = temporaryFolder()
  const store = await openAccountStore({ root, account: settings.id })
  await store.load()
  await store.compact({
    seq: () => 0,
    keys: () => Object.keys(entries),
    dirty: () => new Set(Object.keys(entries)),
    read: key => entries[key],
  })
  await store.close()
  return root
}
const markIn = (root: string) => existsSync(join(root, 'accounts/default/moved.json'))
const opened = async (root: string) => {
  const store = await openAccountStore({ root, account: settings.id })
  const state = stateOf(await store.load(), settings.limits)
  await store.close()
  return Object.fromEntries([...state.keys()].map(key => [key, state.read(key)]))
}

test('the account comes first and is opened last; a request comes before the chat that waits for it, and goes on after it', async () => {
  const fleet = fleetWith()

  expect(await fleet.importFrom(await stateWith(STATE))).toEqual({ chats: 2, requests: 1, problems: [] })

  expect(fleet.calls.map(({ what, key }) => `${what} ${key}`)).toEqual([
    'account/adopt default',
    'pairing/adopt default/dave',
    'chat/adopt default/peer:alice',
    'chat/adopt default/peer:dave',
    'pairing/resume default/dave',
    'account/arrived default',
  ])
  expect(fleet.calls[0]!.input).toMatchObject({ version: SHARD_VERSION, stored: account })
  expect(fleet.calls[2]!.input).toMatchObject({ stored: STATE['chat:peer:alice'] })
})

test('from before the first word to the fleet on nobody runs the state, which says where it is', async () => {
  const root = await stateWith(STATE)
  const fleet = fleetWith()
  fleet.before = () => expect(markIn(root)).toBe(true)

  await fleet.importFrom(root)

  await expect(opened(root)).rejects.toThrow(`The state in ${join(root, 'accounts/default')} was moved into the fleet at ${FLEET} (`)
})

test('one that breaks off is not run either, and goes on as the same move', async () => {
  const root = await stateWith(STATE)
  const fleet = fleetWith()
  fleet.before = ({ what }) => {
    if (what === 'chat/adopt') throw new EngineAway('The engine does not answer')
  }

  await expect(fleet.importFrom(root)).rejects.toThrow(
    'The engine does not answer; is a service of the fleet running? Do the same again, and it goes on from there.',
  )
  await expect(opened(root)).rejects.toThrow('is on its way into the fleet')
  fleet.before = () => {}
  await fleet.importFrom(root)

  expect(new Set(fleet.calls.map(({ input }) => (input as { move: string }).move)).size).toBe(1)
  await expect(opened(root)).rejects.toThrow(
    'move it back into a folder of its own with "ztm-chat fleet export --state-dir NEW --ingress http://restate:8080"',
  )
})

test('one that has come to its end is as good done again, and changes nothing once the fleet has something newer', async () => {
  const root = await stateWith(STATE)
  const fleet = fleetWith()
  await fleet.importFrom(root)
  const { move } = fleet.calls[0]!.input as { readonly move: string }
  const calls = fleet.calls.length

  for (const other of [
    { way: 'out', move: 'm2', isOver: true },
    { way: 'in', move: 'm3', isOver: true },
  ]) {
    fleet.rows.set('account default move', other)
    await expect(fleet.importFrom(root)).rejects.toThrow(
      `The state in ${join(root, 'accounts/default')} was moved into the fleet at ${FLEET} before (`,
    )
  }
  expect(fleet.calls).toHaveLength(calls)
  fleet.rows.set('account default move', { way: 'in', move, isOver: true })
  expect(await fleet.importFrom(root)).toEqual({ chats: 2, requests: 1, problems: [] })
})

test('while a feeder has the account nothing is moved, and the state is run as before', async () => {
  const root = await stateWith(STATE)
  const fleet = fleetWith()
  fleet.before = () => {
    throw new EngineRefused('409', 409, 'A feeder has it.')
  }

  await expect(fleet.importFrom(root)).rejects.toThrow(/^A feeder has it\.$/)

  expect(await opened(root)).toEqual(STATE)
})

test('a chat that has its own state in the fleet is named before anything is changed', async () => {
  const root = await stateWith(STATE)
  const fleet = fleetWith({ 'chat default/peer:alice': kept({ mine: true }) })

  await expect(fleet.importFrom(root)).rejects.toThrow('The fleet has a state of its own of "peer:alice" (account default)')

  expect(fleet.calls).toEqual([])
  expect(await opened(root)).toEqual(STATE)
})

test('what has left the fleet, and is not in the state any more, is forgotten there', async () => {
  const fleet = fleetWith({
    'chat default/peer:alice': kept({}, { way: 'out' }),
    'chat default/peer:gone': kept({}, { way: 'out' }),
    'pairing default/gone': kept({}, { way: 'out' }),
  })

  await fleet.importFrom(await stateWith(STATE))

  const forgotten = fleet.calls.filter(({ input }) => (input as { stored?: Json }).stored === null)
  expect(forgotten.map(({ what, key }) => `${what} ${key}`)).toEqual(['chat/adopt default/peer:gone', 'pairing/adopt default/gone'])
})

test('the account is read from where the chat that is furthest behind has come to', async () => {
  const fleet = fleetWith()

  await fleet.importFrom(await stateWith({ ...STATE, 'chat:peer:bob': chat({ unreadSinceMs: 300 }) }))

  expect(fleet.calls[0]!.input).toMatchObject({ stored: { liveAtMs: 300 } })
  expect(fleet.calls.find(({ key }) => key.endsWith('bob'))!.input).toMatchObject({ stored: { unreadSinceMs: null } })
})

test('what OpenClaw has taken over is nothing for a fleet', async () => {
  const root = await stateWith({ ...STATE, 'chat:peer:bob': chat({ custody: [{ id: 'm1' }] }) })
  const fleet = fleetWith()

  await expect(fleet.importFrom(root)).rejects.toThrow("OpenClaw's gateway has taken over what was written in peer:bob")

  expect([fleet.calls, markIn(root)]).toEqual([[], false])
})

const IN_FLEET = {
  'account default': kept(account),
  'chat default/peer:alice': kept(STATE['chat:peer:alice']),
  'chat default/peer:dave': kept(STATE['chat:peer:dave']),
  'pairing default/dave': kept(request),
}

test('what leaves a fleet is a state that runs; the account gives its own out last', async () => {
  const root = temporaryFolder()
  const fleet = fleetWith(IN_FLEET)
  fleet.before = () => expect(markIn(root)).toBe(true)

  expect(await fleet.exportTo(root)).toEqual({ chats: 2, requests: 1, problems: [] })

  expect(fleet.calls.map(({ what, key }) => `${what} ${key}`)).toEqual([
    'account/leave default',
    'chat/leave default/peer:alice',
    'chat/leave default/peer:dave',
    'pairing/leave default/dave',
    'account/leave default',
    'account/left default',
  ])
  expect(await opened(root)).toEqual(STATE)
})

test('an export that breaks off is not run, and begins anew as the same move', async () => {
  const root = temporaryFolder()
  const fleet = fleetWith(IN_FLEET)
  fleet.before = ({ what }) => {
    if (what === 'account/left') throw new EngineAway('The engine does not answer')
  }

  await expect(fleet.exportTo(root)).rejects.toThrow('The engine does not answer')
  await expect(opened(root)).rejects.toThrow('is not whole, for its export from the fleet')
  await expect(fleet.importFrom(root)).rejects.toThrow('is not whole')
  fleet.before = () => {}
  fleet.rows.delete('chat default/peer:alice')
  await fleet.exportTo(root)

  expect(await opened(root)).toEqual({ account, 'chat:peer:dave': chat(), 'pairing:dave': request })
  const moves = fleet.calls.flatMap(({ input }) => (input as { move?: string } | undefined)?.move ?? [])
  expect(new Set(moves).size).toBe(1)
})

test('an export of what has not all come in says so', async () => {
  const move = (isOver: boolean) => ({ 'account default move': { way: 'in', move: 'm1', isOver } })

  expect((await fleetWith({ ...IN_FLEET, ...move(true) }).exportTo(temporaryFolder()))?.problems).toEqual([])
  expect((await fleetWith({ ...IN_FLEET, ...move(false) }).exportTo(temporaryFolder()))?.problems).toEqual([
    'The import of the account "default" had not come to its end; what it had not brought is in the folder that it was called for, and not in this one.',
  ])
})

test('an export goes into an empty folder alone, and of what the fleet never had there is none', async () => {
  const root = await stateWith(STATE)

  await expect(fleetWith(IN_FLEET).exportTo(root)).rejects.toThrow('There is a state in')
  expect(await fleetWith().exportTo(temporaryFolder())).toBeNull()
  expect(await opened(root)).toEqual(STATE)
})

test('an export that is refused leaves nothing that could not be run', async () => {
  const root = temporaryFolder()
  const fleet = fleetWith(IN_FLEET)
  fleet.before = () => {
    throw new EngineRefused('409', 409, 'A feeder has it.')
  }

  await expect(fleet.exportTo(root)).rejects.toThrow('A feeder has it.')

  expect(markIn(root)).toBe(false)
})
