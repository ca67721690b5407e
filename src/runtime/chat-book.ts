/**
 * What is kept of every chat. A conversation that rests is one text: a quarter of what it takes as objects, and of the work that
 * it makes for the garbage collector. It is unfolded when somebody asks for it, and folded again at the next `pack`.
 */
import type { ChatId } from '../domain/ids.ts'
import { type ChatEntry, restoreChat, type StoredChat, storeChat } from './entries.ts'

export interface ChatBook {
  readonly size: number
  has(chat: ChatId): boolean
  /** The same object until the next `pack`: do not hold it over an await. */
  get(chat: ChatId): ChatEntry | undefined
  set(chat: ChatId, entry: ChatEntry): void
  delete(chat: ChatId): void
  /** In the order in which they came, whatever is unfolded or folded meanwhile. */
  keys(): IterableIterator<ChatId>
  /** All that is not a text; whatever is open, unread or dead is among them. */
  unfolded(): Iterable<readonly [ChatId, ChatEntry]>
  /** One after the other: what is folded is a copy, and stays folded. */
  everything(): Iterable<readonly [ChatId, ChatEntry]>
  /** From a snapshot: a `StoredChat` as JSON. */
  restore(chat: ChatId, json: string): void
  /** As it goes into a snapshot, before what its running charts add. Unfolds nothing. */
  stored(chat: ChatId): StoredChat | undefined
  pack(): void
}

const rests = ({ messages, custody = [], replies, deadLetters, unreadSinceMs, chat, outbox }: StoredChat): boolean =>
  messages.length + custody.length + replies.length + deadLetters.length === 0 &&
  (unreadSinceMs ?? null) === null &&
  chat === null &&
  outbox === null

export function createChatBook(): ChatBook {
  /** Null: unfolded. */
  const texts = new Map<ChatId, string | null>()
  const entries = new Map<ChatId, ChatEntry>()

  const read = (text: string): StoredChat => JSON.parse(text)
  const get = (chat: ChatId): ChatEntry | undefined => {
    const text = texts.get(chat)
    if (typeof text !== 'string') return entries.get(chat)
    const entry = restoreChat(read(text))
    texts.set(chat, null)
    entries.set(chat, entry)
    return entry
  }

  return {
    get size() {
      return texts.size
    },
    has: chat => texts.has(chat),
    get,
    set(chat, entry) {
      texts.set(chat, null)
      entries.set(chat, entry)
    },
    delete(chat) {
      texts.delete(chat)
      entries.delete(chat)
    },
    keys: () => texts.keys(),
    unfolded: () => entries,
    *everything() {
      for (const [chat, text] of texts) if (text !== null) yield [chat, restoreChat(read(text))]
      yield* entries
    },
    restore(chat, json) {
      const stored = read(json)
      const isResting = rests(stored)
      texts.set(chat, isResting ? json : null)
      if (!isResting) entries.set(chat, restoreChat(stored))
    },
    stored(chat) {
      const text = texts.get(chat)
      if (typeof text === 'string') return read(text)
      const entry = entries.get(chat)
      return entry && storeChat(entry)
    },
    pack() {
      for (const [chat, entry] of entries) {
        const stored = storeChat(entry)
        if (!rests(stored)) continue
        texts.set(chat, JSON.stringify(stored))
        entries.delete(chat)
      }
    },
  }
}
