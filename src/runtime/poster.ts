/**
 * Posts the replies of all chats: a chat at a time holds one of the account's slots for unconfirmed posts, first come first
 * served. The number of slots follows the mesh: one more for each quick confirmation, half when confirmations lag.
 */
import type { OutboxEvent } from '../../machines/outbox.ts'
import type { Reply, ReplyBody } from '../../machines/records.ts'
import { ZtmAgentRefused, ZtmChatError } from '../domain/errors.ts'
import type { ChatId, ReplyKey } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import { isAway, type Ledger } from './ledger.ts'

const SLOTS_AT_FIRST = 8
const SLOTS_MIN = 2

export interface Poster {
  request(chat: ChatId): void
  release(chat: ChatId): void
  post(chat: ChatId, key: ReplyKey, body: ReplyBody, signal: AbortSignal): Promise<void>
  /** Looks into the chat's history and our own files for the key. `answeredAtMs`: of the newest attempt, monotonic. */
  checkLedger(post: { chat: ChatId; key: ReplyKey; answeredAtMs: number | null }, signal: AbortSignal): Promise<void>
  /** Looks for replies that were queued before this process. */
  checkQueued(chat: ChatId, keys: readonly ReplyKey[], signal: AbortSignal): Promise<void>
  /** No slot is granted until `resume`. */
  hold(): void
  resume(): void
  /** No post waits for its answer. */
  isIdle(): boolean
  /** Grants no slot any more; resolves when no post is under way, or when `graceMs` are over. */
  drain(graceMs: number): Promise<void>
  /** These replies were seen on the mesh. */
  confirmed(keys: readonly ReplyKey[]): void
}

export type PosterOptions = {
  readonly settings: AccountSettings
  readonly agent: Pick<ZtmAgent, 'post'>
  readonly ledger: Pick<Ledger, 'has' | 'find'>
  readonly clock: Clock
  readonly tell: (chat: ChatId, event: OutboxEvent) => void
  /** Whether the chat's outbox still waits for a slot. */
  readonly waitsForSlot: (chat: ChatId) => boolean
  /** Whether the outbox that was just offered a slot has taken it, and is about to post. */
  readonly takesSlot: (chat: ChatId) => boolean
  /** Posts without confirmation, of all chats. */
  readonly unconfirmed: () => readonly Posted[]
  /** When the agent last forgot what it had queued, monotonic ms; null = not since this process began. */
  readonly queueLostAtMs: () => number | null
  /** When it was last seen to be away, monotonic ms; null = not since this process began. */
  readonly awayAtMs: () => number | null
}

