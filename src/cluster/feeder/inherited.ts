/**
 * Posts that wait to be seen, and were made by whoever had the account before: what their chats ask about tells of them. Were each taken
 * for the only one, an agent that is merely slow would be given all of them once more.
 */
import type { ChatId } from '../../domain/ids.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Clock } from '../../ports/clock.ts'

export interface Inherited {
  /** The chat looks for what it has posted. */
  looked(chat: ChatId): void
  /** The chat asks what became of its post, by work that may take long. `answeredAtMs`: as of the job, wall clock. */
  asking<T>(chat: ChatId, answeredAtMs: number | null, work: () => Promise<T>): Promise<T>
  /** Posts that may still tell what became of that of the chat, with so many others that were made here. */
  othersThatMayTell(chat: ChatId, othersOfOurs: number): number
}

type Asked = { readonly answeredAtMs: number | null; readonly untilMs: number }

/** A look may take so long from its chat to here. */
const UNDER_WAY_MS = 5_000

/** `isOurs`: the chat waits for one that was posted here. */
export function createInherited(
  clock: Clock,
  { confirmationLookMsMax }: Pick<Limits, 'confirmationLookMsMax'>,
  isOurs: (chat: ChatId) => boolean,
): Inherited {
  // Each chat that waits has looked once by then, and again by the time it would be forgotten.
  const learntAtMs = clock.monotonic() + confirmationLookMsMax + UNDER_WAY_MS
  const keptMs = 3 * confirmationLookMsMax
  const chats = new Map<ChatId, Asked>()
  const note = (chat: ChatId, answeredAtMs: number | null, untilMs = clock.monotonic() + keptMs) => {
    if (!isOurs(chat)) chats.set(chat, { answeredAtMs: answeredAtMs ?? chats.get(chat)?.answeredAtMs ?? null, untilMs })
  }

  return {
    looked(chat) {
      // One that begins to look later was told here what it has posted.
      if (chats.has(chat) || clock.monotonic() < learntAtMs) note(chat, null)
    },
    async asking(chat, answeredAtMs, work) {
      note(chat, answeredAtMs, Number.POSITIVE_INFINITY)
      try {
        return await work()
      } finally {
        if (chats.has(chat)) note(chat, answeredAtMs)
      }
    },
    othersThatMayTell(chat, othersOfOurs) {
      if (clock.monotonic() < learntAtMs) return Math.max(1, othersOfOurs)
      for (const [one, { untilMs }] of chats) if (untilMs <= clock.monotonic()) chats.delete(one)
      const others = [...chats].filter(([one]) => one !== chat)
      const mine = chats.get(chat)?.answeredAtMs ?? null
      // Each would wait for the others: what becomes of the oldest tells of the rest.
      const isOldest =
        mine !== null &&
        others.every(([one, { answeredAtMs }]) => answeredAtMs !== null && (mine < answeredAtMs || (mine === answeredAtMs && chat < one)))
      return othersOfOurs === 0 && isOldest ? 0 : othersOfOurs + others.length
    },
  }
}
