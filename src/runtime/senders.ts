/**
 * Whose turn it is among the senders, and how fast one may go. Off unless `messagesPerSenderMinute` is set; then a sender's messages
 * are dispatched at that rate, some wait in the journal, and the rest stays unread on the mesh.
 */
import type { ChatId, MessageId, UserName } from '../domain/ids.ts'
import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../ports/clock.ts'

export interface Senders {
  /** One more message of the sender may be accepted. When not, the chat is remembered for `roomAgain`. */
  hasRoom(sender: UserName, chat: ChatId): boolean
  /** The message is on its way to the journal, or waits there. */
  take(sender: UserName, id: MessageId): void
  /** It waits no more. */
  giveBack(id: MessageId): void
  /** Messages of this chat were left unread for their sender's sake. */
  keepsBack(chat: ChatId): boolean
  /** Chats that were left unread and whose senders have room again; they are forgotten here. */
  roomAgain(): readonly ChatId[]
  /** How long until the sender's next dispatch, ms; 0 = now. */
  waitMs(sender: UserName): number
  /** One of the sender's messages is dispatched. */
  spend(sender: UserName): void
}

const MINUTE_MS = 60_000

export function createSenders(clock: Clock, limits: Pick<Limits, 'messagesPerSenderMinute' | 'queuedPerSender'>): Senders {
  const { messagesPerSenderMinute: rate, queuedPerSender } = limits
  const isOff = rate === 0
  const senderOf = new Map<MessageId, UserName>()
  const waiting = new Map<UserName, number>()
  const keptBack = new Map<ChatId, Set<UserName>>()
  /** Monotonic time at which the sender's whole minute is free again. */
  const freeAtMs = new Map<UserName, number>()

  const hasRoomAgain = (sender: UserName) => (waiting.get(sender) ?? 0) <= queuedPerSender / 2

  return {
    hasRoom(sender, chat) {
      if (isOff || (waiting.get(sender) ?? 0) < queuedPerSender) return true
      keptBack.set(chat, (keptBack.get(chat) ?? new Set()).add(sender))
      return false
    },
    take(sender, id) {
      if (isOff || senderOf.has(id)) return
      senderOf.set(id, sender)
      waiting.set(sender, (waiting.get(sender) ?? 0) + 1)
    },
    giveBack(id) {
      const sender = senderOf.get(id)
      if (sender === undefined) return
      senderOf.delete(id)
      const left = (waiting.get(sender) ?? 1) - 1
      if (left > 0) waiting.set(sender, left)
      else waiting.delete(sender)
    },
    keepsBack: chat => keptBack.has(chat),
    roomAgain() {
      const chats: ChatId[] = []
      for (const [chat, senders] of keptBack) {
        if (![...senders].some(hasRoomAgain)) continue
        keptBack.delete(chat)
        chats.push(chat)
      }
      return chats
    },
    waitMs(sender) {
      if (isOff) return 0
      const freeMs = freeAtMs.get(sender) ?? 0
      return Math.max(0, freeMs + MINUTE_MS / rate - MINUTE_MS - clock.monotonic())
    },
    spend(sender) {
      if (isOff) return
      const nowMs = clock.monotonic()
      freeAtMs.set(sender, Math.max(nowMs, freeAtMs.get(sender) ?? 0) + MINUTE_MS / rate)
      if (freeAtMs.size % 1_000 === 0) for (const [name, atMs] of freeAtMs) if (atMs <= nowMs) freeAtMs.delete(name)
    },
  }
}
