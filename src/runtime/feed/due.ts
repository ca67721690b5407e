/** What of each chat is to be read: asked for here, done by its watcher. Nothing leaves before it was read. */
import type { FileOfMessages } from '../../../machines/records.ts'
import type { ChatId } from '../../domain/ids.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Clock } from '../../ports/clock.ts'

export interface Due {
  /** The chat app is to be asked for the chat's messages. */
  askApp(chat: ChatId): void
  /** This version of a file is to be read; it replaces an older one. */
  addFile(chat: ChatId, file: FileOfMessages): void
  dropFile(chat: ChatId, path: string): void
  /** What is to be read now. The wish to ask the chat app is taken off: it comes back with the next `askApp`. */
  begin(chat: ChatId): { readonly app: boolean; readonly files: readonly FileOfMessages[] }
  done(chat: ChatId, file: FileOfMessages): void
  /** It cannot be read at present. True: try again soon. Otherwise it goes to the back of the line, and blocks nothing. */
  failed(chat: ChatId, file: FileOfMessages): boolean
  /** How long it could not be read by now, ms. */
  failingMs(chat: ChatId, file: FileOfMessages): number
  /** Chats with files from the back of the line whose time has come; they are due again. */
  wake(): readonly ChatId[]
  /** Every file that is due, those at the back of the line included. */
  files(): readonly FileOfMessages[]
}

type Entry = { readonly file: FileOfMessages; failedAtMs: number | null; waits: number }
type Chat = { app: boolean; readonly files: Map<string, Entry> }
type Late = { readonly chat: ChatId; readonly entry: Entry; readonly atMs: number }

/** Waits at the back of the line: the first, and doubling up to the second. */
const LATE_MS = 60_000
const LATE_MS_MAX = 10 * 60_000
/** Taken from the back of the line at once. */
const LATE_AT_ONCE = 8

export function createDue(clock: Clock, limits: Pick<Limits, 'fileRetryMs' | 'unreadFiles'>): Due {
  const chats = new Map<ChatId, Chat>()
  const late = new Map<string, Late>()

  const chatOf = (chat: ChatId): Chat => {
    const known = chats.get(chat)
    if (known) return known
    const made: Chat = { app: false, files: new Map() }
    chats.set(chat, made)
    return made
  }
  const tidy = (chat: ChatId, { app, files }: Chat) => {
    if (!app && files.size === 0) chats.delete(chat)
  }

  return {
    askApp(chat) {
      chatOf(chat).app = true
    },
    addFile(chat, file) {
      late.delete(file.path)
      chatOf(chat).files.set(file.path, { file, failedAtMs: null, waits: 0 })
    },
    dropFile(chat, path) {
      late.delete(path)
      const known = chats.get(chat)
      if (known?.files.delete(path)) tidy(chat, known)
    },
    begin(chat) {
      const known = chats.get(chat)
      if (!known) return { app: false, files: [] }
      const { app } = known
      known.app = false
      const files = [...known.files.values()].map(({ file }) => file)
      tidy(chat, known)
      return { app, files }
    },
    done(chat, file) {
      const known = chats.get(chat)
      // A newer version may have taken its place meanwhile.
      if (known?.files.get(file.path)?.file !== file) return
      known.files.delete(file.path)
      tidy(chat, known)
    },
    failed(chat, file) {
      const known = chats.get(chat)
      const entry = known?.files.get(file.path)
      if (!known || entry?.file !== file) return false
      const nowMs = clock.monotonic()
      entry.failedAtMs ??= nowMs
      if (entry.waits === 0 && nowMs - entry.failedAtMs < limits.fileRetryMs) return true
      known.files.delete(file.path)
      tidy(chat, known)
      entry.waits += 1
      late.set(file.path, { chat, entry, atMs: nowMs + Math.min(LATE_MS_MAX, LATE_MS * 2 ** (entry.waits - 1)) })
      if (late.size > limits.unreadFiles) late.delete(late.keys().next().value!)
      return false
    },
    failingMs(chat, { path }) {
      const failedAtMs = chats.get(chat)?.files.get(path)?.failedAtMs ?? null
      return failedAtMs === null ? 0 : clock.monotonic() - failedAtMs
    },
    wake() {
      const woken: ChatId[] = []
      for (const [path, { chat, entry, atMs }] of late) {
        if (woken.length >= LATE_AT_ONCE) break
        if (atMs > clock.monotonic()) continue
        late.delete(path)
        chatOf(chat).files.set(path, entry)
        woken.push(chat)
      }
      return woken
    },
    files() {
      const entries = [...[...chats.values()].flatMap(({ files }) => [...files.values()]), ...[...late.values()].map(({ entry }) => entry)]
      return entries.map(({ file }) => file)
    },
  }
}
