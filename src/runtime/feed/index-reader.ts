/**
 * Reads listings of the mesh's file index: which versions of message files are news, and how far the index has been read.
 * Entries are taken one by one, for a listing may have a million of them; what is kept is bounded by the chats, not by the files.
 */
import type { ChatId, UserName } from '../../domain/ids.ts'
import type { Limits } from '../../domain/limits.ts'
import { type MessagePath, parseMessagePath } from '../../domain/message-path.ts'
import type { Clock } from '../../ports/clock.ts'
import type { FileEntry, Listed } from '../../ports/ztm-agent.ts'
import type { Indexed } from '../account-entry.ts'
import type { Due } from './due.ts'
import { createFileMemory } from './file-memory.ts'

/** Why the index is looked at: it waited for changes; it reads the newest part again; it compares all of it; the very first time. */
export type Look = 'wait' | 'back' | 'all' | 'first'

export interface Listing {
  take(file: FileEntry): void
  /** It was whole: the place moves on. Returns the chats with something due, and whether the index has moved on. */
  end(listed: Listed): { readonly changed: readonly ChatId[]; readonly moved: boolean }
  /** It broke off: the place stays, and what came is due all the same. */
  breakOff(): readonly ChatId[]
}

export interface IndexReader {
  begin(look: Look): Listing
  /** Goes on where an earlier life had read to. What it had not read is due. */
  resume(indexed: Indexed): void
  /** Hub time up to which the index was read; null before the first whole listing. */
  placeMs(): number | null
  /** Chats that are to be told with the next look: their first files may have company that a wait does not show. */
  takeLater(): readonly ChatId[]
  hasLater(): boolean
  /** Versions that are remembered. */
  size(): number
}

export type IndexReaderOptions = {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'lookBackMs'>
  readonly username: UserName
  readonly firstSyncMs: number
  readonly due: Pick<Due, 'addFile' | 'dropFile'>
  /** Posts of ours in this chat have not been seen on the mesh. */
  readonly awaitsOwn: (chat: ChatId) => boolean
  /** Files among the message files that the chat app would not have written, of one listing. */
  readonly onUnusable: (count: number, firstPath: string) => void
}

/** After a restart the index is read again from this far before the stored place. */
const RESTART_LOOK_BACK_MS = 60_000
/** Recent files of the very first listing; past this it is looked through for those that have turned out to be old. */
const RECENT_AT_FIRST = 4_096

type Met = { readonly file: FileEntry; readonly place: MessagePath }

export function createIndexReader({ clock, limits, username, firstSyncMs, due, awaitsOwn, onUnusable }: IndexReaderOptions): IndexReader {
  let memory = createFileMemory()
  let placeMs: number | null = null
  /** Whether everything that an earlier life had read is known by now. */
  let knowsAll = false
  /**
   * Whether our own files have been listed from where an earlier life had read to: they tell what it had answered, should our state be
   * older than it was, as a copy is that was put back.
   */
  let knowsOwn = true
  let later: ChatId[] = []

  const begin = (look: Look): Listing => {
    if (look === 'first') memory = createFileMemory()
    const beforeMs = placeMs ?? 0
    const fixed = { horizonMs: beforeMs - limits.lookBackMs, trusted: look === 'all' && !knowsAll }
    const changed = new Set<ChatId>()
    let newestMs = 0
    let unusable = 0
    let firstUnusable = ''
    let taken = 0
    let recent: Met[] = []
    let recentMax = RECENT_AT_FIRST

    const addDue = ({ file, place }: Met) => {
      due.addFile(place.chat, { path: file.path, timeMs: file.time, sinceMs: file.since ?? 0, bytes: file.size })
    }

    /** What is older is history, read or not; and our own files tell what we had answered before our state was lost. */
    const takeFirst = (met: Met) => {
      const { file, place } = met
      const horizonMs = newestMs - 2 * limits.lookBackMs
      memory.meet(file, place, { horizonMs, trusted: false })
      // In the order of the hub's time, every file was the newest once.
      if (++taken % RECENT_AT_FIRST === 0) memory.forgetBefore(horizonMs, true)
      if (file.time < clock.now() - firstSyncMs) return
      recent.push(met)
      if (recent.length < recentMax) return
      recent = recent.filter(isRecent)
      recentMax = Math.max(RECENT_AT_FIRST, 2 * recent.length)
    }
    const isRecent = ({ file, place }: Met) => (file.since ?? 0) > newestMs - firstSyncMs || memory.isNewest(place)

    const takeNews = (met: Met) => {
      const { file, place } = met
      const isFirstOfSender = !memory.hasMet(place)
      if (!memory.meet(file, place, fixed)) return
      if (place.sender === username && knowsOwn && !awaitsOwn(place.chat)) return
      addDue(met)
      // The rights to a new conversation come late: what was written first may show only behind what was written next.
      if (look === 'wait' && isFirstOfSender && knowsAll) later.push(place.chat)
      else changed.add(place.chat)
    }

    const tellUnusable = () => {
      if (unusable > 0) onUnusable(unusable, firstUnusable)
    }

    return {
      take(file) {
        const sinceMs = file.since ?? 0
        newestMs = Math.max(newestMs, sinceMs)
        const place = parseMessagePath(file.path, username)
        if (place === 'elsewhere') return
        if (place === 'unusable') {
          if (sinceMs > beforeMs && unusable++ === 0) firstUnusable = file.path
          return
        }
        if (file.size < 0) return due.dropFile(place.chat, file.path)
        if (look === 'first') takeFirst({ file, place })
        else takeNews({ file, place })
      },
      end(listed) {
        tellUnusable()
        // Other files of the mesh move the place on, too, or else every wait would be answered at once.
        newestMs = Math.max(newestMs, listed.newestMs)
        for (const met of recent.filter(isRecent)) {
          addDue(met)
          changed.add(met.place.chat)
        }
        // All of it was listed, and none of it is as new as our place was: the hub's clock, or its index, began anew.
        const beganAnew = look === 'all' && listed.count > 0 && newestMs < beforeMs
        const nowMs = placeMs ?? 0
        placeMs = beganAnew ? newestMs : Math.max(nowMs, newestMs)
        memory.forgetBefore(placeMs - 2 * limits.lookBackMs, look === 'all')
        if (look === 'all' || look === 'first') knowsAll = true
        knowsOwn = true
        return { changed: [...changed], moved: nowMs > 0 && placeMs > nowMs }
      },
      breakOff: () => [...changed],
    }
  }

  return {
    begin,
    resume({ sinceMs, unread }) {
      placeMs = Math.max(0, sinceMs - RESTART_LOOK_BACK_MS)
      knowsOwn = false
      for (const file of unread) {
        const place = parseMessagePath(file.path, username)
        if (typeof place === 'string') continue
        due.addFile(place.chat, file)
        later.push(place.chat)
      }
    },
    hasLater: () => later.length > 0,
    placeMs: () => placeMs,
    takeLater() {
      const chats = later
      later = []
      return chats
    },
    size: () => memory.size(),
  }
}