export function createPoster(options: PosterOptions): Poster {
  const { settings, agent, ledger, clock, tell, waitsForSlot, takesSlot, unconfirmed, queueLostAtMs, awayAtMs } = options
  const { limits } = settings
  const holders = new Set<ChatId>()
  const queue = new Set<ChatId>()
  /** Granted, and the answer to the post not yet there. */
  const active = new Set<ChatId>()
  /** Asked for the next one while nothing may be posted; they have a slot. */
  const heldHolders = new Set<ChatId>()
  let held = false
  let draining = false
  let drained = () => {}
  /** Of posts of this process, monotonic. What an earlier one has posted proves nothing about ours. */
  const beganAtMs = new Map<ReplyKey, number>()
  /** The newest post that was confirmed. */
  let confirmedPostMs = Number.NEGATIVE_INFINITY
  let slots = Math.min(SLOTS_AT_FIRST, limits.unconfirmedPosts)

  const grant = () => {
    for (const chat of queue) {
      if (draining || held || holders.size >= slots) return
      queue.delete(chat)
      // Its reply was seen on the mesh meanwhile.
      if (!waitsForSlot(chat)) continue
      holders.add(chat)
      offer(chat)
    }
  }

  /** Active only when it takes the slot: it may have nothing to post any more. */
  const offer = (chat: ChatId) => {
    const wasActive = active.has(chat)
    active.add(chat)
    tell(chat, { type: 'slot.granted', atMs: clock.now() })
    if (!wasActive && !takesSlot(chat)) active.delete(chat)
  }

  /**
   * Posts that may still tell what became of this one. When all of them were begun before this process, or before the agent was away,
   * each would wait for the others: the oldest is treated as the only one, and what becomes of it tells of the rest.
   */
  const othersThatMayTell = (key: ReplyKey): number => {
    const all = unconfirmed()
    const own = all.find(post => post.key === key)
    const awayMs = awayAtMs() ?? Number.NEGATIVE_INFINITY
    const isOld = (post: Posted) => (beganAtMs.get(post.key) ?? Number.NEGATIVE_INFINITY) <= awayMs || !beganAtMs.has(post.key)
    return own && all.every(post => isOld(post) && !isBefore(post, own)) ? 0 : all.length - 1
  }

  return {
    request(chat) {
      if (draining) return
      if (holders.has(chat)) {
        if (held) return void heldHolders.add(chat)
        return offer(chat)
      }
      queue.add(chat)
      grant()
    },
    release(chat) {
      // It waits on, as one of the others.
      if (heldHolders.delete(chat) && waitsForSlot(chat)) queue.add(chat)
      if (holders.delete(chat)) grant()
    },
    hold() {
      held = true
    },
    resume() {
      held = false
      for (const chat of [...heldHolders]) {
        heldHolders.delete(chat)
        if (waitsForSlot(chat)) offer(chat)
      }
      grant()
    },
    isIdle: () => active.size === 0,
    async drain(graceMs) {
      draining = true
      if (active.size === 0) return
      await new Promise<void>(resolve => {
        const cancel = clock.after(graceMs, resolve)
        drained = () => {
          cancel()
          resolve()
        }
      })
    },
    async post(chat, key, { text, files }, signal) {
      beganAtMs.set(key, clock.monotonic())
      try {
        const outcome = await postOnce(agent, { chat, key, text, ...(files && { files }) }, clock, signal)
        if (outcome.type === 'post.refused' && outcome.status !== 0) beganAtMs.delete(key)
        tell(chat, outcome)
      } finally {
        active.delete(chat)
        if (active.size === 0) drained()
      }
    },
    async checkLedger({ chat, key, answeredAtMs }, signal) {
      // What is seen is as old as the question, and so is what it proves.
      const nowMs = clock.monotonic()
      const laterConfirmed = answeredAtMs !== null && confirmedPostMs > answeredAtMs
      try {
        if (await ledger.has(chat, key, signal)) tell(chat, { type: 'reply.seen', keys: [key] })
        else {
          const lostAtMs = queueLostAtMs()
          tell(chat, {
            type: 'ledger.absent',
            key,
            limits,
            nowMs,
            laterConfirmed,
            otherUnconfirmed: othersThatMayTell(key),
            ...(lostAtMs !== null && { queueLostAtMs: lostAtMs }),
          })
        }
      } catch {
        // Unknown is an answer here: the outbox looks again later.
        tell(chat, { type: 'ledger.failed', key, nowMs: clock.monotonic(), limits })
      }
    },
    async checkQueued(chat, keys, signal) {
      try {
        const there = await ledger.find(chat, keys, signal)
        if (there.length > 0) tell(chat, { type: 'reply.seen', keys: there })
        tell(chat, { type: 'unchecked.absent', keys: keys.filter(key => !there.includes(key)) })
      } catch (error) {
        tell(chat, { type: 'unchecked.unknown', away: isAway(error), nowMs: clock.monotonic(), limits })
      }
    },
    confirmed(keys) {
      let quick = true
      for (const key of keys) {
        const beganMs = beganAtMs.get(key)
        if (beganMs === undefined) continue
        beganAtMs.delete(key)
        confirmedPostMs = Math.max(confirmedPostMs, beganMs)
        quick &&= clock.monotonic() - beganMs < limits.confirmationLagMs
      }
      slots = quick ? Math.min(limits.unconfirmedPosts, slots + 1) : Math.max(SLOTS_MIN, Math.floor(slots / 2))
      grant()
    },
  }
}

/** What has become of it, as far as the agent's answer tells. */
export async function postOnce(
  agent: Pick<ZtmAgent, 'post'>,
  { chat, key, text, files }: Reply & { readonly chat: ChatId },
  clock: Pick<Clock, 'monotonic'>,
  signal: AbortSignal,
): Promise<OutboxEvent> {
  try {
    await agent.post(chat, { text, ...(files && { files }), ztmChat: { key } }, signal)
    return { type: 'post.accepted', key, atMs: clock.monotonic() }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    if (error instanceof ZtmAgentRefused) return { type: 'post.refused', key, status: error.status, reason, atMs: clock.monotonic() }
    if (!(error instanceof ZtmChatError) || error.mayHaveActed) return { type: 'post.unknown', key, atMs: clock.monotonic() }
    if (error.retryable) return { type: 'post.not-sent', key }
    return { type: 'post.refused', key, status: 0, reason, atMs: clock.monotonic() }
  }
}

/** `postedAtMs`: wall clock. */
type Posted = { readonly key: ReplyKey; readonly postedAtMs: number }
const isBefore = (one: Posted, other: Posted) =>
  one.postedAtMs < other.postedAtMs || (one.postedAtMs === other.postedAtMs && one.key < other.key)
