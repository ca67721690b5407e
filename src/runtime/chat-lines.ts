import type { ChatId } from '../domain/ids.ts'
import type { Registry } from './registry.ts'
import type { ChatLine } from './runtime.ts'

/** One line for each chat that is known now. Made as they are asked for, since there may be a hundred thousand, and nothing is unfolded for it. */
export function* chatLines(registry: Pick<Registry, 'chats' | 'chat'>): Iterable<ChatLine> {
  for (const chat of [...registry.chats.keys()]) {
    const line = lineOf(registry, chat)
    if (line !== null) yield line
  }
}

/** Null when it was forgotten meanwhile. */
function lineOf(registry: Pick<Registry, 'chats' | 'chat'>, chat: ChatId): ChatLine | null {
  const kept = registry.chats.stored(chat)
  if (kept === undefined) return null
  const { queue, urgent, held } = registry.chat(chat)?.context ?? { queue: [], urgent: [], held: [] }
  const dead = new Set(kept.deadLetters.map(({ id }) => id))
  const newest = kept.decisions.at(-1)
  return {
    chat,
    lastAtMs: newest?.atMs ?? kept.openedAtMs ?? null,
    last: newest === undefined ? null : { sender: newest.sender, action: newest.action, reason: newest.reason },
    waiting: queue.length + urgent.length + (kept.custody ?? []).length,
    held: held.length,
    toSend: kept.replies.filter(([key]) => !dead.has(key)).length,
    deadLetters: dead.size,
  }
}
