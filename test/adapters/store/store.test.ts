import { describe, expect, test } from 'vitest'
import { encodeLine } from '../../../src/adapters/store/lines.ts'
import { encodeShard } from '../../../src/adapters/store/shard-file.ts'
import { shardOf } from '../../../src/adapters/store/shards.ts'
import { openStore } from '../../../src/adapters/store/store.ts'
import type { Disk } from '../../../src/ports/disk.ts'
import { bytes, createLive, disks, record, records, replace, restored, text } from './world.ts'

const open = (disk: Disk, options: { segmentBytes?: number; shards?: number } = {}) => openStore({ disk, where: '/state', ...options })

async function started(disk: Disk, options: { segmentBytes?: number; shards?: number } = {}) {
  const store = await open(disk, options)
  const loaded = await store.load()
  const live = restored(loaded)
  return {
    store,
    loaded,
    live,
    async append(more: ReturnType<typeof records>) {
      live.apply(more)
      await store.append(more)
    },
  }
}

async function loadedFrom(disk: Disk) {
  const store = await open(disk)
  const loaded = await store.load()
  await store.close()
  return loaded
}

describe.each(disks)('the store on a disk, %s', (_name, create) => {
  test('a new store is empty and goes on with record 1', async () => {
    const { loaded, store } = await started(create())

    expect(loaded).toEqual({ entries: new Map(), tail: [], lastSeq: 0, problems: [] })
    expect(store.journalBytes()).toBe(0)
  })

  test('what was appended is found again, in order', async () => {
    const disk = create()
    const { store } = await started(disk)
    await store.append(records(1, 3))
    await store.append([record(4, 'peer:ünï\ncode \ud800', { text: 'a\nb\u2028c', none: null })])
    await store.close()

    expect(await loadedFrom(disk)).toEqual({
      entries: new Map(),
      tail: [...records(1, 3), record(4, 'peer:ünï\ncode \ud800', { text: 'a\nb\u2028c', none: null })],
      lastSeq: 4,
      problems: [],
    })
  })

  test('the folded state is found again, and the journal is empty', async () => {
    const disk = create()
    const { store, live, append } = await started(disk)
    await append(records(1, 20))
    await store.compact(live)
    await store.close()

    const loaded = await loadedFrom(disk)

    expect(await disk.list('journal')).toEqual([])
    expect(store.journalBytes()).toBe(0)
    const names = (await disk.list('shards')).filter(name => !name.endsWith('.old.json'))
    const sizes = await Promise.all(names.map(async name => (await disk.read(`shards/${name}`))?.byteLength ?? 0))
    expect(store.snapshotBytes()).toBe(sizes.reduce((sum, bytes) => sum + bytes, 0))
    expect([loaded.tail, loaded.lastSeq, loaded.problems]).toEqual([[], 20, []])
    expect(restored(loaded).values()).toEqual(live.values())
  })

  test('keys that mean something to JavaScript are keys like any other', async () => {
    const disk = create()
    const { store, live, append } = await started(disk)
    const keys = ['__proto__', 'constructor', 'toString', '', '1', 'a"b\\c']
    const value: unknown = JSON.parse('{"__proto__":{"polluted":true}}')
    await append(keys.map((key, at) => ({ ...record(at + 1, key), changes: [{ key, event: value as { a: null } }] })))
    await store.compact(live)
    await store.close()

    const { entries } = await loadedFrom(disk)

    expect([...entries.keys()].sort()).toEqual(keys.sort())
    for (const { json } of entries.values()) expect(json).toBe('[{"__proto__":{"polluted":true}}]')
    expect('polluted' in {}).toBe(false)
  })

  test('only shards with changed keys are written again', async () => {
    const disk = create()
    const { store, live, append } = await started(disk)
    await append(records(1, 30))
    await store.compact(live)
    const before = await disk.list('shards')
    const files = new Map<string, string | null>()
    for (const name of before) files.set(name, text(await disk.read(`shards/${name}`)))
    const unchanged = { ...live, dirty: () => new Set<string>() }
    await store.append([record(31, 'peer:3')])
    live.apply([record(31, 'peer:3')])

    await store.compact(unchanged)

    const written: string[] = []
    for (const name of before) if (text(await disk.read(`shards/${name}`)) !== files.get(name)) written.push(name)
    expect(written).toEqual(['index.json', `shard-${String(shardOf('peer:3', 64)).padStart(2, '0')}.json`])
  })

  test('a forgotten key stays forgotten, also when its records are still in the journal', async () => {
    const disk = create()
    const { store, live, append } = await started(disk, { shards: 1 })
    await append([record(1, 'peer:gone'), record(2, 'peer:stays'), record(3, 'peer:gone', 'forget')])
    await store.compact(live)
    await append([record(4, 'peer:other')])
    await store.close()
    // As after a crash before the removal of the segment was durable.
    const lines = [encodeLine({ version: 1, after: 0 }), ...[record(1, 'peer:gone'), record(2, 'peer:stays')].map(encodeLine)]
    await replace(disk, 'journal/00000001.log', Buffer.concat(lines))

    const loaded = await loadedFrom(disk)

    expect(loaded.problems).toEqual([])
    expect([...restored(loaded).values().keys()].sort()).toEqual(['peer:other', 'peer:stays'])
  })

  test('a key that is met during a compaction is not lost, though its shard says that it contains the record', async () => {
    const disk = create()
    const { store, live, append } = await started(disk, { shards: 2 })
    await append([record(1, keyIn(0, 2, 'peer:a')), record(2, keyIn(1, 2, 'peer:b'))])
    const met = record(3, keyIn(1, 2, 'peer:new'))
    let appended: Promise<void> | null = null
    // The first shard is being written when the key comes into the second.
    const read = (key: string) => {
      if (!appended) {
        appended = store.append([met])
        live.apply([met])
      }
      return live.read(key)
    }
    await store.compact({ ...live, read })
    await appended
    await store.close()

    const { entries, tail } = await loadedFrom(disk)

    const found = [...entries.keys(), ...tail.flatMap(({ changes }) => changes.map(({ key }) => key))]
    expect(found).toContain(keyIn(1, 2, 'peer:new'))
  })

  test('appends go on during a compaction, and are found on top of it', async () => {
    const disk = create()
    const { store, live, append } = await started(disk)
    await append(records(1, 50))

    const compacting = store.compact(live)
    for (let seq = 51; seq <= 90; seq++) await append([record(seq, `peer:${seq % 7}`)])
    await compacting
    await store.close()

    const loaded = await loadedFrom(disk)
    expect([loaded.lastSeq, loaded.problems]).toEqual([90, []])
    expect(restored(loaded).values()).toEqual(live.values())
  })

  test('10,000 records in batches of 100 are all found again', async () => {
    const disk = create()
    const { store } = await started(disk, { segmentBytes: 200_000 })
    for (let seq = 1; seq <= 10_000; seq += 100) await store.append(records(seq, seq + 99))
    await store.close()

    const loaded = await loadedFrom(disk)

    expect((await disk.list('journal')).length).toBeGreaterThan(3)
    expect(loaded.tail).toEqual(records(1, 10_000))
    expect(loaded.problems).toEqual([])
  })

  test('the number of shards is the one the store began with', async () => {
    const disk = create()
    const first = await started(disk, { shards: 3 })
    await first.append(records(1, 20))
    await first.store.compact(first.live)
    await first.store.close()

    const second = await started(disk, { shards: 64 })
    await second.append(records(21, 40))
    await second.store.compact(second.live)
    await second.store.close()

    expect((await disk.list('shards')).filter(name => !name.includes('.old.'))).toEqual([
      'index.json',
      'shard-00.json',
      'shard-01.json',
      'shard-02.json',
    ])
    expect(restored(await loadedFrom(disk)).values()).toEqual(second.live.values())
  })

  test('a torn last line is cut, and nobody is troubled', async () => {
    const disk = create()
    const { store } = await started(disk)
    await store.append(records(1, 3))
    await store.close()
    const whole = await disk.read('journal/00000001.log')
    await replace(disk, 'journal/00000001.log', Buffer.concat([whole!, encodeLine(record(4)).subarray(0, 30)]))

    const loaded = await loadedFrom(disk)

    expect(loaded).toEqual({ entries: new Map(), tail: records(1, 3), lastSeq: 3, problems: [] })
    expect(await disk.read('journal/00000001.log')).toEqual(whole)
  })

  test('a damaged line is set aside with its file and reported, and the records around it load', async () => {
    const disk = create()
    const { store } = await started(disk)
    await store.append(records(1, 5))
    await store.close()
    const damaged = text(await disk.read('journal/00000001.log'))!.replace('hello 3', 'hellO 3')
    await replace(disk, 'journal/00000001.log', damaged)

    const thirdLineAt = damaged.split('\n').slice(0, 3).join('\n').length + 1

    const loaded = await loadedFrom(disk)

    expect(loaded.tail).toEqual([...records(1, 2), ...records(4, 5)])
    expect(loaded.lastSeq).toBe(5)
    expect(loaded.problems).toEqual([
      `journal/00000001.log in /state is damaged at byte ${thirdLineAt} and was set aside as damaged/00000001.log-1; the 4 records that can be read are loaded.`,
      'Record 3 is missing from the journal of /state; what was changed there is lost where no snapshot has it.',
    ])
    expect(text(await disk.read('damaged/00000001.log-1'))).toBe(damaged)
    expect((await loadedFrom(disk)).tail).toEqual(loaded.tail)
  })

  test('a second damaged file of the same name is kept beside the first', async () => {
    const disk = create()
    for (const round of [1, 2]) {
      const { store } = await started(disk)
      await replace(disk, 'shards/shard-07.json', `nonsense ${round}`)
      await store.close()
      await loadedFrom(disk)
    }

    expect(await disk.list('damaged')).toEqual(['shard-07.json-1', 'shard-07.json-2'])
    expect(text(await disk.read('damaged/shard-07.json-2'))).toBe('nonsense 2')
  })

  test('a damaged shard is set aside, and the one before it is used in its place', async () => {
    const disk = create()
    const { store, live, append } = await started(disk, { shards: 1 })
    await append([record(1, 'peer:alice')])
    await store.compact(live)
    await append([record(2, 'peer:alice')])
    await store.compact(live)
    await store.close()
    const damaged = text(await disk.read('shards/shard-00.json'))!.replace('hello 2', 'hellO 2')
    await replace(disk, 'shards/shard-00.json', damaged)

    const loaded = await loadedFrom(disk)

    expect(loaded.entries).toEqual(new Map([['peer:alice', { seq: 1, json: '[{"said":"hello 1"}]' }]]))
    expect(loaded.lastSeq).toBe(2)
    expect(loaded.problems).toEqual([
      'shards/shard-00.json in /state is damaged and was set aside as damaged/shard-00.json-1; an older one, of record 1, is used in its place.',
    ])
    expect(text(await disk.read('damaged/shard-00.json-1'))).toBe(damaged)
  })

  test('a damaged shard without an older one is reported as lost, and the other shards load', async () => {
    const disk = create()
    const { store, live, append } = await started(disk)
    await append(records(1, 7))
    await store.compact(live)
    await store.close()
    const lost = `shards/shard-${String(shardOf('peer:1', 64)).padStart(2, '0')}.json`
    await replace(disk, lost, '{')

    const loaded = await loadedFrom(disk)

    expect([...loaded.entries.keys()].sort()).toEqual(['peer:0', 'peer:2', 'peer:3', 'peer:4', 'peer:5', 'peer:6'])
    expect(loaded.problems).toEqual([
      `${lost} in /state is damaged and was set aside as damaged/${lost.slice(7)}-1; there is no older one: what it knew is lost.`,
    ])
  })

  test('a damaged index costs nothing but itself', async () => {
    const disk = create()
    const { store, live, append } = await started(disk)
    await append(records(1, 20))
    await store.compact(live)
    await append(records(21, 25))
    await store.close()
    await replace(disk, 'shards/index.json', 'nonsense')

    const loaded = await loadedFrom(disk)

    expect(restored(loaded).values()).toEqual(live.values())
    expect(loaded.problems).toEqual([
      'shards/index.json in /state is damaged and was set aside as damaged/index.json-1; it is made anew, and nothing is lost.',
    ])
  })

  test('a shard or a segment that is simply gone is reported', async () => {
    const disk = create()
    const { store, live, append } = await started(disk, { segmentBytes: 100, shards: 1 })
    await append(records(1, 2))
    await store.compact(live)
    for (const seq of [3, 4, 5, 6]) await append([record(seq)])
    await store.close()
    await disk.remove('shards/shard-00.json')
    await disk.remove('journal/00000003.log')
    await disk.remove('journal/00000005.log')

    expect((await loadedFrom(disk)).problems).toEqual([
      'shards/shard-00.json in /state is missing or too old (record 0 where 2 was written); what it knew is lost.',
      'Record 4 is missing from the journal of /state; what was changed there is lost where no snapshot has it.',
    ])
  })

  test('files of a crash are removed', async () => {
    const disk = create()
    await (await started(disk)).store.close()
    await replace(disk, 'shards/shard-07.json.tmp', 'half a sh')
    await replace(disk, 'journal/00000001.log', '')

    const { problems } = await loadedFrom(disk)

    expect([problems, await disk.list('shards'), await disk.list('journal')]).toEqual([[], [], []])
  })

  test('a segment of a newer version is refused, and nothing is touched', async () => {
    const disk = create()
    await (await started(disk)).store.close()
    await replace(disk, 'journal/00000001.log', encodeLine({ version: 2, after: 0, news: true }))
    await replace(disk, 'shards/shard-01.json', 'damaged')
    await replace(disk, 'shards/shard-02.json.tmp', 'half')

    await expect(loadedFrom(disk)).rejects.toMatchObject({
      message: 'journal/00000001.log in /state was written by a newer version (2); install that version or use another state directory.',
      retryable: false,
    })
    expect(await disk.list('shards')).toEqual(['shard-01.json', 'shard-02.json.tmp'])
    expect(await disk.list('damaged')).toEqual([])
  })

  test('a shard of a newer version is refused, whatever its form', async () => {
    const disk = create()
    await (await started(disk)).store.close()
    await replace(disk, 'shards/shard-01.json', '{"version":7,"cells":[]}')

    await expect(loadedFrom(disk)).rejects.toMatchObject({
      message: 'shards/shard-01.json in /state was written by a newer version (7); install that version or use another state directory.',
      retryable: false,
    })
    expect(text(await disk.read('shards/shard-01.json'))).toBe('{"version":7,"cells":[]}')
  })

  test('a shard of version 0 is read, and written in today’s form', async () => {
    const disk = create()
    await (await started(disk)).store.close()
    await replace(disk, 'shards/shard-00.json', '{"version":0,"seq":3,"shards":1,"entries":{"peer:alice":["hi"]}}')

    const { store, live, loaded, append } = await started(disk)
    expect(loaded.entries).toEqual(new Map([['peer:alice', { seq: 3, json: '["hi"]' }]]))
    await append([record(4, 'peer:alice', 'bye')])
    await store.compact(live)
    await store.close()

    expect(text(await disk.read('shards/shard-00.json'))).toBe(encodeShard({ seq: 4, shards: 1, entries: [['peer:alice', ['hi', 'bye']]] }))
  })

  test('a record out of order is refused, and nothing of its batch is written', async () => {
    const disk = create()
    const { store } = await started(disk)
    await store.append(records(1, 2))

    await expect(store.append([record(3), record(5)])).rejects.toThrow(
      'The journal of /state goes on with record 4 and was given 5; nothing of it was written. Append again from there.',
    )
    await store.append([record(3)])
    await store.close()

    expect((await loadedFrom(disk)).lastSeq).toBe(3)
  })

  test('a closed store takes nothing more, and gives its lease back once all is written', async () => {
    const disk = create()
    const released: number[] = []
    const store = await openStore({
      disk,
      lease: { release: async () => void released.push((await disk.read('journal/00000001.log'))!.byteLength) },
    })
    await store.load()
    const appending = store.append(records(1, 2))

    await store.close()

    await appending
    expect(released).toEqual([(await disk.read('journal/00000001.log'))!.byteLength])
    await expect(store.append([record(3)])).rejects.toThrow('The store of the state directory is closed; open it again.')
    await expect(store.compact(createLive())).rejects.toThrow('is closed')
  })
})

test('every bit of a shard counts: whatever is flipped, the older one is used', async () => {
  const [, create] = disks[0]!
  const disk = create()
  const content = encodeShard({ seq: 7, shards: 1, entries: [['peer:alice', { text: 'hi' }]] })
  await (await started(disk)).store.close()

  for (let at = 0; at < content.length - 1; at++) {
    const damaged = bytes(content)
    damaged[at] = damaged[at]! ^ 1
    // The digit of the version: a greater one is refused instead.
    if (content.startsWith('"version":', at - 10)) continue
    await replace(disk, 'shards/shard-00.old.json', encodeShard({ seq: 5, shards: 1, entries: [['peer:alice', 'older']] }))
    await replace(disk, 'shards/shard-00.json', damaged)
    expect([at, (await loadedFrom(disk)).entries.get('peer:alice')]).toEqual([at, { seq: 5, json: '"older"' }])
  }
})

/** A name that begins so, and whose shard this is. */
const keyIn = (shard: number, shards: number, name: string): string =>
  shardOf(name, shards) === shard ? name : keyIn(shard, shards, `${name}.`)
