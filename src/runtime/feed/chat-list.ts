/** Which chats of `/chats` are worth a fetch. Hints only: what counts is the cursor. */
import type { ChatId } from '../../domain/ids.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { ChatSummary, RawMessage } from '../../ports/ztm-agent.ts'

export type ChatListOptions = {
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  /** A chat met for the first time needs no look when nothing in it is newer than this, wall clock ms. */
  readonly quietSinceMs: () => number
  /** The message has been dealt with. */
  readonly knows: (chat: ChatId, message: RawMessage) => boolean
}

/** One look at the list, line by line; it changes nothing before its end. */
export interface ListLook {
  take(summary: ChatSummary): void
  /** The chats that are worth a fetch. */
  end(): readonly ChatId[]
}

export interface ChatList {
  /** Also what has not changed since the last look counts at the next. */
  readonly wantsAll: boolean
  /** For everything that may have something new; the only source. */
  lookForChanged(): ListLook
  /** For what another source has missed: as few as possible, since that one has mostly been faster. */
  lookForMissed(): ListLook
}

/** One flat text: a hundred thousand that are put together of parts would take five times the memory. */
const sign = ({ time, latest }: ChatSummary) => JSON.stringify([time, latest?.sender, latest?.time])

export function createChatList({ clock, random, limits, quietSinceMs, knows }: ChatListOptions): ChatList {
  /** What the last list said of each chat, kept over reconnections. */
  const known = new Map<ChatId, string>()

  // Jittered, so that many accounts do not ask at once.
  const every = (periodMs: () => number) => {
    let atMs = 0
    const isDue = () => clock.monotonic() >= atMs
    const done = () => {
      atMs = clock.monotonic() + periodMs() * (0.75 + random.unit() / 2)
    }
    return { isDue, done }
  }
  const fullChecks = every(() => limits.fullCheckMs)
  const fenceReads = every(() => limits.fenceReadMs)

  const look = (isWorth: (summary: ChatSummary, before: string | undefined, now: string) => boolean, onEnd: () => void): ListLook => {
    const worth: ChatId[] = []
    const signs: [ChatId, string][] = []
    return {
      take(summary) {
        const before = known.get(summary.chat)
        const now = sign(summary)
        if (before !== now) signs.push([summary.chat, now])
        if (isWorth(summary, before, now)) worth.push(summary.chat)
      },
      end() {
        for (const [chat, now] of signs) known.set(chat, now)
        onEnd()
        return worth
      },
    }
  }

  return {
    get wantsAll() {
      return fenceReads.isDue()
    },
    lookForChanged() {
      const nowMs = clock.now()
      const fullCheck = fullChecks.isDue()
      const fenceRead = fenceReads.isDue()
      return look(
        ({ time, updated }, before, now) => {
          if (updated > 0 || (before !== undefined && before !== now)) return true
          // A group is met when it is still empty: what is written later is no history.
          if (before === undefined && (time > quietSinceMs() || time === 0)) return true
          // A wrong clock pins `time` in the future: nothing that comes later shows there.
          if (fullCheck && time > nowMs) return true
          return fenceRead && time >= nowMs - limits.ageFenceMs
        },
        () => {
          if (fullCheck) fullChecks.done()
          if (fenceRead) fenceReads.done()
        },
      )
    },
    lookForMissed() {
      const fenceRead = fenceReads.isDue()
      return look(
        ({ chat, time, updated, latest }, before, now) => {
          if (fenceRead && updated > 0) return true
          if (before === undefined && time === 0) return true
          if (before === now || time <= quietSinceMs()) return false
          return latest !== undefined && !knows(chat, latest)
        },
        () => {
          if (fenceRead) fenceReads.done()
        },
      )
    },
  }
}
