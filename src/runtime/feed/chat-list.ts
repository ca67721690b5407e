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

export interface ChatList {
  /** Also what has not changed since the last look counts at the next. */
  readonly wantsAll: boolean
  /** Everything that may have something new; the only source. */
  changed(summaries: readonly ChatSummary[]): readonly ChatId[]
  /** What another source has missed: as few as possible, since that one has mostly been faster. */
  missed(summaries: readonly ChatSummary[]): readonly ChatId[]
}

const sign = ({ time, latest }: ChatSummary) => `${time} ${latest ? `${latest.sender} ${JSON.stringify(latest.time)}` : ''}`

export function createChatList({ clock, random, limits, quietSinceMs, knows }: ChatListOptions): ChatList {
  /** What the last list said of each chat, kept over reconnections. */
  const known = new Map<ChatId, string>()

  // Jittered, so that many accounts do not ask at once.
  const every = (periodMs: () => number) => {
    let atMs = 0
    const isDue = () => clock.monotonic() >= atMs
    const take = () => {
      if (!isDue()) return false
      atMs = clock.monotonic() + periodMs() * (0.75 + random.unit() / 2)
      return true
    }
    return { isDue, take }
  }
  const fullChecks = every(() => limits.fullCheckMs)
  const fenceReads = every(() => limits.fenceReadMs)

  const pick = (summaries: readonly ChatSummary[], isWorth: (summary: ChatSummary, before: string | undefined, now: string) => boolean) =>
    summaries
      .filter(summary => {
        const before = known.get(summary.chat)
        const now = sign(summary)
        known.set(summary.chat, now)
        return isWorth(summary, before, now)
      })
      .map(({ chat }) => chat)

  return {
    get wantsAll() {
      return fenceReads.isDue()
    },
    changed(summaries) {
      const nowMs = clock.now()
      const fullCheck = fullChecks.take()
      const fenceRead = fenceReads.take()
      return pick(summaries, ({ time, updated }, before, now) => {
        if (updated > 0 || (before !== undefined && before !== now)) return true
        // A group is met when it is still empty: what is written later is no history.
        if (before === undefined && (time > quietSinceMs() || time === 0)) return true
        // A wrong clock pins `time` in the future: nothing that comes later shows there.
        if (fullCheck && time > nowMs) return true
        return fenceRead && time >= nowMs - limits.ageFenceMs
      })
    },
    missed(summaries) {
      const fenceRead = fenceReads.take()
      return pick(summaries, ({ chat, time, updated, latest }, before, now) => {
        if (fenceRead && updated > 0) return true
        if (before === undefined && time === 0) return true
        if (before === now || time <= quietSinceMs()) return false
        return latest !== undefined && !knows(chat, latest)
      })
    },
  }
}
