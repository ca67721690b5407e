/** How an account learns that chats changed: pushed by the mesh's file index where the agent has one, else by polling `/chats`. */
import { catchError, concat, defer, EMPTY, map, merge, type Observable, of, takeUntil, tap, throwError } from 'rxjs'
import { fromEventObservable, type ObservableActorLogic } from 'xstate'
import type { AccountInput, FeedEvent } from '../../machines/account.ts'
import { AnswerTooLarge, MalformedAnswer, ZtmAgentRefused } from '../domain/errors.ts'
import type { ChatId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { PollFeed } from './feed/poll-feed.ts'
import type { PushFeed } from './feed/push-feed.ts'
import { waitFor } from './feed/wait-for.ts'

export type FeedOptions = {
  readonly settings: Pick<AccountSettings, 'feed' | 'limits'>
  readonly clock: Clock
  readonly poll: PollFeed
  readonly push: PushFeed
  /** The account has not been live before: what is there is history. */
  readonly isFirst: () => boolean
  /** A round went through. `whole`: what had been written by then is among what it showed, or was before. */
  readonly onRound: (changed: readonly ChatId[], whole: boolean) => void
  readonly onFallback: (reason: string) => void
}

export interface Feed {
  /** The account chart's `feed` actor. */
  readonly logic: ObservableActorLogic<FeedEvent, AccountInput>
  mode(): 'push' | 'poll'
}

/** Not to be mended by asking again: the agent is too old, something in between answers in its place, or the mesh is too large. */
export const hasNoIndex = (error: unknown): boolean =>
  error instanceof MalformedAnswer ||
  error instanceof AnswerTooLarge ||
  (error instanceof ZtmAgentRefused && (error.status === 404 || error.status === 405))

/** Somebody has to let us. */
const isForbidden = (error: unknown): boolean => error instanceof ZtmAgentRefused && (error.status === 401 || error.status === 403)

class WithoutIndex extends Error {}

const sentence = (error: unknown) => (error instanceof Error ? error.message : String(error))

export function createFeed({ settings, clock, poll, push, isFirst, onRound, onFallback }: FeedOptions): Feed {
  const { feed, limits } = settings
  let mode: 'push' | 'poll' = feed === 'poll' ? 'poll' : 'push'
  let pushAgainAtMs = 0

  const told = (whole: boolean) => tap<readonly ChatId[]>(changed => onRound(changed, whole))

  const pushed = defer(() => {
    // The history comes first, so that no single message makes a chat look new.
    const first = isFirst() ? poll.firstRound.pipe(told(false)) : EMPTY
    const changes = push.rounds.pipe(
      catchError((error: unknown) => throwError(() => (hasNoIndex(error) ? new WithoutIndex(sentence(error), { cause: error }) : error))),
    )
    return concat(first, merge(changes.pipe(told(true)), poll.checks.pipe(told(false)))).pipe(tap(() => (mode = 'push')))
  })

  const pushAgain = defer(() => waitFor(clock, Math.max(0, pushAgainAtMs - clock.monotonic())))
  const polledForAWhile = defer(() => {
    mode = 'poll'
    return poll.rounds.pipe(told(true), takeUntil(pushAgain))
  })

  const negotiated: Observable<readonly ChatId[]> = defer(() => {
    if (clock.monotonic() < pushAgainAtMs) return concat(polledForAWhile, negotiated)
    return pushed.pipe(
      catchError((error: unknown) => {
        if (!(error instanceof WithoutIndex)) return throwError(() => error)
        pushAgainAtMs = clock.monotonic() + limits.pushRetryMs
        onFallback(error.message)
        return negotiated
      }),
    )
  })

  const rounds = { auto: negotiated, push: pushed, poll: poll.rounds.pipe(told(true)) }[feed]

  return {
    logic: fromEventObservable(() =>
      rounds.pipe(
        map((changed): FeedEvent => ({ type: 'feed.round', changed })),
        catchError((error: unknown) =>
          of<FeedEvent>({ type: isForbidden(error) ? 'feed.blocked' : 'feed.failed', reason: sentence(error) }),
        ),
      ),
    ),
    mode: () => mode,
  }
}
