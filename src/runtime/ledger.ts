/** The mesh is the ledger: whether a reply is there, in the chat's own history or in our own message files. */
import { MalformedAnswer, ZtmChatError } from '../domain/errors.ts'
import { type ChatId, parseChat, type ReplyKey, type UserName } from '../domain/ids.ts'
import { replyKeyOf } from '../domain/inbound.ts'
import { readMessageFile } from '../domain/message-file.ts'
import type { FileEntry, ZtmAgent } from '../ports/ztm-agent.ts'
import { createGate } from './gate.ts'

/** Own files of a conversation that can still hold a reply: older ones are full. */
const NEWEST_FILES = 3
/** Conversations looked into at once. */
const LOOKS_AT_ONCE = 4

export interface Ledger {
  /** @throws when nobody can tell: neither there nor not there. */
  has(chat: ChatId, key: ReplyKey, signal: AbortSignal): Promise<boolean>
  /**
   * Which of these are there, by one listing, which everybody who asks at that moment shares: for replies that are not known to have been
   * posted. Where the agent has no file index, its chat app is believed. @throws when nobody can tell.
   */
  find(chat: ChatId, keys: readonly ReplyKey[], signal: AbortSignal): Promise<readonly ReplyKey[]>
  /**
   * Tells `onShown` of every reply of this chat that was written since `writtenSinceMs`, as far as it has not been told yet, by one
   * listing, which is shared likewise, and by the chat's history. @throws when nobody can tell.
   */
  reveal(chat: ChatId, signal: AbortSignal): Promise<void>
}

export type LedgerOptions = {
  readonly agent: Pick<ZtmAgent, 'files' | 'fileData'>
  readonly username: UserName
  /** Reads the chat's history as everybody does, through its watcher: a GET resets the hints that the feed lives on. */
  readonly read: (chat: ChatId) => Promise<void>
  /** Files have been seen on this mesh, now or by an earlier process. */
  readonly hasFiles: () => boolean
  /** `reveal` looks into those that were written since this moment, wall clock ms; infinite while nobody waits for it. */
  readonly writtenSinceMs: () => number
  /** Hears of every reply in the files that are looked into. */
  readonly onShown: (keys: readonly ReplyKey[]) => void
  /** The history that was read has shown the reply. */
  readonly wasSeen: (chat: ChatId, key: ReplyKey) => boolean
}

/** Our own message files of a folder: the newest few, the newest first, and all that were written since `writtenSinceMs`. */
type OwnFiles = { readonly newest: FileEntry[]; readonly recent: FileEntry[] }
type Listing = ReadonlyMap<string, OwnFiles>

const NO_FILES: OwnFiles = { newest: [], recent: [] }

/** What it answers wrongly may stay wrong; what it does not answer at all is only away. */
export const isAway = (error: unknown): boolean => error instanceof ZtmChatError && error.retryable && !(error instanceof MalformedAnswer)

/** Asking again would bring the same. */
const isForGood = (error: unknown): boolean => error instanceof ZtmChatError && !error.retryable

