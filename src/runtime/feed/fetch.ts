/** Reads what is due of a chat, from the chat app and from message files, and hands it to the intake. */
import type { FileOfMessages } from '../../../machines/records.ts'
import { AnswerTooLarge, UnsafeName, ZtmAgentSilent } from '../../domain/errors.ts'
import type { ChatId, UserName } from '../../domain/ids.ts'
import type { Limits } from '../../domain/limits.ts'
import { readMessageFile } from '../../domain/message-file.ts'
import { parseMessagePath, SHARED } from '../../domain/message-path.ts'
import type { Clock } from '../../ports/clock.ts'
import type { RawMessage, ZtmAgent } from '../../ports/ztm-agent.ts'
import { createGate } from '../gate.ts'
import type { Intake, Posting } from '../intake.ts'
import type { Due } from './due.ts'

export type FetchOptions = {
  readonly agent: ZtmAgent
  readonly clock: Clock
  readonly username: UserName
  readonly limits: Pick<Limits, 'fetches'>
  readonly due: Due
  readonly intake: () => Intake
  /** The newest message of a file that has been read, by its writer's clock. */
  readonly onNewest: (message: { chat: ChatId; sender: UserName; timeMs: number; sinceMs: number }) => void
  /** A file has been read that the hub learnt of this long ago, by our clock and its. */
  readonly onRead: (lagMs: number) => void
  /** A file that nobody can read, or a chat larger than the limit: left alone until it changes. Told once. */
  readonly onUnreadable: (chat: ChatId, why: Unusable, reason: string) => void
  /** Message files come with the feed, so that the chat app's view is only the second source. */
  readonly hasFiles: () => boolean
  /** Fetches the chat again in a moment. */
  readonly again: (chat: ChatId) => void
}

/**
 * Files of one chat in memory at once: so many, or fewer when they are large; and so many are read at a time. What finds no room in the chat's
 * queue is read again: of somebody who writes thousands at once little more than has room.
 */
const FILES_AT_ONCE = 16
const BYTES_AT_ONCE = 65_536
const READ_AT_ONCE = 4
/** Chats whose size was told; one that is forgotten may be told once more. */
const TOO_LARGE_TOLD = 1_000
/** So long newer files of a sender wait for an older one that cannot be read: people are answered in the order in which they wrote. */
const ORDER_MS = 10_000

/** Files of which it is remembered that they could not be used. */
const UNUSABLE_MAX = 100
const PAGE_BEGIN = '<'.charCodeAt(0)

export type Unusable = 'unusable_file' | 'too_large'

type Outcome = { readonly file: FileOfMessages } & (
  | { readonly kind: 'read'; readonly postings: readonly Posting[]; readonly bytes: number }
  | { readonly kind: 'not now'; readonly reason: string }
  | { readonly kind: 'never'; readonly why: Unusable; readonly reason: string }
  /** Behind an older one of its sender. */
  | { readonly kind: 'held up'; readonly reason: string }
)

/**
 * Fetches everything that is due of the chat. Rejects when a part of it could not be read: what could be has been taken, and
 * the rest is still due.
 */
