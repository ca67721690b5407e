/**
 * Another process that serves the same user answers everything once more. Its replies stand in our chats, under our name and with keys of
 * this program, and no post of ours has put them there. Only what is read anyway is looked at, and nothing but a warning comes of it.
 */
import type { ChatId, ReplyKey, UserName } from '../domain/ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { ShownReply } from './intake.ts'

/** What was posted this long before us or later is ours to know: the agent's clock dates it, and may differ from ours. */
const CLOCKS_MS = 60_000
/** So many posts are remembered; of what is older nothing is said. */
const POSTS_MAX = 10_000
/** A sign is told for so long: whoever has stopped the other process is rid of it then. */
const TOLD_MS = 3_600_000

/** What the log calls a sign. */
export const RIVAL_FOUND = 'another process posts as this user'

export interface Rivals {
  /** An earlier life may have posted these. */
  inherit(keys: Iterable<ReplyKey>): void
  posting(key: ReplyKey): void
  /** What a chat, or a file of it, shows of our user's replies. */
  see(chat: ChatId, replies: readonly ShownReply[]): void
  /** Null without a sign of another process. */
  warning(): string | null
}

export type RivalsOptions = {
  readonly username: UserName
  readonly meshName: string
  readonly clock: Clock
  readonly log: Log
  /** Whether an earlier life had queued or sent it, as far as that is remembered. */
  readonly isKnown: (chat: ChatId, key: ReplyKey) => boolean
}

export function createRivals({ username, meshName, clock, log, isKnown }: RivalsOptions): Rivals {
  const posts = new Map<ReplyKey, { times: number; atMs: number }>()
  const inherited = new Set<ReplyKey>()
  /** By the agent's clock: what is dated earlier may be of an earlier life, or forgotten. */
  let sinceMs = clock.now() + CLOCKS_MS
  let newestMs = Number.NEGATIVE_INFINITY
  /** When the newest sign was found, monotonic. */
  let foundAtMs = Number.NEGATIVE_INFINITY

  const isTold = () => clock.monotonic() - foundAtMs < TOLD_MS

  const found = (chat: ChatId, key: ReplyKey, atMs: number) => {
    // The same copies are read again and again.
    if (atMs <= newestMs) return
    if (!isTold()) log.warn({ chat, key }, RIVAL_FOUND)
    newestMs = atMs
    foundAtMs = clock.monotonic()
  }

  return {
    inherit(keys) {
      for (const key of keys) inherited.add(key)
    },
    posting(key) {
      const times = (posts.get(key)?.times ?? 0) + 1
      posts.delete(key)
      posts.set(key, { times, atMs: clock.now() })
      const [oldest] = posts
      if (posts.size <= POSTS_MAX || oldest === undefined) return
      posts.delete(oldest[0])
      sinceMs = Math.max(sinceMs, oldest[1].atMs + CLOCKS_MS)
    },
    see(chat, replies) {
      const first = new Map<ReplyKey, number>()
      // Of nearly every reply there is one: each read of a chat comes by here.
      const copies = new Map<ReplyKey, Set<number>>()
      for (const { key, time } of replies) {
        if (typeof time !== 'number' || time <= sinceMs) continue
        const before = first.get(key)
        if (before === undefined) first.set(key, time)
        // The agent may show one message twice; two posts have two times.
        else if (before !== time) copies.set(key, (copies.get(key) ?? new Set([before])).add(time))
      }
      for (const [key, time] of first) {
        const times = copies.get(key)
        const ours = posts.get(key)?.times ?? 0
        if ((times?.size ?? 1) <= ours || inherited.has(key) || (ours === 0 && isKnown(chat, key))) continue
        found(chat, key, times === undefined ? time : Math.max(...times))
      }
    },
    warning: () =>
      isTold()
        ? `Another process posts as "${username}" on the mesh "${meshName}", so that people may be answered twice: stop it, be it a run with another state directory, an OpenClaw gateway, or one on another machine.`
        : null,
  }
}
