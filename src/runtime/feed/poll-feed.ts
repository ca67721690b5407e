/** Rounds of `GET /chats`: the whole feed of an agent without a file index, and now and then a second look beside the push feed. */
import { catchError, EMPTY, map, Observable, repeat } from 'rxjs'
import type { ChatId } from '../../domain/ids.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { ZtmAgent } from '../../ports/ztm-agent.ts'
import type { Comparison } from '../heal/app-witness.ts'
import type { ChatList, ListLook } from './chat-list.ts'
import { waitFor } from './wait-for.ts'

export type PollOptions = {
  readonly agent: Pick<ZtmAgent, 'chatsUnless'>
  readonly clock: Clock
  readonly random: Random
  readonly pollIntervalMs: number
  readonly limits: Limits
  readonly chatList: ChatList
  /** The chat app is to be asked for its messages. */
  readonly onChanged: (chat: ChatId) => void
  /** Compares what the chat app shows, beside the push feed. */
  readonly compare: () => Comparison
  /** It is to see also what is as it was. */
  readonly wantsToCompare: () => boolean
}

export interface PollFeed {
  /** Each round's changed chats, for ever. Fails with the first round that fails. */
  readonly rounds: Observable<readonly ChatId[]>
  /** One round. */
  readonly firstRound: Observable<readonly ChatId[]>
  /** What the file index does not show; rare. A round that fails after one that did not is left out. */
  readonly checks: Observable<readonly ChatId[]>
  /** Something is about to happen: the next rounds come at the lively interval. */
  wake(): void
}

type Found = Awaited<ReturnType<ZtmAgent['chatsUnless']>> & { readonly end: () => readonly ChatId[] }

const OVER = 'the round is over'

/** Checks that may fail in a row: the chat app may be away for a moment while the file index is not. */
const FAILED_CHECKS_MAX = 1

export function createPollFeed({
  agent,
  clock,
  random,
  pollIntervalMs,
  limits,
  chatList,
  onChanged,
  compare,
  wantsToCompare,
}: PollOptions): PollFeed {
  let intervalMs = pollIntervalMs
  let failedChecks = 0
  /** Of the list that was last looked through. */
  let mark: string | null = null

  const list = (begin: () => ListLook, unless: () => string | null) =>
    new Observable<Found>(subscriber => {
      const abort = new AbortController()
      const { take, end } = begin()
      agent.chatsUnless(unless(), take, abort.signal).then(
        found => {
          subscriber.next({ ...found, end })
          subscriber.complete()
        },
        error => subscriber.error(error),
      )
      // Also after a round that has ended, when nobody hears of it: an error as its reason would be dear.
      return () => abort.abort(OVER)
    })

  const round = list(
    () => chatList.lookForChanged(),
    () => null,
  ).pipe(
    map(found => {
      mark = found.mark
      const changed = found.end()
      for (const chat of changed) onChanged(chat)
      intervalMs = changed.length > 0 ? pollIntervalMs : Math.min(Math.max(limits.quietPollMs, pollIntervalMs), intervalMs * 1.25)
      return changed
    }),
  )

  const lookAndCompare = (): ListLook => {
    const [look, comparison] = [chatList.lookForMissed(), compare()]
    return {
      take(summary) {
        look.take(summary)
        comparison.take(summary)
      },
      end() {
        comparison.end()
        return look.end()
      },
    }
  }
  const check = list(lookAndCompare, () => (chatList.wantsAll || wantsToCompare() ? null : mark)).pipe(
    map(found => {
      failedChecks = 0
      mark = found.mark
      if (found.isSame) return []
      const missed = found.end()
      for (const chat of missed) onChanged(chat)
      return missed
    }),
    catchError(error => {
      failedChecks += 1
      if (failedChecks > FAILED_CHECKS_MAX) throw error
      return EMPTY
    }),
  )
  const untilNextCheck = () => waitFor(clock, limits.fullCheckMs * (0.75 + random.unit() / 2))

  return {
    rounds: round.pipe(repeat({ delay: () => waitFor(clock, intervalMs) })),
    firstRound: round,
    checks: check.pipe(repeat({ delay: untilNextCheck })),
    wake() {
      intervalMs = pollIntervalMs
    },
  }
}