export function createFetch(options: FetchOptions) {
  const { agent, clock, username, limits, due, intake, onNewest, onRead, onUnreadable, hasFiles, again } = options
  const gate = createGate(limits.fetches)
  const beganAtMs = clock.now()
  /** Chats whose news the chat app has shown before any file did. */
  const shownFirst = new Set<ChatId>()

  const tooLarge = new Set<ChatId>()
  /** Both sources find a chat too large, again at each change: once is enough. */
  const tellUnusable = (chat: ChatId, why: Unusable, reason: string) => {
    if (why === 'too_large') {
      if (tooLarge.has(chat)) return
      if (tooLarge.size >= TOO_LARGE_TOLD) tooLarge.clear()
      tooLarge.add(chat)
    }
    onUnreadable(chat, why, reason)
  }

  /** What was read of files that are no JSON list. */
  const unusable = new Map<string, Uint8Array>()

  /** One answer may be cut, or come from something in between: a file is given up when it is as long as its index says, reads the same twice, and is no page. */
  const isReallyUnusable = ({ path, bytes: listed }: FileOfMessages, bytes: Uint8Array): boolean => {
    if (listed !== undefined && bytes.length !== listed) return false
    const before = unusable.get(path)
    const isSame = before?.length === bytes.length && before.every((byte, at) => byte === bytes[at])
    unusable.delete(path)
    if (isSame && bytes.length > 0 && bytes[0] !== PAGE_BEGIN) return true
    unusable.set(path, bytes)
    if (unusable.size > UNUSABLE_MAX) unusable.delete(unusable.keys().next().value!)
    return false
  }

  const read = async (file: FileOfMessages, signal: AbortSignal): Promise<Outcome> => {
    const place = parseMessagePath(file.path, username)
    if (typeof place === 'string') return { file, kind: 'never', why: 'unusable_file', reason: `${file.path} is no message file.` }
    try {
      const bytes = await agent.fileData(file.path, signal)
      if (bytes === null) return { file, kind: 'not now', reason: `Message file ${file.path} is listed, and nobody has it now.` }
      const messages = readMessageFile(bytes)
      if (messages === null) {
        const reason = `Message file ${file.path} is no JSON list; its writer has to post again.`
        return isReallyUnusable(file, bytes) ? { file, kind: 'never', why: 'unusable_file', reason } : { file, kind: 'not now', reason }
      }
      unusable.delete(file.path)
      const { sender } = place
      return { file, kind: 'read', bytes: bytes.length, postings: messages.map(({ time, message }) => ({ time, message, sender, file })) }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (error instanceof AnswerTooLarge) return { file, kind: 'never', why: 'too_large', reason }
      if (error instanceof UnsafeName) return { file, kind: 'never', why: 'unusable_file', reason }
      return { file, kind: 'not now', reason }
    }
  }

  const tellNewest = (chat: ChatId, postings: readonly Posting[]) => {
    let newest: { chat: ChatId; sender: UserName; timeMs: number; sinceMs: number } | null = null
    for (const { time, sender, file } of postings) {
      if (typeof time !== 'number' || !Number.isFinite(time) || time < 0 || file === undefined) continue
      if (newest === null || time > newest.timeMs) newest = { chat, sender, timeMs: time, sinceMs: file.sinceMs }
    }
    if (newest !== null) onNewest(newest)
  }

  /** `held`: senders with an older file that could not be read, and why. */
  const inOrder = (chat: ChatId, outcome: Outcome, held: Map<UserName, string>): Outcome => {
    const { file } = outcome
    const place = parseMessagePath(file.path, username)
    if (typeof place === 'string') return outcome
    const reason = held.get(place.sender)
    if (reason !== undefined && outcome.kind === 'read') return { file, kind: 'held up', reason }
    if (outcome.kind === 'not now' && due.failingMs(chat, file) < ORDER_MS) held.set(place.sender, outcome.reason)
    return outcome
  }

  const isOwn = ({ path }: FileOfMessages): boolean => path.startsWith(`${SHARED}${username}/`)

  /** What became of a file whose messages were taken: null, or why it is to be read again. */
  const settle = (chat: ChatId, outcome: Outcome): string | null => {
    const { file } = outcome
    if (outcome.kind === 'held up') return outcome.reason
    if (outcome.kind === 'not now') return due.failed(chat, file) ? outcome.reason : null
    due.done(chat, file)
    if (outcome.kind === 'read') {
      // Ours may be read long after they were written, when it matters what was answered before a start; and our absence is not the feed's lag.
      if (!isOwn(file)) onRead(Math.max(0, clock.now() - Math.max(file.sinceMs, beganAtMs)))
      tellNewest(chat, outcome.postings)
    }
    if (outcome.kind === 'never') tellUnusable(chat, outcome.why, outcome.reason)
    return null
  }

  const postingsOf = (outcomes: readonly Outcome[]) => outcomes.flatMap(outcome => (outcome.kind === 'read' ? outcome.postings : []))

  /** Those that are read at a time, from there on. */
  const nextOf = (ordered: readonly FileOfMessages[], from: number): readonly FileOfMessages[] => {
    let bytes = 0
    const next = ordered.slice(from, from + READ_AT_ONCE)
    const tooMuch = next.findIndex((file, index) => {
      bytes += file.bytes ?? 0
      return index > 0 && bytes > BYTES_AT_ONCE
    })
    return tooMuch < 0 ? next : next.slice(0, tooMuch)
  }

  /** A part of them, in order, from there on. */
  const readSome = async (ordered: readonly FileOfMessages[], from: number, signal: AbortSignal): Promise<readonly Outcome[]> => {
    const results: Outcome[] = []
    let bytes = 0
    for (let at = from; at < ordered.length && results.length < FILES_AT_ONCE && bytes < BYTES_AT_ONCE; ) {
      const some = await Promise.all(nextOf(ordered, at).map(file => gate.run(() => read(file, signal))))
      at += some.length
      results.push(...some)
      for (const outcome of some) bytes += outcome.kind === 'read' ? outcome.bytes : 0
    }
    return results
  }

  /** Null when all is well, and a sentence when something is to be tried again. */
  const takeFiles = async (chat: ChatId, files: readonly FileOfMessages[], signal: AbortSignal): Promise<string | null> => {
    let missing: string | null = null
    const held = new Map<UserName, string>()
    // Ours first, and due until all of the others have been taken: they tell what has been answered.
    const ownFiles = files.filter(isOwn)
    const own: Outcome[] = []
    while (own.length < ownFiles.length && !signal.aborted) own.push(...(await readSome(ownFiles, own.length, signal)))
    const answered = intake().seeOwn(chat, postingsOf(own))
    const ordered = files.filter(file => !isOwn(file)).sort((one, other) => one.sinceMs - other.sinceMs || (one.path < other.path ? -1 : 1))
    for (let at = 0; at < ordered.length; ) {
      const results = await readSome(ordered, at, signal)
      at += results.length
      if (signal.aborted) return missing
      const outcomes = results.map(outcome => inOrder(chat, outcome, held))
      // What finds no room stays due; the chat is fetched again when it has some.
      if (!(await intake().take(chat, 'files', postingsOf(outcomes), answered, signal))) return missing
      for (const outcome of outcomes) missing = settle(chat, outcome) ?? missing
    }
    if (!signal.aborted) for (const outcome of own) missing = settle(chat, outcome) ?? missing
    return missing
  }

  /** The chat app reads files side by side, and may show what was written last first: the files get a moment to come in. */
  const isEarly = (chat: ChatId, messages: readonly RawMessage[]): boolean => {
    if (shownFirst.delete(chat) || !hasFiles() || messages.every(message => intake().knows(chat, message))) return false
    shownFirst.add(chat)
    return true
  }

  const askApp = async (chat: ChatId, signal: AbortSignal): Promise<void> => {
    const messages = await agent.messages(chat, intake().sinceMs(chat), signal)
    if (messages === null) return
    // Whoever looks for a reply must not wait, or miss it.
    const answered = intake().seeOwn(chat, messages)
    if (isEarly(chat, messages)) again(chat)
    else if (await intake().take(chat, 'app', messages, answered, signal)) return
    due.askApp(chat)
  }

  return async (chat: ChatId, signal: AbortSignal): Promise<void> => {
    const { app, files } = due.begin(chat)
    const missing = await takeFiles(chat, files, signal)
    if (app) {
      try {
        await askApp(chat, signal)
      } catch (error) {
        if (!(error instanceof AnswerTooLarge)) {
          due.askApp(chat)
          throw error
        }
        tellUnusable(chat, 'too_large', error.message)
      }
    }
    if (missing !== null) throw new ZtmAgentSilent(missing)
  }
}
