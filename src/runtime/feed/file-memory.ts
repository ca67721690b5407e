/**
 * Which versions of message files have been met. Kept are those of the look-back window, and the newest few of each sender
 * in each chat: only they still change. An older one matters when the hub lists it as changed, and not because it is unknown.
 */
import type { ChatId, UserName } from '../../domain/ids.ts'
import type { MessagePath } from '../../domain/message-path.ts'
import type { FileEntry } from '../../ports/ztm-agent.ts'

export interface FileMemory {
  /**
   * Whether this version is news; it is known from now on. Changes after `horizonMs` (hub time) are news unless known.
   * Of older ones, only new versions of what is known, and, unless `trusted`, new files among the newest of their sender.
   */
  meet(file: FileEntry, place: MessagePath, look: { readonly horizonMs: number; readonly trusted: boolean }): boolean
  /** Whether this sender has a file in this chat that was met. */
  hasMet(place: MessagePath): boolean
  /** What the hub listed before this moment counts by the newest few alone. */
  forgetBefore(horizonMs: number): void
  size(): number
}

/** Newest files of a sender in a chat. One takes the messages; a burst, or a clock that was put right, makes some more. */
const NEWEST = 3
/** Hex digits: enough to tell versions of one file apart, and short enough to be a copy of its own. */
const HASH_DIGITS = 12

type Kept = { readonly stamp: number; hash: string }

const keyOf = (chat: ChatId, sender: UserName) => `${chat} ${sender}`

export function createFileMemory(): FileMemory {
  const recent = new Map<string, { readonly hash: string; readonly sinceMs: number }>()
  const newest = new Map<string, Kept[]>()

  /** True when the file is older than the newest few. */
  const keep = (key: string, stamp: number, hash: string): boolean => {
    const files = newest.get(key) ?? []
    if (files.length === 0) newest.set(key, files)
    const known = files.find(file => file.stamp === stamp)
    if (known) {
      known.hash = hash
      return false
    }
    if (files.length >= NEWEST && stamp < files[0]!.stamp) return true
    files.push({ stamp, hash })
    files.sort((one, other) => one.stamp - other.stamp)
    if (files.length > NEWEST) files.shift()
    return false
  }

  return {
    hasMet: ({ chat, sender }) => newest.has(keyOf(chat, sender)),
    meet(file, { chat, sender, stamp }, { horizonMs, trusted }) {
      const hash = file.hash.slice(0, HASH_DIGITS)
      const sinceMs = file.since ?? 0
      const key = keyOf(chat, sender)
      const known = recent.get(file.path)?.hash ?? newest.get(key)?.find(kept => kept.stamp === stamp)?.hash
      if (sinceMs > horizonMs) recent.set(file.path, { hash, sinceMs })
      const isOld = keep(key, stamp, hash)
      if (known !== undefined) return known !== hash
      return sinceMs > horizonMs || !(trusted || isOld)
    },
    forgetBefore(horizonMs) {
      for (const [path, { sinceMs }] of recent) if (sinceMs <= horizonMs) recent.delete(path)
    },
    size: () => recent.size + newest.size,
  }
}
