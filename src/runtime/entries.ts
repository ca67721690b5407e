/**
 * What is kept of a conversation beside its charts: the cursor, the texts of what is open, and a short memory of what was
 * decided. It changes by records only, so replaying them gives the same.
 */
import type { Snapshot } from 'xstate'
import type { ChatRecord, Inbound, OutboxRecord, ReplyBody } from '../../machines/records.ts'
import { type Cursor, emptyCursor, remember } from '../domain/cursor.ts'
import type { Action, Reason } from '../domain/decision.ts'
import type { ChatId, MessageId, ReplyKey, UserName } from '../domain/ids.ts'
import type { Limits } from '../domain/limits.ts'
import { afterPost, afterTurn, type LoopState, noLoop, onMessage } from '../domain/loop-guard.ts'
import { BY_PAIRING } from '../domain/policy.ts'

export type KeptDecision = {
  readonly id: MessageId
  readonly sender: UserName
  readonly atMs: number
  readonly action: Action
  readonly reason: Reason
  readonly detail: string
}

export type DeadLetter = { readonly id: string; readonly atMs: number; readonly reason: string }

export type ChatEntry = {
  readonly cursor: Cursor
  /** When it was met, wall clock ms; null when that is not known. */
  openedAtMs: number | null
  /** The chat app has shown it, so that what it shows from now on is no history. */
  shown: boolean
  /** Its newest message that was let through, wall clock ms; null when there was none. */
  acceptedAtMs: number | null
  /** Something of it has been left unread since this moment of the account, wall clock ms; null when it is not known to be behind. */
  unreadSinceMs: number | null
  /** Accepted, held or dead: what may still be asked for. */
  readonly messages: Map<MessageId, Inbound>
  /** Adopted by a responder whose turn is not over, oldest first. */
  readonly custody: Map<MessageId, Inbound>
  /** Replies that are not confirmed. */
  readonly replies: Map<ReplyKey, ReplyBody>
  /** The newest keys that were confirmed: the same key again is acknowledged, not sent. */
  sentKeys: readonly ReplyKey[]
  deadLetters: readonly DeadLetter[]
  decisions: readonly KeptDecision[]
  loop: LoopState
  /** Persisted charts; null = resting as new. */
  chat: Snapshot<unknown> | null
  outbox: Snapshot<unknown> | null
}

const SENT_KEYS_MAX = 200
const DEAD_LETTERS_MAX = 1_000

export const newEntry = (floorMs: number): ChatEntry => ({
  cursor: emptyCursor(floorMs),
  openedAtMs: null,
  shown: false,
  acceptedAtMs: null,
  unreadSinceMs: null,
  messages: new Map(),
  custody: new Map(),
  replies: new Map(),
  sentKeys: [],
  deadLetters: [],
  decisions: [],
  loop: noLoop,
  chat: null,
  outbox: null,
})

/** An entry as JSON. The store's checksums and version guard it, so it is taken as it was written. */
export type StoredChat = Omit<ChatEntry, 'messages' | 'custody' | 'replies'> & {
  readonly messages: readonly Inbound[]
  /** Absent in what an earlier version has written. */
  readonly custody?: readonly Inbound[]
  readonly replies: readonly (readonly [ReplyKey, ReplyBody | string])[]
}

export const storeChat = (entry: ChatEntry): StoredChat => ({
  ...entry,
  messages: [...entry.messages.values()],
  custody: [...entry.custody.values()],
  replies: [...entry.replies],
})

const byId = (messages: readonly Inbound[]) => new Map(messages.map(message => [message.id, message]))

export const restoreChat = (stored: StoredChat): ChatEntry => ({
  ...stored,
  openedAtMs: stored.openedAtMs ?? null,
  acceptedAtMs: stored.acceptedAtMs ?? null,
  unreadSinceMs: stored.unreadSinceMs ?? null,
  loop: { ...noLoop, ...stored.loop },
  messages: byId(stored.messages),
  custody: byId(stored.custody ?? []),
  // Once they were texts only.
  replies: new Map(stored.replies.map(([key, body]) => [key, typeof body === 'string' ? { text: body } : body])),
})

/** Nothing is open, dead letters aside: the conversation's charts rest. */
export function isSettled({ messages, custody, replies, deadLetters }: ChatEntry): boolean {
  if (custody.size > 0) return false
  if (messages.size + replies.size === 0) return true
  if (messages.size + replies.size > deadLetters.length) return false
  const dead = new Set(deadLetters.map(({ id }) => id))
  return [...messages.keys(), ...replies.keys()].every(id => dead.has(id))
}

/** Entries that may be forgotten, those that matter least first: never let through, then silent for longest. */
export function forgettable(entries: Iterable<readonly [ChatId, ChatEntry]>, silentSinceMs: number): readonly ChatId[] {
  const found: { readonly chat: ChatId; readonly wasAccepted: boolean; readonly lastAtMs: number }[] = []
  for (const [chat, entry] of entries) {
    const { decisions, openedAtMs, acceptedAtMs, unreadSinceMs, deadLetters } = entry
    const lastAtMs = decisions.at(-1)?.atMs ?? openedAtMs ?? 0
    if (!isSettled(entry) || deadLetters.length > 0 || unreadSinceMs !== null) continue
    // What was answered, and is young enough to be taken for new, must not be answered again.
    if (acceptedAtMs === null || lastAtMs < silentSinceMs) found.push({ chat, wasAccepted: acceptedAtMs !== null, lastAtMs })
  }
  found.sort((one, other) => Number(one.wasAccepted) - Number(other.wasAccepted) || one.lastAtMs - other.lastAtMs)
  return found.map(({ chat }) => chat)
}

