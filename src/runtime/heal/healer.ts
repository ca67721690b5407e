/** Self-heal: gathers proof that the agent is stuck, and carries out what the account's chart decides to do about it. */
import type { AccountEvent } from '../../../machines/account.ts'
import { type Change, toAccount } from '../../../machines/records.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import type { Mesh, ZtmAgent } from '../../ports/ztm-agent.ts'
import type { Healed } from '../account-entry.ts'
import type { Timers } from '../timers.ts'
import { type AppWitness, type Comparison, createAppWitness } from './app-witness.ts'
import { createHubHealth, lookAtHub } from './hub-health.ts'

export interface Healer {
  readonly saw: AppWitness['saw']
  /** With what the chat app shows, line by line. */
  compare(): Comparison
  /** Something is to show there. */
  wantsToCompare(): boolean
  /** The agent or its hub is away. */
  noteOutage(): void
  /** A list call hangs, or a post does not come to light. */
  suspect(): void
  /** When it joined again and so forgot what it had queued, monotonic ms; null: not since this process began. */
  queueLostAtMs(): number | null
  /** A sentence while the agent is stuck and is left alone. */
  warning(): string | null
  start(): void
  stop(): void
  // Effects of the account's chart.
  quiesce(): void
  rejoin(reason: string): Promise<void>
  settle(): Promise<void>
}

export type HealerOptions = {
  readonly settings: Pick<AccountSettings, 'selfHeal' | 'limits' | 'username'>
  readonly agent: ZtmAgent
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly timers: Timers
  readonly signal: AbortSignal
  readonly healed: () => Healed | null
  /** No post is under way or waits for its confirmation. */
  readonly isQuiet: () => boolean
  readonly committed: (changes: readonly Change[]) => Promise<void>
  readonly tell: (event: AccountEvent) => void
  readonly onMesh: (mesh: Mesh) => void
}

const QUIET_LOOK_MS = 250
const SETTLE_LOOK_MS = 1_000
/** An agent that has not settled by then is treated as one that is away. */
const SETTLE_MS_MAX = 120_000
/** Doublings of the rest while it gets stuck again soon: joining again does not help then. */
const DOUBLINGS_MAX = 6

export function createHealer(options: HealerOptions): Healer {
  const { settings, agent, clock, random, log, timers, signal, healed, isQuiet, committed, tell, onMesh } = options
  const { limits } = settings
  const witness = createAppWitness(clock)
  /** When it was last to join again, on the clock that cannot be put right; null: not in this life. */
  let healedAtMs: number | null = null
  /** The same of a time that it did join. */
  let queueLostAtMs: number | null = null
  /** Times in a row, each soon after the one before. */
  let streak = 0
  /** By what is stuck: why it is left alone. */
  const leftAlone: { app: string | null; hub: string | null } = { app: null, hub: null }

  const sinceHealMs = (): number | null => {
    if (healedAtMs !== null) return clock.monotonic() - healedAtMs
    const before = healed()
    return before === null ? null : Math.max(0, clock.now() - before.atMs)
  }

  const restMs = () => limits.healRestMs * 2 ** Math.min(DOUBLINGS_MAX, Math.max(0, streak - 1))

  const prove = (what: 'app' | 'hub', reason: string) => {
    const sinceMs = sinceHealMs()
    if (!settings.selfHeal || (sinceMs !== null && sinceMs < restMs())) {
      const why = settings.selfHeal
        ? 'it was made to join the mesh again a short while ago, and is left alone for now'
        : 'selfHeal is off, so restart the ZTM agent, or set selfHeal to true'
      if (leftAlone[what] === null) log.warn({ reason, selfHeal: settings.selfHeal }, 'the ZTM agent is stuck, and is left alone')
      leftAlone[what] = `${reason.replace(/\.$/, '')}; ${why}.`
    }
    tell({ type: 'trouble.proven', reason, selfHeal: settings.selfHeal, sinceHealMs: sinceMs, restMs: restMs() })
  }

  const health = createHubHealth({
    agent,
    clock,
    random,
    limits,
    signal,
    onProof: reason => prove('hub', reason),
    onWell() {
      leftAlone.hub = null
    },
    onMesh,
  })

  const pause = (ms: number) => new Promise<void>(resolve => timers.set('settle', ms, resolve))

  /** Online, its chat app answers, and the list of files is there. Rejects, or says why not. */
  const isSettled = async (): Promise<string | null> => {
    if ((await lookAtHub(agent, signal)) !== 'online') return 'its endpoint is not online'
    await agent.chats(signal)
    await agent.files({ sinceMs: 0, keep: () => false }, () => {}, signal)
    return null
  }

  return {
    saw: witness.saw,
    compare() {
      const comparison = witness.compare()
      return {
        take: comparison.take,
        end() {
          const proof = comparison.end()
          if (proof !== null) prove('app', proof)
          else leftAlone.app = null
          return proof
        },
      }
    },
    wantsToCompare: () => witness.isWaiting() || leftAlone.app !== null,
    noteOutage: () => witness.noteOutage(),
    suspect: () => health.suspect(),
    queueLostAtMs: () => queueLostAtMs,
    warning: () => leftAlone.hub ?? leftAlone.app,
    start: () => health.start(),
    stop: () => health.stop(),
    quiesce() {
      const untilMs = clock.monotonic() + limits.quiesceMs
      const look = () => {
        if (isQuiet()) return tell({ type: 'posts.quiet' })
        if (clock.monotonic() >= untilMs) return tell({ type: 'quiesce.over' })
        timers.set('quiesce', QUIET_LOOK_MS, look)
      }
      timers.set('quiesce', 0, look)
    },
    async rejoin(reason) {
      log.warn({ reason, times: (healed()?.times ?? 0) + 1 }, 'the ZTM agent is stuck and is made to join the mesh again')
      try {
        const sinceMs = sinceHealMs()
        // Known for good before it happens: a runtime that dies here must not do it again at once.
        await committed([toAccount({ type: 'account.healed', atMs: clock.now(), reason })])
        if (signal.aborted) return
        streak = sinceMs !== null && sinceMs < 2 * restMs() ? streak + 1 : 1
        healedAtMs = clock.monotonic()
        leftAlone.app = null
        leftAlone.hub = null
        witness.reset()
        await agent.join({}, signal)
        queueLostAtMs = healedAtMs
        tell({ type: 'rejoin.done' })
      } catch (error) {
        tell({
          type: 'rejoin.failed',
          reason: `The ZTM agent could not be made to join again: ${error instanceof Error ? error.message : error}`,
        })
      }
    },
    async settle() {
      const untilMs = clock.monotonic() + SETTLE_MS_MAX
      let missing = 'it has not answered yet'
      while (!signal.aborted && clock.monotonic() < untilMs) {
        await pause(SETTLE_LOOK_MS)
        try {
          const left = await isSettled()
          if (left === null) {
            witness.reset()
            log.info({}, 'the ZTM agent has settled')
            return tell({ type: 'agent.settled' })
          }
          missing = left
        } catch (error) {
          missing = error instanceof Error ? error.message : String(error)
        }
      }
      if (!signal.aborted) tell({ type: 'settle.failed', reason: `The ZTM agent has not settled after it joined again: ${missing}` })
    },
  }
}
