/**
 * What an earlier process of the gateway has left in a session: a turn that was cut off, or an answer that is not delivered.
 *
 * L1. OpenClaw takes a turn that was cut off up again by itself, some seconds after its start. It refuses what comes before that; where it
 *     finds the session busy with something else, it never does.
 * L2. When it delivers such an answer, it takes the session's newest turn for answered, whichever it is.
 * L3. It does not say which message the answer of such a turn belongs to: to the newest of ours in the transcript, and the session tells
 *     which delivery it is, as long as that is under way.
 * L4. An answer that the end of the process has caught between being made and being queued stays where it is, at every start, and so does
 *     its turn, which keeps all that come after it out: they are waited for OWED_MS_MAX. Then the answer is ours to deliver, and the turn
 *     is ended. So is one that is not taken up for CUT_OFF_MS_MAX. What neither says that it was cut off nor that it is over is waited for
 *     UNMARKED_MS_MAX, and left to OpenClaw.
 */
import { randomUUID } from 'node:crypto'
import type { MessageId } from '../domain/ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { PluginRuntime } from './host.ts'
import type { SessionOf } from './sessions.ts'
import { pause } from './signals.ts'
import type { Transcript } from './transcript.ts'

type SessionEntry = NonNullable<ReturnType<PluginRuntime['agent']['session']['getSessionEntry']>>

/** An answer that OpenClaw has made and not delivered; `id` is its delivery's. Both are empty when it is not to be told in one text. */
export type OwedAnswer = { readonly id: string; readonly text: string }

export type Ended = {
  readonly owed: OwedAnswer | null
  /** It was waited for as long as may be, and is still there: `free` ends it. */
  readonly isLeft: boolean
}

export interface Leftovers {
  /**
   * Resolves when nothing of an earlier process is under way there (with `anyRun`: when nothing is), or `isEnough`; `wait` is called at
   * each look before that.
   */
  untilEnded(
    session: SessionOf,
    on: { readonly wait: () => void; readonly isEnough?: () => boolean; readonly anyRun?: boolean },
    signal: AbortSignal,
  ): Promise<Ended>
  /** Ends the turn that OpenClaw has left there, if it has, and what it owes: nobody need wait for it again. */
  free(session: SessionOf): Promise<void>
}

export type LeftoversOptions = {
  readonly session: PluginRuntime['agent']['session']
  /** When this process began, wall clock ms: what a session has from before it is an earlier one's. */
  readonly processStartMs: number
  readonly clock: Clock
}

const LOOK_MS = 1_000
const OWED_MS_MAX = 2 * 60_000
const CUT_OFF_MS_MAX = 3 * 60_000
/** A turn that has no mark may be one that was taken up, which takes as long as it takes; or one that nobody has marked. */
const UNMARKED_MS_MAX = 60 * 60_000

export function createLeftovers({ session, processStartMs, clock }: LeftoversOptions): Leftovers {
  /** One that has ended and is `running` waits for somebody whom it has sent out; others may come in meanwhile. */
  const isRunning = ({ status, endedAt }: SessionEntry) => status === 'running' && endedAt === undefined
  /** The host has marked it at its start, and takes the mark off when it takes the turn up; when that began it does not note. */
  const isMarked = (entry: SessionEntry) => isRunning(entry) && entry.abortedLastRun === true
  const isOfEarlier = (entry: SessionEntry) => isRunning(entry) && (entry.startedAt ?? processStartMs) < processStartMs
  const owedBy = ({ pendingFinalDelivery: owed }: SessionEntry): OwedAnswer | null => {
    if (owed === undefined || owed.createdAt >= processStartMs) return null
    const { deliveries = [{ id: '', state: 'unknown' }] } = owed
    const text = ('text' in owed && owed.text) || ''
    if (deliveries.every(({ state }) => state === 'delivered' || state === 'suppressed')) return null
    const [only, ...others] = deliveries
    return only && only.id !== '' && others.length === 0 ? { id: only.id, text } : { id: '', text: '' }
  }

  return {
    async untilEnded({ agentId, sessionKey }, { wait, isEnough, anyRun = false }, signal) {
      const sinceMs = clock.monotonic()
      let wasCutOff = false
      for (;;) {
        const entry = session.getSessionEntry({ agentId, sessionKey, readConsistency: 'latest' })
        if (!entry) return { owed: null, isLeft: false }
        const owed = owedBy(entry)
        const waitedMs = clock.monotonic() - sinceMs
        wasCutOff ||= isMarked(entry) || isOfEarlier(entry)
        const isUnderWay: boolean = isRunning(entry) && !isMarked(entry) && (anyRun || wasCutOff) && waitedMs < UNMARKED_MS_MAX
        const isLeft = !isUnderWay && ((owed !== null && waitedMs >= OWED_MS_MAX) || (isMarked(entry) && waitedMs >= CUT_OFF_MS_MAX))
        const isBusy = isUnderWay || ((owed !== null || isMarked(entry)) && !isLeft)
        if (!isBusy) return { owed, isLeft }
        if (isEnough?.()) return { owed: null, isLeft: false }
        wait()
        await pause(clock, LOOK_MS, signal)
      }
    },
    async free({ agentId, sessionKey }) {
      await session.patchSessionEntry({
        agentId,
        sessionKey,
        readConsistency: 'latest',
        update(entry) {
          if (!isRunning(entry)) return owedBy(entry) ? { pendingFinalDelivery: undefined } : null
          if (!isMarked(entry)) return null
          return {
            status: 'failed',
            abortedLastRun: false,
            endedAt: clock.now(),
            pendingFinalDelivery: undefined,
            lifecycleRevision: randomUUID(),
          }
        },
      })
    },
  }
}

/** Whether this delivery is the final answer of the session's newest turn. */
export const isFinalAnswer = (session: LeftoversOptions['session'], { agentId, sessionKey }: SessionOf, delivery: string): boolean =>
  session
    .getSessionEntry({ agentId, sessionKey, readConsistency: 'latest' })
    ?.pendingFinalDelivery?.deliveries?.some(({ id }) => id === delivery) ?? false

/** Which of the messages in custody, oldest first, an answer belongs to that does not say so; null when none is known to. */
export async function messageOfAnswer(
  custody: readonly MessageId[],
  {
    isQueuedRun,
    isFinal,
    transcript,
  }: {
    readonly isQueuedRun: (id: MessageId) => boolean
    readonly isFinal: () => boolean
    readonly transcript: () => Promise<Pick<Transcript, 'has'>>
  },
): Promise<MessageId | null> {
  const queued = custody.findLast(isQueuedRun)
  if (queued !== undefined) return queued
  if (custody.length === 0 || !isFinal()) return null
  // What waited behind it was in the memory of the process alone.
  const { has } = await transcript()
  return custody.findLast(has) ?? null
}
