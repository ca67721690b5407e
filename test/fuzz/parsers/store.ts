/** What the disk gives back: lines, segments and shards of the journal, by themselves and under a store and a runtime. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createMemoryDisk, type MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { encodeLine, readLines } from '../../../src/adapters/store/lines.ts'
import { readSegment } from '../../../src/adapters/store/segment.ts'
import { openStore } from '../../../src/adapters/store/store.ts'
import { StoreUnusable } from '../../../src/domain/errors.ts'
import type { Loaded, StoredRecord } from '../../../src/ports/store.ts'
import { keyOf, parseChange } from '../../../src/runtime/parse-record.ts'
import { createWorld } from '../../../src/simulator/world.ts'
import { bytesOf, garbage, jsonText, jsonValue, latin1Of, nastyText, nearly, nearlyValue, readAsJson } from '../inputs.ts'
import { isSentence } from '../invariants.ts'
import { target } from '../target.ts'

const record = (seq: number): StoredRecord => ({
  seq,
  atMs: 1_795_462_000_000 + seq,
  changes: [{ key: `chat:peer:user-${seq % 5}`, event: { type: 'message.released', seq } }],
})
const records = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => record(from + at))

const SHARDS = 4
const open = (disk: MemoryDisk) => openStore({ disk, where: '/state', shards: SHARDS, segmentBytes: 1_000 })

/** A store with a snapshot, an older one, and a journal in several segments. */
async function filled(): Promise<MemoryDisk> {
  const disk = createMemoryDisk()
  const store = await open(disk)
  await store.load()
  let seq = 0
  const fold = async (upTo: number) => {
    await store.append(records(seq + 1, upTo))
    seq = upTo
    await store.compact({
      seq: () => seq,
      keys: () => Array.from({ length: 5 }, (_, at) => `chat:peer:user-${at}`),
      dirty: () => new Set(Array.from({ length: 5 }, (_, at) => `chat:peer:user-${at}`)),
      read: key => ({ key, seq }),
    })
  }
  await fold(10)
  await fold(20)
  await store.append(records(21, 40))
  await store.close()
  return disk
}

async function contentOf(disk: MemoryDisk): Promise<ReadonlyMap<string, string>> {
  const content = new Map<string, string>()
  for (const path of disk.files()) content.set(path, Buffer.from((await disk.read(path)) ?? []).toString('latin1'))
  return content
}

const good = await contentOf(await filled())

const line = target({
  name: 'journal line',
  input: fc
    .oneof(nearly(...[...good].flatMap(([path, content]) => (path.endsWith('.log') ? [content] : []))), jsonText, garbage)
    .map(latin1Of),
  check(content) {
    const bytes = bytesOf(content)
    const { lines, restAt } = readLines(bytes)
    // Every byte belongs to a line, or to the rest.
    assert.deepEqual(
      lines.map(({ at }) => at),
      [0, ...lines.map(({ endsAt }) => endsAt)].slice(0, lines.length),
    )
    assert.equal(lines.at(-1)?.endsAt ?? 0, restAt)
    for (const { value } of lines) if (value !== undefined) assert.deepEqual(readLines(encodeLine(value)).lines[0]?.value, value)
  },
})

const segment = target({
  name: 'journal segment',
  input: fc.array(fc.oneof(nearlyValue({ version: 1, after: 0 }, record(1), record(2)).map(readAsJson), jsonValue), { maxLength: 5 }),
  check(values) {
    const { header, records: found, damagedAt } = readSegment(Buffer.concat(values.map(value => encodeLine(value))))
    assert.equal(values.length, (header === null ? 0 : 1) + found.length + damagedAt.length)
    for (const { record: each } of found) assert.ok(Number.isSafeInteger(each.seq) && Array.isArray(each.changes))
  },
})

