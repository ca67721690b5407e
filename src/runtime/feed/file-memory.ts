/**
 * Which versions of message files have been met. Kept are those of the look-back window, and the newest few of each sender
 * in each chat: only they still change. An older one matters when the hub lists it as changed, and not because it is unknown.
 */
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
  /** Whether it is among the newest few of its sender in its chat. */
  isNewest(place: MessagePath): boolean
  /** What the hub listed before this moment counts by the newest few alone. Thoroughly: also behind what is younger, as it is after the hub's clock was put back. */
  forgetBefore(horizonMs: number, isThorough: boolean): void
  /** Versions that are kept. */
  size(): number
}

/** Newest files of a sender in a chat. One takes the messages; a burst, or a clock that was put right, makes some more. */
const NEWEST = 3

/** Stamps and versions in turn, by stamp: plain numbers, for there may be a hundred thousand of them. */
type Kept = number[]

const keyOf = ({ chat, sender }: MessagePath) => `${chat} ${sender}`

/** Enough of the hash to tell versions of one file apart. */
function versionOf(hash: string): number {
  let version = 0
  for (let at = 0; at < Math.min(hash.length, 16); at++) version = (version * 31 + hash.charCodeAt(at)) % 2 ** 47
  return version
}

export function createFileMemory(): FileMemory {
  const recent = new Map<string, { readonly version: number; readonly sinceMs: number }>()
  const newest = new Map<string, Kept>()
  let count = 0

  const indexOf = (kept: Kept, stamp: number): number => {
    for (let at = 0; at < kept.length; at += 2) if (kept[at] === stamp) return at
    return -1
  }

  /** True when the file is older than the newest few. */
  const keep = (key: string, stamp: number, version: number): boolean => {
    const kept = newest.get(key)
    if (!kept) {
      newest.set(key, [stamp, version])
      count += 1
      return false
    }
    const known = indexOf(kept, stamp)
    if (known >= 0) {
      kept[known + 1] = version
      return false
    }
    if (kept.length >= 2 * NEWEST && stamp < kept[0]!) return true
    let at = 0
    while (at < kept.length && kept[at]! < stamp) at += 2
    kept.splice(at, 0, stamp, version)
    count += 1
    if (kept.length > 2 * NEWEST) {
      kept.splice(0, 2)
      count -= 1
    }
    return false
  }

  return {
    hasMet: place => newest.has(keyOf(place)),
    isNewest: place => indexOf(newest.get(keyOf(place)) ?? [], place.stamp) >= 0,
    meet(file, place, { horizonMs, trusted }) {
      const { stamp } = place
      const version = versionOf(file.hash)
      const sinceMs = file.since ?? 0
      const key = keyOf(place)
      const kept = newest.get(key) ?? []
      const at = indexOf(kept, stamp)
      const known = recent.get(file.path)?.version ?? (at >= 0 ? kept[at + 1] : undefined)
      if (sinceMs > horizonMs) {
        // In the order in which they were met, so that forgetting need not look at all of them.
        recent.delete(file.path)
        recent.set(file.path, { version, sinceMs })
      }
      const isOld = keep(key, stamp, version)
      if (known !== undefined) return known !== version
      return sinceMs > horizonMs || !(trusted || isOld)
    },
    forgetBefore(horizonMs, isThorough) {
      for (const [path, { sinceMs }] of recent) {
        if (sinceMs <= horizonMs) recent.delete(path)
        else if (!isThorough) return
      }
    },
    size: () => recent.size + count,
  }
}