export function createLedger({ agent, username, read, hasFiles, writtenSinceMs, onShown, wasSeen }: LedgerOptions): Ledger {
  const base = `/apps/ztm/chat/shared/${username}/publish`
  const gate = createGate(LOOKS_AT_ONCE)
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<Listing> | null = null
  /** Hashes of the files of which `onShown` was told in full, while somebody waits for them. */
  const revealed = new Map<string, string>()

  const ownFolder = (chat: ChatId): string => {
    const conversation = parseChat(chat)
    return conversation.kind === 'peer'
      ? `${base}/peers/${conversation.peer}/messages/`
      : `${base}/groups/${conversation.creator}/${conversation.group}/messages/`
  }

  const listFiles = async (signal: AbortSignal): Promise<Listing> => {
    const folders = new Map<string, OwnFiles>()
    const sinceMs = writtenSinceMs()
    if (sinceMs === Number.POSITIVE_INFINITY) revealed.clear()
    let isEmpty = true
    await agent.files(
      {
        sinceMs: 0,
        keep(path) {
          isEmpty = false
          return path.startsWith(`${base}/`)
        },
      },
      file => {
        if (file.size < 0) return
        const folder = file.path.slice(0, file.path.lastIndexOf('/') + 1)
        let files = folders.get(folder)
        if (!files) {
          files = { newest: [], recent: [] }
          folders.set(folder, files)
        }
        if (file.time >= sinceMs) files.recent.push(file)
        files.newest.push(file)
        files.newest.sort((one, other) => other.time - one.time).splice(NEWEST_FILES)
      },
      signal,
    )
    // An agent that has just lost its hub, or found it again, lists nothing.
    if (isEmpty && hasFiles()) throw new MalformedAnswer('The ZTM agent lists no file at all at present; it is asked again.')
    return folders
  }

  /**
   * A listing that begins from now on. Listing every file is the agent's most expensive answer: whoever asks while one is under way
   * shares the one after it.
   */
  const listed = (signal: AbortSignal): Promise<Listing> => {
    next ??= running.then(() => {
      const listing = listFiles(signal)
      running = listing.catch(() => {})
      next = null
      return listing
    })
    return next
  }

  const keysOfFile = async (path: string, signal: AbortSignal): Promise<readonly ReplyKey[]> => {
    const bytes = await agent.fileData(path, signal)
    // Listed but not readable now: nothing can be said.
    if (!bytes) throw new Error(`${path} cannot be read at present.`)
    const entries = readMessageFile(bytes)
    if (!entries) throw new Error(`${path} is no list of messages at present.`)
    const keys = entries.flatMap(({ message }) => replyKeyOf(message) ?? [])
    onShown(keys)
    return keys
  }

  /** Which of the keys the chat's newest own files hold, and which files were looked into. */
  const lookFor = async (chat: ChatId, keys: readonly ReplyKey[], signal: AbortSignal) => {
    const files = ((await listed(signal)).get(ownFolder(chat)) ?? NO_FILES).newest
    const there = await gate.run(async () => {
      const found = new Set<ReplyKey>()
      for (const { path } of files) {
        if (keys.every(key => found.has(key))) break
        for (const key of await keysOfFile(path, signal)) found.add(key)
      }
      return keys.filter(key => found.has(key))
    })
    return { there, files: files.map(({ path, hash }) => `${path} ${hash}`).join() }
  }

  const readRecent = async (chat: ChatId, signal: AbortSignal): Promise<void> => {
    const { newest, recent } = (await listed(signal)).get(ownFolder(chat)) ?? NO_FILES
    await gate.run(async () => {
      for (const { path, hash } of new Set([...newest, ...recent])) {
        if (revealed.get(path) === hash) continue
        await keysOfFile(path, signal)
        revealed.set(path, hash)
      }
    })
  }

  /** Null, or why the chat's history cannot be read. */
  const readHistory = (chat: ChatId): Promise<{ readonly error: unknown } | null> =>
    read(chat).then(
      () => null,
      (error: unknown) => ({ error }),
    )

  return {
    async has(chat, key, signal) {
      // The files may know what the chat app does not say.
      const failure = await readHistory(chat)
      if (wasSeen(chat, key)) return true
      const before = await lookFor(chat, [key], signal)
      if (before.there.length > 0) return true
      // A file that changes while the agent makes its list is not in it at all: what two lists agree on is not on its way.
      const after = await lookFor(chat, [key], signal)
      if (after.there.length > 0) return true
      if (after.files !== before.files) throw new Error(`Our own files of ${chat} changed while they were looked into.`)
      if (failure) throw failure.error
      return false
    },
    async find(chat, keys, signal) {
      // Asked for in this very step, so that all that a start asks for share the listing.
      const looking = Promise.allSettled([lookFor(chat, keys, signal)])
      // It shows what a file shows that was changing while the list was made.
      const history = await readHistory(chat)
      const [looked] = await looking
      const there = looked.status === 'fulfilled' ? looked.value.there : []
      const found = keys.filter(key => there.includes(key) || wasSeen(chat, key))
      if (looked.status === 'fulfilled' || found.length === keys.length) return found
      if (!isForGood(looked.reason)) throw looked.reason
      if (history && !isForGood(history.error)) throw history.error
      return found
    },
    async reveal(chat, signal) {
      const looking = Promise.allSettled([readRecent(chat, signal)])
      const history = await readHistory(chat)
      const [looked] = await looking
      if (looked.status === 'fulfilled') return
      if (!isForGood(looked.reason)) throw looked.reason
      if (history && !isForGood(history.error)) throw history.error
    },
  }
}
