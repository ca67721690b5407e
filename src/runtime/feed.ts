/** The feed by polling: one `GET /chats` a round, whatever the number of chats. Hints only: what counts is the cursor. */
import { catchError, defer, Observable, of, repeat } from 'rxjs'
import { fromEventObservable, type ObservableActorLogic } from 'xstate'
import type { AccountInput, FeedEvent } from '../../machines/account.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { ChatSummary, ZtmAgent } from '../ports/ztm-agent.ts'

export type PollOptions = {
  readonly agent: ZtmAgent
  readonly clock: Clock
  readonly random: Random
  readonly pollIntervalMs: number
  readonly limits: Limits
  /** A chat met for the first time needs no look when nothing in it is newer than this, wall clock ms. */
  readonly quietSinceMs: () => number
  /** A round went through. */
  readonly onRound: (changed: readonly ChatId[]) => void
}

export interface PollFeed {
  /** The account chart's `feed` actor. */
  readonly logic: ObservableActorLogic<FeedEvent, AccountInput>
  /** Something is about to happen: the next rounds come at the lively interval. */
  wake(): void
}

const waitFor = (clock: Clock, delayMs: number) =>
  new Observable<void>(subscriber =>
    clock.after(delayMs, () => {
      subscriber.next()
      subscriber.complete()
    }),
  )

export function createPollFeed({ agent, clock, random, pollIntervalMs, limits, quietSinceMs, onRound }: PollOptions): PollFeed {
  /** What the last round said of each chat, kept over reconnections. */
  const known = new Map<ChatId, string>()
  let intervalMs = pollIntervalMs
  let fullCheckAtMs = 0
  let fenceReadAtMs = 0

  const sign = ({ time, latest }: ChatSummary) => `${time} ${latest ? `${latest.sender} ${JSON.stringify(latest.time)}` : ''}`

  const pick = (summaries: readonly ChatSummary[]): readonly ChatId[] => {
    const nowMs = clock.now()
    const fullCheck = clock.monotonic() >= fullCheckAtMs
    const fenceRead = clock.monotonic() >= fenceReadAtMs
    // Jittered, so that many accounts do not ask at once.
    if (fullCheck) fullCheckAtMs = clock.monotonic() + limits.fullCheckMs * (0.75 + random.unit() / 2)
    if (fenceRead) fenceReadAtMs = clock.monotonic() + limits.fenceReadMs * (0.75 + random.unit() / 2)
    return summaries
      .filter(summary => {
        const before = known.get(summary.chat)
        const now = sign(summary)
        known.set(summary.chat, now)
        if (summary.updated > 0 || (before !== undefined && before !== now)) return true
        if (before === undefined && summary.time > quietSinceMs()) return true
        // A wrong clock pins `time` in the future: nothing that comes later shows there.
        if (fullCheck && summary.time > nowMs) return true
        return fenceRead && summary.time >= nowMs - limits.ageFenceMs
      })
      .map(summary => summary.chat)
  }

  const round = defer(
    () =>
      new Observable<FeedEvent>(subscriber => {
        const abort = new AbortController()
        agent.chats(abort.signal).then(
          summaries => {
            if (abort.signal.aborted) return
            const changed = pick(summaries)
            intervalMs = changed.length > 0 ? pollIntervalMs : Math.min(Math.max(limits.quietPollMs, pollIntervalMs), intervalMs * 1.25)
            subscriber.next({ type: 'feed.round', changed })
            onRound(changed)
            subscriber.complete()
          },
          error => subscriber.error(error),
        )
        return () => abort.abort()
      }),
  )

  return {
    logic: fromEventObservable(() =>
      round.pipe(
        repeat({ delay: () => waitFor(clock, intervalMs) }),
        catchError((error: unknown) =>
          of<FeedEvent>({ type: 'feed.failed', reason: error instanceof Error ? error.message : String(error) }),
        ),
      ),
    ),
    wake() {
      intervalMs = pollIntervalMs
    },
  }
}
