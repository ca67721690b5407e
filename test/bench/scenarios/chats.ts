import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULTS, NO_GUARD, type Row, type Scenario, using, WITHOUT_GUARD } from '../kit/bench.ts'
import { openBot, openFolder, openMesh } from '../kit/stage.ts'

const MEGABYTE = 1e6
const many = (count: number) => count.toLocaleString('en')

type Start = 'cold' | 'warm'

/** Node's options as the service has them. */
async function shippedOptions(): Promise<readonly string[]> {
  const unit = await readFile(new URL('../../../packaging/ztm-chat.service', import.meta.url), 'utf8')
  return /^Environment=NODE_OPTIONS=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? []
}

/** A bot with so many conversations: cold, it meets them all at once; warm, it has answered a message of each in an earlier life. */
async function withChats(chats: number, start: Start, idleMs: number, messages: number, nodeOptions: readonly string[] = []) {
  return using(async defer => {
    const { mesh, urls } = await openMesh(defer, 'instant', { chats })
    const folder = await openFolder(defer)
    if (start === 'warm') {
      const earlier = openBot(defer)
      await earlier.call('remember', folder, { chats })
      await earlier.end()
    }
    const bot = openBot(defer, nodeOptions)
    const empty = await bot.call('usage', true)
    const liveMs = await bot.call('start', folder, urls, messages > 0 ? NO_GUARD : {})
    await sleep(Math.min(5_000, idleMs))
    const held = await bot.call('usage', true)
    await mesh.call('requests', 0)
    await sleep(idleMs)
    const idle = await bot.call('usage')
    const requests = await mesh.call('requests', 0)
    const rows = {
      liveMs,
      requestsAMinute: (requests * 60_000) / idleMs,
      cpuPercent: (100 * (idle.cpuMs - held.cpuMs)) / idleMs,
      rssMb: (held.rssBytes - empty.rssBytes) / MEGABYTE,
      heapMb: (held.heapBytes - empty.heapBytes) / MEGABYTE,
      messageUs: 0,
      stopMs: 0,
    }
    if (messages > 0) {
      await mesh.call('flatOut', [0], { users: 10, open: 10, seconds: 1 })
      const before = await bot.call('usage')
      const [waits] = await mesh.call('flatOut', [0], { users: 10, open: 10, seconds: messages })
      const after = await bot.call('usage')
      rows.messageUs = ((after.cpuMs - before.cpuMs) * 1000) / waits!.count
    }
    rows.stopMs = await bot.call('stop')
    return rows
  })
}

export const idle: Scenario = {
  name: 'idle',
  title: 'nobody writes',
  limits: DEFAULTS,
  async run(size) {
    const sizes = size === 'full' ? [0, 100, 1_000, 10_000, 100_000] : [0, 10]
    // Side by side: each costs next to nothing, and has a process of its own.
    const all = await Promise.all(
      sizes.map(async chats => ({ chats, ...(await withChats(chats, 'warm', size === 'full' ? 60_000 : 200, 0)) })),
    )
    const rows = all.flatMap(({ chats, requestsAMinute, cpuPercent }): Row[] => [
      { figure: `${many(chats)} chats: requests`, value: requestsAMinute, unit: 'a minute', atMost: 10, isMain: chats === 100_000 },
      {
        figure: `${many(chats)} chats: CPU`,
        value: cpuPercent,
        unit: '% of a core',
        ...(chats === 10_000 && { atMost: 0.5, isMain: true }),
      },
    ])
    return { rows }
  },
}

export const chats: Scenario = {
  name: 'chats',
  title: 'many idle chats',
  limits: DEFAULTS,
  async run(size) {
    const sizes = size === 'full' ? [0, 100, 1_000, 10_000, 100_000] : [0, 10]
    const rows: Row[] = []
    for (const count of sizes) {
      const isLargest = count === 100_000
      for (const start of ['cold', 'warm'] as const) {
        const found = await withChats(count, start, size === 'full' ? 2_000 : 100, 0)
        const name = `${many(count)} chats, ${start}`
        rows.push(
          { figure: `${name}: live after`, value: found.liveMs / 1000, unit: 's', ...(isLargest && { atMost: 5, isMain: true }) },
          {
            figure: `${name}: memory above the empty process`,
            value: found.rssMb,
            unit: 'MB',
            ...(isLargest && { atMost: 300, isMain: true }),
          },
          {
            figure: `${name}: stopped after`,
            value: found.stopMs / 1000,
            unit: 's',
            ...(isLargest && { atMost: 2, isMain: start === 'warm' }),
          },
        )
        if (isLargest && start === 'warm') rows.push({ figure: 'heap of a chat', value: (found.heapMb * MEGABYTE) / count, unit: 'bytes' })
      }
    }
    const most = sizes.at(-1)!
    const options = await shippedOptions()
    const { rssMb } = await withChats(most, 'warm', size === 'full' ? 2_000 : 100, 0, options)
    rows.push({
      figure: `${many(most)} chats, warm, as unit and image start it (${options.join(' ')}): memory above the empty process`,
      value: rssMb,
      unit: 'MB',
      ...(most === 100_000 && { atMost: 300, isMain: true }),
    })
    return { rows }
  },
}

export const cost: Scenario = {
  name: 'cost',
  title: 'the cost of a message does not depend on the number of chats',
  limits: WITHOUT_GUARD,
  async run(size) {
    const [few, most, seconds] = size === 'full' ? [10, 100_000, 8] : [2, 10, 0.2]
    const low = await withChats(few, 'warm', 1_000, seconds)
    const high = await withChats(most, 'warm', 1_000, seconds)
    const rows: Row[] = [
      { figure: `CPU of a message with ${many(few)} chats`, value: low.messageUs, unit: 'µs' },
      {
        figure: `CPU of a message with ${many(most)} chats`,
        value: high.messageUs,
        unit: 'µs',
        against: low.messageUs,
        atMost: 1.2 * low.messageUs,
        isMain: true,
      },
    ]
    return { rows }
  },
}
