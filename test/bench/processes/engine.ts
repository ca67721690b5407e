/**
 * Charts, journal and disk alone: all that a message goes through but the ZTM agent and the responder, who answer at once. A message
 * is accepted, answered, posted and confirmed, and each of these four is durable before the next; or it is accepted, and no more.
 */
import { readdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { createNodeDisk } from '../../../src/adapters/store/node-disk.ts'
import { openStore } from '../../../src/adapters/store/store.ts'
import { type ChatId, peerChat } from '../../../src/domain/ids.ts'
import { LIMITS } from '../../../src/domain/limits.ts'
import type { Disk } from '../../../src/ports/disk.ts'
import type { Log } from '../../../src/ports/log.ts'
import { inOrder, noEffects } from '../../../src/runtime/effects.ts'
import { createJournal } from '../../../src/runtime/journal.ts'
import { createNursery } from '../../../src/runtime/nursery.ts'
import { createRegistry } from '../../../src/runtime/registry.ts'
import { createTimers } from '../../../src/runtime/timers.ts'
import { serve } from '../kit/child.ts'
import { userName } from '../kit/records.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }

/** Notes the size of every write to the journal, so that the same can be written without us. */
function counting(disk: Disk, written: number[]): Disk {
  return {
    ...disk,
    async append(path) {
      const file = await disk.append(path)
      return {
        ...file,
        write(data) {
          written.push(data.byteLength)
          return file.write(data)
        },
      }
    },
  }
}

async function startEngine(folder: string, written: number[], until: 'message.accepted' | 'reply.sent' = 'reply.sent') {
  const store = await openStore({ disk: counting(createNodeDisk(folder), written), where: folder })
  const clock = systemClock
  const nursery = createNursery('engine', (actor, error) => {
    throw new Error(`${actor} failed: ${error}`)
  })
  let open = 0
  let done = () => {}
  const { effects } = inOrder(
    {
      ...noEffects,
      commit: (commit: Parameters<typeof journal.commit>[0]) => journal.commit(commit),
      dispatch({ chat, id, attempt }: { chat: ChatId; id: string; attempt: number }) {
        if (until === 'message.accepted') return
        const parts = [`echo: ${registry.entry(chat).messages.get(id)?.text}`]
        registry.tellChat(chat, { type: 'dispatch.answered', id, attempt, parts })
      },
      requestSlot: ({ chat }: { chat: ChatId }) => registry.tellOutbox(chat, { type: 'slot.granted', atMs: clock.now() }),
      post({ chat, key }: { chat: ChatId; key: string }) {
        registry.tellOutbox(chat, { type: 'post.accepted', key, atMs: clock.now() })
        registry.tellOutbox(chat, { type: 'reply.seen', keys: [key] })
      },
    },
    error => {
      throw error
    },
  )
  const registry = createRegistry({ nursery, limits: LIMITS, effects })
  const timers = createTimers(clock)
  const journal = createJournal({
    nursery,
    store,
    clock,
    random: cryptoRandom,
    timers,
    limits: LIMITS,
    log: silent,
    apply(seq, atMs, changes) {
      registry.apply(seq, atMs, changes)
      for (const change of changes) if (change.at === 'chat' && change.event.type === until && --open === 0) done()
    },
    beginFold: () => registry.beginFold(),
    foldFailed: () => registry.foldFailed(),
    onTrouble(reason) {
      throw new Error(reason)
    },
  })
  await journal.load()
  let last = 0
  return {
    /** So many messages at once, each of another user; resolves when each answer is confirmed. */
    async batch(messages: number, users: number): Promise<void> {
      open = messages
      const all = new Promise<void>(resolve => (done = resolve))
      for (let index = 0; index < messages; index++) {
        const number = ++last
        const sender = userName(number % users)
        const timeMs = clock.now()
        registry.tellChat(peerChat(sender), {
          type: 'message.received',
          message: {
            id: String(number).padStart(24, '0'),
            sender,
            timeMs,
            text: `How is the weather? This is message ${number}.`,
            files: [],
          },
          facts: { gate: null, looping: false, conversation: { kind: 'direct', sender, policy: 'open', listed: false, paired: false } },
          liveAtMs: timeMs,
          heldMax: LIMITS.pairingHeld,
        })
      }
      await all
    },
    sweep: () => registry.sweep(),
    async close() {
      await journal.close()
      registry.stop()
      timers.clear()
      nursery.stop()
    },
  }
}

/** The same writes, each with its fdatasync, and nothing else. Seconds. */
async function bare(folder: string, written: readonly number[]): Promise<number> {
  const file = await open(join(folder, 'bare'), 'a')
  const data = Buffer.alloc(Math.max(1, ...written), 'x')
  const beganAt = performance.now()
  for (const bytes of written) {
    await file.write(data, 0, bytes)
    await file.datasync()
  }
  const seconds = (performance.now() - beganAt) / 1000
  await file.close()
  return seconds
}

const sizeOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, entry) => sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0), 0)

export type Sample = { readonly messages: number; readonly heapBytes: number; readonly rssBytes: number; readonly diskBytes: number }

export const handlers = {
  /** Messages a second, and the seconds that the bare writes take. */
  async durable(
    folder: string,
    { batch, seconds, until }: { batch: number; seconds: number; until: 'message.accepted' | 'reply.sent' },
  ): Promise<{ perSecond: number; barePerSecond: number }> {
    const written: number[] = []
    const engine = await startEngine(folder, written, until)
    await engine.batch(batch, 1_000)
    written.length = 0
    let messages = 0
    const beganAt = performance.now()
    while (performance.now() - beganAt < seconds * 1000) {
      await engine.batch(batch, 1_000)
      messages += batch
    }
    const took = (performance.now() - beganAt) / 1000
    await engine.close()
    return { perSecond: messages / took, barePerSecond: messages / (await bare(folder, written)) }
  },
  /** Steady traffic: what memory and disk look like on the way. */
  async steady(folder: string, { messages, users, samples }: { messages: number; users: number; samples: number }): Promise<Sample[]> {
    const engine = await startEngine(folder, [])
    const found: Sample[] = []
    const step = messages / samples
    const batch = Math.min(1_000, step)
    for (let sample = 0; sample < samples; sample++) {
      for (let sent = 0; sent < step; sent += batch) await engine.batch(batch, users)
      engine.sweep()
      globalThis.gc?.()
      const { heapUsed, rss } = process.memoryUsage()
      found.push({ messages: (sample + 1) * step, heapBytes: heapUsed, rssBytes: rss, diskBytes: sizeOf(folder) })
    }
    await engine.close()
    return found
  },
}

serve(handlers)
