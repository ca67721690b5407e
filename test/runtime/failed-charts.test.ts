/** A chart that throws must not be possible. It is tried again all the same, for ever, is shown, and harms no other. */
import { expect, onTestFinished, test } from 'vitest'
import { type Inbound, toChat } from '../../machines/records.ts'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { createSeededRandom } from '../../src/adapters/memory/seeded-random.ts'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import type { Facts } from '../../src/domain/decision.ts'
import { ZtmAgentSilent } from '../../src/domain/errors.ts'
import type { ChatId } from '../../src/domain/ids.ts'
import { LIMITS } from '../../src/domain/limits.ts'
import { decide } from '../../src/domain/policy.ts'
import { type Effects, noEffects } from '../../src/runtime/effects.ts'
import { createRegistry } from '../../src/runtime/registry.ts'
import type { AccountStatus } from '../../src/runtime/runtime.ts'
import { createStatusKeeper } from '../../src/runtime/status.ts'
import { createSupervisor } from '../../src/runtime/supervisor.ts'
import { createTimers } from '../../src/runtime/timers.ts'
import { createWatchers } from '../../src/runtime/watchers.ts'

const MINUTE_MS = 60_000
const [ALICE, BOB]: readonly [ChatId, ChatId] = ['peer:alice', 'peer:bob']

/** Supervisor, status, time: what stands around the charts of an account. */
function household(recover: (actorId: string) => void) {
  const clock = createVirtualClock(1_000_000)
  const timers = createTimers(clock)
  const status = createStatusKeeper('home', () => {})
  const random = createSeededRandom(1)
  const nursery = createSupervisor({
    id: 'accounts:home',
    random,
    timers,
    log: createMemoryLog().log,
    limits: LIMITS,
    trouble: status.trouble,
    recover,
  })
  onTestFinished(() => {
    timers.clear()
    nursery.stop()
  })
  const now: Parameters<typeof status.status>[0] = {
    feed: 'push',
    selfHeal: null,
    warnings: [],
    chats: 2,
    waitingDispatches: 0,
    runningDispatches: 0,
    outbox: 0,
    uncertain: 0,
    pendingPairings: 0,
    deadLetters: 0,
  }
  const warnings = (): AccountStatus['warnings'] => status.status(now).warnings
  return { clock, timers, random, nursery, warnings }
}

test('a chart that throws is warned of, tried again for ever, at last every 5 minutes, and goes on where it was; other chats never wait', async () => {
  const { clock, nursery, warnings } = household(actorId => registry.recover(actorId, clock.monotonic()))
  let isBroken = false
  const attempts: number[] = []
  const dispatched: string[] = []
  const breaks = () => {
    attempts.push(clock.monotonic())
    throw new Error('the effect is broken')
  }
  const effects: Effects = {
    ...noEffects,
    dispatch({ chat, id }) {
      if (chat === ALICE && isBroken) breaks()
      dispatched.push(id)
    },
    startDispatchBackoff({ chat }) {
      if (chat === ALICE && isBroken) breaks()
    },
  }
  const registry = createRegistry({ nursery, limits: LIMITS, effects })
  const facts: Facts = {
    gate: null,
    looping: false,
    conversation: { kind: 'direct', sender: 'somebody', policy: 'open', listed: false, paired: false },
  }
  let seq = 0
  const accept = (chat: ChatId, id: string) => {
    const message: Inbound = { id, sender: 'somebody', timeMs: clock.now(), text: id, files: [] }
    const decided = { facts, decision: decide(facts), liveAtMs: clock.now() }
    registry.apply(++seq, clock.now(), [toChat(chat, { type: 'message.accepted', message, ...decided })])
  }

  accept(ALICE, 'a1')
  isBroken = true
  registry.tellChat(ALICE, { type: 'dispatch.failed', id: 'a1', attempt: 1, reason: 'away', apology: null, attemptsMax: 3 })
  registry.apply(++seq, clock.now(), [toChat(ALICE, { type: 'turn.failed', id: 'a1', attempt: 1, reason: 'away' })])
  expect(warnings()).toEqual([
    'chat:peer:alice failed once, last with: the effect is broken; it is tried again by itself. Please report it with the log.',
  ])
  accept(BOB, 'b1')
  expect(dispatched).toEqual(['a1', 'b1'])

  await clock.advance(24 * 60 * MINUTE_MS)
  const rests = attempts.slice(1).map((atMs, index) => atMs - attempts[index]!)
  expect(rests.length).toBeGreaterThan((24 * 60) / 5)
  expect(Math.max(...rests)).toBeLessThanOrEqual(5 * MINUTE_MS)
  expect(Math.min(...rests.slice(-100))).toBeGreaterThan(rests[0]!)
  expect(warnings()).toEqual([expect.stringContaining(`chat:peer:alice failed ${attempts.length} times`)])
  registry.apply(++seq, clock.now(), [toChat(BOB, { type: 'turn.answered', id: 'b1' })])
  accept(BOB, 'b2')
  expect(dispatched).toEqual(['a1', 'b1', 'b2'])

  isBroken = false
  await clock.advance(5 * MINUTE_MS)
  expect(dispatched).toEqual(['a1', 'b1', 'b2', 'a1'])
  await clock.advance(10 * MINUTE_MS)
  expect(warnings()).toEqual([])
})

test('a watcher that throws reads its chat again after a rest, and at once when there is something new; others are read meanwhile', async () => {
  const { clock, timers, random, nursery, warnings } = household(actorId => watchers.changed(actorId.slice('watcher:'.length) as ChatId))
  let isBroken = true
  const reads: ChatId[] = []
  const watchers = createWatchers({
    nursery,
    limits: LIMITS,
    random: {
      ...random,
      unit() {
        if (isBroken) throw new Error('no chance is left')
        return random.unit()
      },
    },
    timers,
    signal: new AbortController().signal,
    async fetch(chat) {
      reads.push(chat)
      if (chat === ALICE && isBroken) throw new ZtmAgentSilent('It says nothing.')
    },
    onFetched() {},
    onFailed() {},
    onIdle() {},
    onTrouble() {},
  })

  watchers.changed(ALICE)
  await clock.drain()
  watchers.changed(BOB)
  await clock.drain()
  expect(warnings()).toEqual([expect.stringContaining('watcher:peer:alice failed once, last with: no chance is left')])
  expect(reads).toEqual([ALICE, BOB])
  watchers.changed(ALICE)
  await clock.drain()
  expect(reads).toEqual([ALICE, BOB, ALICE])

  isBroken = false
  await clock.advance(5 * MINUTE_MS)
  expect(reads).toEqual([ALICE, BOB, ALICE, ALICE])
  expect([...watchers.running()]).toEqual([])
  await clock.advance(10 * MINUTE_MS)
  expect(warnings()).toEqual([])
})