/** The oldest go, with their texts, when there are too many. */
function bury(entry: ChatEntry, letter: DeadLetter): void {
  const all = [...entry.deadLetters.filter(({ id }) => id !== letter.id), letter]
  entry.deadLetters = all.slice(-DEAD_LETTERS_MAX)
  for (const { id } of all.slice(0, -DEAD_LETTERS_MAX)) {
    entry.messages.delete(id)
    entry.replies.delete(id)
  }
}

/** Tried again, by hand or as a reply of the same key; or there after all. */
function unbury(entry: ChatEntry, ids: readonly string[]): void {
  if (entry.deadLetters.length > 0) entry.deadLetters = entry.deadLetters.filter(({ id }) => !ids.includes(id))
}

function noteTurn(entry: ChatEntry, id: MessageId): void {
  const message = entry.messages.get(id)
  if (message) entry.loop = afterTurn(entry.loop, message.sender)
}

/** From custody: whoever had it has lost it. */
function takeBack(entry: ChatEntry, id: MessageId): void {
  const message = entry.custody.get(id)
  if (message) entry.messages.set(id, { ...message, losses: (message.losses ?? 0) + 1 })
  entry.custody.delete(id)
}

/** The effect of one record on the entry. */
export function project(entry: ChatEntry, event: ChatRecord | OutboxRecord, atMs: number, limits: Limits): void {
  switch (event.type) {
    case 'chat.opened':
      entry.openedAtMs ??= atMs
      entry.shown ||= event.shown
      for (const seen of event.history) remember(entry.cursor, { ...seen, nowMs: atMs, liveMs: event.floorMs + limits.ageFenceMs }, limits)
      return
    case 'chat.unread':
      entry.unreadSinceMs = event.sinceMs
      return
    case 'chat.read':
      entry.unreadSinceMs = null
      return
    case 'message.accepted':
    case 'message.held':
    case 'message.ignored': {
      const { id, sender, timeMs } = event.message
      if (timeMs >= 0) remember(entry.cursor, { id, sender, timeMs, nowMs: atMs, liveMs: event.liveAtMs }, limits)
      if (event.type !== 'message.ignored') entry.messages.set(id, event.message)
      if (event.type === 'message.accepted') entry.acceptedAtMs = atMs
      if (event.type === 'message.accepted') entry.loop = onMessage(entry.loop, { sender, atMs, limits }).state
      const { action, reason, detail } = event.decision
      entry.decisions = [...entry.decisions, { id, sender, atMs, action, reason, detail }].slice(-limits.decisionsPerChat)
      return
    }
    case 'message.released': {
      const { action, reason, detail } = event.decision ?? BY_PAIRING
      entry.acceptedAtMs = atMs
      entry.decisions = entry.decisions.map(kept => (kept.action === 'pairing' ? { ...kept, atMs, action, reason, detail } : kept))
      return
    }
    case 'message.dropped': {
      // An approval may have come first: what it has let in is not held any more.
      const letIn = new Set(entry.decisions.flatMap(kept => (kept.action === 'process' ? [kept.id] : [])))
      const gone = event.ids.filter(id => !letIn.has(id))
      for (const id of gone) entry.messages.delete(id)
      entry.decisions = entry.decisions.map(kept =>
        gone.includes(kept.id) ? { ...kept, atMs, action: 'ignore', reason: event.reason, detail: 'held for pairing, which ended' } : kept,
      )
      return
    }
    case 'turn.adopted': {
      const message = entry.messages.get(event.id)
      if (event.custody && message) entry.custody.set(event.id, message)
      noteTurn(entry, event.id)
      entry.messages.delete(event.id)
      return
    }
    case 'turn.answered':
      noteTurn(entry, event.id)
      entry.messages.delete(event.id)
      entry.custody.delete(event.id)
      return
    case 'turn.lost':
      for (const id of event.ids) takeBack(entry, id)
      return
    case 'turn.failed':
      return
    case 'turn.abandoned':
      noteTurn(entry, event.id)
      takeBack(entry, event.id)
      bury(entry, { id: event.id, atMs, reason: event.reason })
      return
    case 'reply.queued':
      for (const { key, ...body } of event.replies) entry.replies.set(key, body)
      unbury(
        entry,
        event.replies.map(({ key }) => key),
      )
      return
    case 'reply.sent':
      for (const key of event.keys) entry.replies.delete(key)
      unbury(entry, event.keys)
      entry.sentKeys = [...entry.sentKeys, ...event.keys].slice(-SENT_KEYS_MAX)
      return
    case 'reply.failed':
      bury(entry, { id: event.key, atMs, reason: event.reason })
      return
    case 'message.revived':
    case 'message.discarded':
      if (event.type === 'message.discarded') entry.messages.delete(event.id)
      unbury(entry, [event.id])
      return
    case 'reply.revived':
    case 'reply.discarded':
      if (event.type === 'reply.discarded') entry.replies.delete(event.key)
      unbury(entry, [event.key])
      return
    case 'reply.posting':
      entry.loop = afterPost(entry.loop, atMs)
      return
    case 'reply.requeued':
      return
    default:
      event satisfies never
  }
}