const change = target({
  name: 'journal record',
  runs: 300,
  input: fc.record({
    key: fc.oneof(
      nastyText,
      nastyText.map(name => `chat:peer:${name}`),
      fc.tuple(nastyText, nastyText).map(([creator, group]) => `chat:group:${creator}/${group}`),
      nastyText.map(name => `pairing:${name}`),
      fc.constant('account'),
    ),
    event: fc.oneof(
      nearlyValue({ type: 'message.released' }, { type: 'pairing.opened', code: 'X' }, { type: 'user.approved', user: 'alice' }).map(
        readAsJson,
      ),
      jsonValue,
    ),
  }),
  check({ key, event }) {
    const parsed = parseChange({ key, event })
    if (parsed !== null) assert.equal(keyOf(parsed), key)
  },
})

const damage = fc.constantFrom(...good.keys()).chain(path =>
  fc.record({
    path: fc.constant(path),
    content: fc.oneof({ weight: 5, arbitrary: nearly(good.get(path) ?? '') }, { weight: 1, arbitrary: garbage }).map(onlyBytes),
  }),
)

/** Some of what is put in has characters that are no bytes. */
function onlyBytes(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a byte may be anything
  return /^[\u0000-\u00ff]*$/.test(text) ? text : latin1Of(text)
}

const store = target({
  name: 'journal and shards, through the store',
  runs: 60,
  input: fc.array(damage, { minLength: 1, maxLength: 3 }),
  async check(damages) {
    const disk = createMemoryDisk()
    for (const [path, content] of [...good, ...damages.map(({ path, content }) => [path, content] as const)]) {
      await disk.makeFolder(path.slice(0, path.lastIndexOf('/')))
      await disk.write(path, bytesOf(content))
    }
    const first = await loadedOrRefused(disk)
    if (first === null) return
    for (const problem of first.problems) isSentence(problem)
    // It goes on from there, and what is added is there at the next start, with nothing new to complain about.
    const again = await open(disk)
    const { lastSeq } = await again.load()
    await again.append([record(lastSeq + 1)])
    await again.close()
    const last = await open(disk)
    const { tail, problems } = await last.load()
    await last.close()
    assert.equal(tail.at(-1)?.seq, lastSeq + 1)
    assert.deepEqual(
      problems.filter(problem => / set aside /.test(problem)),
      [],
    )
  },
})

/** Null: of a newer version, as far as can be told. */
async function loadedOrRefused(disk: MemoryDisk): Promise<Loaded | null> {
  const opened = await open(disk)
  try {
    return await opened.load()
  } catch (error) {
    assert.ok(error instanceof StoreUnusable, String(error))
    assert.match(error.message, /newer version/)
    isSentence(error.message)
    return null
  } finally {
    await opened.close()
  }
}

const runtime = target({
  name: 'journal and shards, through the runtime',
  runs: 6,
  input: fc.record({
    seed: fc.nat(1_000),
    at: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })), {
      minLength: 1,
      maxLength: 5,
    }),
  }),
  async check({ seed, at }) {
    const world = createWorld({ seed, config: { dmPolicy: 'pairing', allowFrom: ['alice'] } })
    await world.start()
    for (const user of ['alice', 'mallory', 'alice']) {
      await world.mesh.user(user).says(`hello of ${user}`)
      await world.settle(20_000)
    }
    await world.stop()
    const files = world.disk().files()
    for (const [nth, offset] of at) {
      const path = files[Math.floor(nth * files.length)]
      const bytes = path === undefined ? null : await world.disk().read(path)
      if (path !== undefined && bytes !== null && bytes.byteLength > 0)
        world.disk().corrupt(path, Math.floor(offset * (bytes.byteLength - 1)))
    }
    try {
      await world.start()
    } catch (error) {
      assert.ok(error instanceof StoreUnusable, String(error))
      return
    }
    await world.mesh.user('alice').says('are you well?')
    await world.settle(60_000)
    assert.equal(world.account.status().state, 'live')
    assert.ok(world.answers('alice').includes('echo: are you well?'))
    await world.stop()
  },
})

export const storeTargets = [line, segment, change, store, runtime]
