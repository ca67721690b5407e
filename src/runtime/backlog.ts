/**
 * Chats of which something is left unread on the mesh: their fetch fails, or there is no room for more. What is left there was
 * written while they were behind, so their age fence stands still; the account's does not wait for them for long.
 */
import { type Change, toChat } from '../../machines/records.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { Registry } from './registry.ts'

/** Behind for longer than this it is written down, and the account goes on without it. */
const PATIENCE_MS = 3_600_000

export interface Backlog {
  /** Something of the chat is left unread. */
  behind(chat: ChatId): void
  /** The chat was read to its end. */
  caughtUp(chat: ChatId): void
  /** The last moment at which everything of the chat had been seen, wall clock ms: the age fence hangs on it. */
  liveMs(chat: ChatId): number
  /** Writes down who has been behind for long. True when nobody else is behind: the account has seen everything but that. */
  settle(): boolean
  /** Chats that were behind when an earlier life ended. */
  stored(): readonly ChatId[]
}

export type BacklogOptions = {
  readonly registry: Pick<Registry, 'account' | 'chats'>
  readonly clock: Clock
  readonly commit: (changes: readonly Change[]) => void
}

export function createBacklog({ registry, clock, commit }: BacklogOptions): Backlog {
  const { account, chats } = registry
  const behind = new Map<ChatId, { readonly liveMs: number; readonly atMs: number; isWritten: boolean }>()

  return {
    behind(chat) {
      if (behind.has(chat)) return
      const unreadSinceMs = chats.get(chat)?.unreadSinceMs ?? null
      behind.set(chat, {
        liveMs: unreadSinceMs ?? (account.liveAtMs || clock.now()),
        atMs: clock.monotonic(),
        isWritten: unreadSinceMs !== null,
      })
    },
    caughtUp(chat) {
      const wasWritten = behind.get(chat)?.isWritten || (chats.get(chat)?.unreadSinceMs ?? null) !== null
      behind.delete(chat)
      if (wasWritten) commit([toChat(chat, { type: 'chat.read' })])
    },
    liveMs: chat => behind.get(chat)?.liveMs ?? chats.get(chat)?.unreadSinceMs ?? (account.liveAtMs || clock.now()),
    settle() {
      let isSettled = true
      for (const [chat, one] of behind) {
        if (one.isWritten) continue
        if (clock.monotonic() - one.atMs < PATIENCE_MS) isSettled = false
        else {
          one.isWritten = true
          commit([toChat(chat, { type: 'chat.unread', sinceMs: one.liveMs })])
        }
      }
      return isSettled
    },
    stored: () => [...chats.unfolded()].flatMap(([chat, { unreadSinceMs }]) => (unreadSinceMs === null ? [] : chat)),
  }
}
