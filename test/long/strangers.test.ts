/** Thousands of strangers who write to the bot for a minute: what it costs, what they get, and what those whom it knows feel of it. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { LIMITS } from '../../src/domain/limits.ts'
import { createWorld } from '../../src/simulator/world.ts'
import { createMeshUser } from '../bench/kit/mesh-user.ts'

const STRANGERS = Number(process.env['STRANGERS'] ?? 4_000)
const MINUTE_MS = 60_000
/** Each stranger writes once in so long; somebody writes in each of its slices. */
const EVERY_MS = 10_000
const SLICE_MS = 100
const KNOWN = 20
const KNOWN_EVERY_MS = 3_000
const MIB = 1_048_576

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

const percentile = (values: readonly number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN

/** A minute with so many strangers, on a mesh whose bot runs, or only its agent. */
async function minute(strangers: number, isRunning: boolean) {
  const known = Array.from({ length: KNOWN }, (_, n) => `known${n}`)
  const sentAtMs = new Map<string, number[]>()
  const world = createWorld({
    syncMs: 2,
    eventsMax: 0,
    config: { dmPolicy: 'pairing', allowFrom: known },
    onEvent(event) {
      if (event.event === 'sent') sentAtMs.set(event.chat, [...(sentAtMs.get(event.chat) ?? []), event.atMs])
    },
  })
  const userOf = (name: string) => createMeshUser(world.mesh, name, world.mesh.bot, world.clock.now)
  const crowd = Array.from({ length: strangers }, (_, n) => userOf(`stranger${n}`))
  const friends = known.map(name => ({ name, user: userOf(name), wroteAtMs: [] as number[] }))
  if (isRunning) await world.start()
  await world.settle(10_000)
  const before = heapBytes()
  let heapMax = 0
  for (let passedMs = 0; passedMs < MINUTE_MS; passedMs += SLICE_MS) {
    const slices = EVERY_MS / SLICE_MS
    const slice = (passedMs / SLICE_MS) % slices
    for (let n = slice; n < strangers; n += slices) crowd[n]?.says([`let me in, now! ${passedMs}`])
    for (const [n, friend] of friends.entries()) {
      if ((passedMs + n * SLICE_MS) % KNOWN_EVERY_MS !== 0) continue
      friend.user.says([`question at ${passedMs}`])
      friend.wroteAtMs.push(world.clock.now())
    }
    await world.settle(SLICE_MS)
    if (passedMs % 15_000 === 0) heapMax = Math.max(heapMax, heapBytes() - before)
  }
  await world.settle(MINUTE_MS)
  const heap = Math.max(heapMax, heapBytes() - before)
  const latencies = friends.flatMap(({ name, wroteAtMs }) => {
    const sent = sentAtMs.get(`peer:${name}`)
    return wroteAtMs.map((atMs, nth) => (sent?.[nth] ?? Number.POSITIVE_INFINITY) - atMs)
  })
  const sentToStrangers = [...sentAtMs].flatMap(([chat, times]) => (chat.startsWith('peer:stranger') ? times : []))
  return { world, heap, latencies, sentToStrangers }
}

/** A cursor with six ids, and six decisions that can be explained; about half of it was seen. */
const BYTES_A_STRANGER_MAX = 8_192

test(`${STRANGERS} strangers who write for a minute get ${LIMITS.pairingPending} codes, cost a bounded memory, and slow nobody down`, {
  timeout: 1_800_000,
}, async () => {
  const calm = await minute(0, true)
  await calm.world.stop()
  const meshAlone = await minute(STRANGERS, false)
  const flooded = await minute(STRANGERS, true)
  const { world } = flooded
  const status = world.account.status()
  const busy = world.account.inspection.busy()
  const heap = flooded.heap - meshAlone.heap
  const disk = world.disk().bytes()
  const p99 = { calm: percentile(calm.latencies, 0.99), flooded: percentile(flooded.latencies, 0.99) }
  console.log(
    `${status.counters.seen} messages of ${status.chats} chats; memory ${(heap / MIB).toFixed(1)} MiB (${Math.round(heap / STRANGERS)} bytes a stranger),` +
      ` disk ${(disk / MIB).toFixed(1)} MiB; ${flooded.sentToStrangers.length} messages sent to strangers; to those whom it knows an answer` +
      ` in ${p99.flooded} ms at p99, ${p99.calm} ms without the flood`,
  )

  const written = (STRANGERS * MINUTE_MS) / EVERY_MS + (KNOWN * MINUTE_MS) / KNOWN_EVERY_MS
  expect(status).toMatchObject({ state: 'live', outbox: 0, warnings: [], chats: STRANGERS + KNOWN })
  expect(status.counters).toMatchObject({
    seen: written,
    processed: (KNOWN * MINUTE_MS) / KNOWN_EVERY_MS,
    deadLetters: 0,
    repeatedPosts: 0,
  })
  // Whoever has a code gets one message with it, and at most one reminder.
  expect(status.pendingPairings).toBe(LIMITS.pairingPending)
  expect(flooded.sentToStrangers.length).toBeLessThanOrEqual(2 * LIMITS.pairingPending)
  // Those three wait, with their chats; nothing else has anything to do.
  expect(busy.length).toBeLessThanOrEqual(2 * LIMITS.pairingPending)
  expect(heap).toBeLessThan(STRANGERS * BYTES_A_STRANGER_MAX)
  expect(disk).toBeLessThan(LIMITS.historyBytes + 4 * LIMITS.journalBytes)
  expect(p99.flooded).toBeLessThanOrEqual(3 * p99.calm)
  await world.stop()
})
