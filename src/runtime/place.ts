/** How far the account has come: when it opened, until when everything was seen, and how far the file index is read. */
import { type Change, toAccount } from '../../machines/records.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { AccountEntry } from './account-entry.ts'
import type { Due } from './feed/due.ts'
import type { Timers } from './timers.ts'

/** How often the moment at which everything had been seen is written down. */
const LIVED_MS = 60_000
/** The chats of the very first start have been read by then, or are in trouble: history is what was there. */
const FIRST_READ_MS = 30_000

/** A chat that shows up this soon after the very first start was there before: the chat app loads late. */
const FIRST_LOAD_MS = 30_000

export interface Place {
  /** The very first start, and a while after it; a wall clock that is set makes nothing first again. */
  isFirstLoad(): boolean
  /** The account's state has been loaded. */
  begin(): void
  /** When everything that a round showed has been fetched, all that had been written by then was seen. */
  noteRound(changed: readonly ChatId[], whole: boolean): void
  /** Everything that was changed has been fetched. */
  noteLive(): void
  /** The file index has been read up to this hub time, ms. */
  noteIndexed(sinceMs: number): void
  save(): void
  /** The account stops: the last word. */
  end(): void
}

export type PlaceOptions = {
  readonly account: AccountEntry
  readonly clock: Clock
  readonly timers: Timers
  readonly limits: Pick<Limits, 'indexedMs' | 'unreadFiles'>
  readonly due: Pick<Due, 'files'>
  /** Hub time up to which the file index has been read; null when it is not. */
  readonly indexedMs: () => number | null
  readonly isPushed: () => boolean
  readonly isIdle: () => boolean
  /** But for chats that are known to be behind, everything that was fetched was read to its end. */
  readonly isCaughtUp: () => boolean
  /** On its own. */
  readonly commit: (changes: readonly Change[]) => void
  /** In one line with what the charts commit: once it is durable, so is everything that was read before. */
  readonly commitInLine: (changes: readonly Change[]) => void
}

export function createPlace({
  account,
  clock,
  timers,
  limits,
  due,
  indexedMs,
  isPushed,
  isIdle,
  isCaughtUp,
  commit,
  commitInLine,
}: PlaceOptions): Place {
  let livedAtMs = 0
  let openRoundAtMs: number | null = null
  let willSave = false
  /** Monotonic ms. */
  let firstLoadEndsMs = 0
  let isOpened = false

  const noteOpened = () => {
    if (isOpened || account.openedAtMs === null) return
    isOpened = true
    commit([toAccount({ type: 'account.opened', atMs: account.openedAtMs })])
  }

  /** Written down, for a wall clock that is set back must not begin it anew. */
  const endFirstLoadIn = (ms: number) => {
    if (account.loaded) return
    firstLoadEndsMs = clock.monotonic() + ms
    timers.set('loaded', ms, () => commit([toAccount({ type: 'account.loaded' })]))
  }

  const noteLive = () => {
    const atMs = openRoundAtMs
    openRoundAtMs = null
    if (account.openedAtMs !== null) noteOpened()
    if (atMs === null || atMs <= account.liveAtMs || !isCaughtUp()) return
    account.liveAtMs = atMs
    if (atMs - livedAtMs < LIVED_MS) return
    livedAtMs = atMs
    commit([toAccount({ type: 'account.lived', atMs })])
  }

  const noteIndexed = (sinceMs: number) => {
    const unread = due.files()
    const { indexed } = account
    if (indexed?.sinceMs === sinceMs && indexed.unread.length === 0 && unread.length === 0) return
    // Too much to remember: what was read to is less, until it has been read.
    if (indexed && unread.length > limits.unreadFiles) return
    const event = { type: 'account.indexed' as const, sinceMs, unread: unread.slice(-limits.unreadFiles) }
    account.indexed ??= { ...event, beginMs: sinceMs }
    commitInLine([toAccount(event)])
  }

  const save = () => {
    willSave = false
    const sinceMs = indexedMs()
    if (sinceMs !== null) noteIndexed(sinceMs)
  }

  return {
    isFirstLoad: () => account.openedAtMs === null || (!account.loaded && clock.monotonic() < firstLoadEndsMs),
    begin() {
      const sinceMs = account.openedAtMs === null ? 0 : clock.now() - account.openedAtMs
      if (account.openedAtMs !== null) endFirstLoadIn(sinceMs < 0 ? 0 : Math.max(0, FIRST_LOAD_MS - sinceMs))
      livedAtMs = account.liveAtMs
      isOpened = account.openedAtMs !== null
    },
    noteRound(changed, whole) {
      const nowMs = clock.now()
      if (account.openedAtMs === null) {
        account.openedAtMs = nowMs
        endFirstLoadIn(FIRST_LOAD_MS)
        // Not before its history has been read: a start that dies in between is none.
        timers.set('opened', FIRST_READ_MS, noteOpened)
      }
      if (whole) openRoundAtMs ??= nowMs
      if (changed.length === 0 && isIdle()) noteLive()
      if (isPushed() && !willSave) {
        willSave = true
        timers.set('indexed', limits.indexedMs, save)
      }
    },
    noteLive,
    noteIndexed,
    save,
    end() {
      if (account.liveAtMs > 0) commit([toAccount({ type: 'account.lived', atMs: account.liveAtMs })])
    },
  }
}
