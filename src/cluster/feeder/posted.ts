/** Replies that this feeder has posted, and has not seen on the mesh yet. One that it forgets with its end is looked for by its chat. */
import type { ChatId, ReplyKey } from '../../domain/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import { OWN_CLOCK_MS } from '../../runtime/intake.ts'

export interface Posted {
  /** `isAwaited`: something waits for it to be seen. */
  add(chat: ChatId, key: ReplyKey, isAwaited: boolean): void
  isAwaited(key: ReplyKey): boolean
  /** Those that wait to be seen. */
  among(chat: ChatId, keys: readonly ReplyKey[]): readonly ReplyKey[]
  seen(chat: ChatId, keys: readonly ReplyKey[]): void
  /** It was not posted, after all. */
  forget(chat: ChatId, key: ReplyKey): void
  /** When the newest of those was begun that were seen, wall clock ms: what was posted before it, and does not show, was lost. */
  seenUntilMs(): number
  /** Others that wait. */
  othersWaiting(key: ReplyKey): number
  awaits(chat: ChatId): boolean
  isEmpty(): boolean
  /** How far back the chat is to be read for them, wall clock ms; infinite when there are none. */
  sinceMs(chat: ChatId): number
}

/** Those that have waited for longest are forgotten. */
const CHATS_MAX = 10_000

export function createPosted(clock: Clock): Posted {
  const chats = new Map<ChatId, Map<ReplyKey, number>>()
  const awaited = new Set<ReplyKey>()
  let seenUntilMs = 0
  const forget = (chat: ChatId, key: ReplyKey) => {
    const known = chats.get(chat)
    known?.delete(key)
    awaited.delete(key)
    if (known?.size === 0) chats.delete(chat)
  }
  return {
    isAwaited: key => awaited.has(key),
    add(chat, key, isAwaited) {
      if (isAwaited) awaited.add(key)
      const keys = chats.get(chat) ?? new Map<ReplyKey, number>()
      chats.delete(chat)
      chats.set(chat, keys.set(key, clock.now()))
      if (chats.size > CHATS_MAX) for (const old of chats.values().next().value!.keys()) forget(chats.keys().next().value!, old)
    },
    among: (chat, keys) => keys.filter(key => chats.get(chat)?.has(key)),
    seen(chat, keys) {
      for (const key of keys) {
        seenUntilMs = Math.max(seenUntilMs, chats.get(chat)?.get(key) ?? 0)
        forget(chat, key)
      }
    },
    forget,
    seenUntilMs: () => seenUntilMs,
    othersWaiting: key => [...chats.values()].reduce((sum, keys) => sum + keys.size - Number(keys.has(key)), 0),
    awaits: chat => chats.has(chat),
    isEmpty: () => chats.size === 0,
    sinceMs: chat => Math.min(...(chats.get(chat)?.values() ?? [])) - OWN_CLOCK_MS,
  }
}
