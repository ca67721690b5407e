/**
 * The feed by pushing: long-polls of the mesh's file index say which message files changed, in hub time.
 *
 * P1. A wait starts exactly where the index was read to: earlier would be answered at once, for ever.
 * P2. A wait is blind for its first half second, so there are two, begun apart; and both look at what was there when they began.
 * P3. Files become visible late, with an older hub time: the newest part is read again after a change and in quiet, the whole rarely.
 * P4. The place moves past what was read, or is due: a failed request moves nothing.
 */
import { Observable } from 'rxjs'
import type { FileOfMessages } from '../../../machines/records.ts'
import { MalformedAnswer, ZtmAgentSilent } from '../../domain/errors.ts'
import type { ChatId, UserName } from '../../domain/ids.ts'
import type { Limits } from '../../domain/limits.ts'
import { parseMessagePath } from '../../domain/message-path.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { FileEntry, ZtmAgent } from '../../ports/ztm-agent.ts'
import type { Indexed } from '../registry.ts'
import { createTimers } from '../timers.ts'
import type { Due } from './due.ts'
import { createFileMemory } from './file-memory.ts'

export type PushOptions = {
  readonly agent: ZtmAgent
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  readonly username: UserName
  readonly firstSyncMs: number
  readonly due: Due
  /** Where an earlier life had read to. */
  readonly stored: () => Indexed | null
  /** Posts of ours in this chat have not been seen on the mesh. */
  readonly awaitsOwn: (chat: ChatId) => boolean
  /** The very first look, before anything of it is read. */
  readonly onBegin: (sinceMs: number) => void
  /** A file among the message files that the chat app would not have written. */
  readonly onUnusable: (path: string) => void
  readonly onTrouble: (reason: string) => void
}

export interface PushFeed {
  /** Each answer's changed chats, for ever; what to read of them is due. Fails when the agent or the mesh is in trouble. */
  readonly rounds: Observable<readonly ChatId[]>
  /** Hub time up to which the index was read; null before the first answer. */
  sinceMs(): number | null
}

/** After a restart the index is read again from this far before the stored place. */
const RESTART_LOOK_BACK_MS = 60_000
/** For this long an agent that lost its hub gives empty answers; then it knows, and says so. */
const MALFORMED_MS = 5_000
const MALFORMED_REST_MS = 1_000
/** A wait that is answered with nothing new is not begun more often than this: a copy of a file may have ended it, or something in between. */
const EMPTY_WAIT_MS = 1_000
/** Looks that may get no answer in a row: a busy hub can be slow. */
const SILENT_LOOKS_MAX = 1

type Wait = { readonly name: string; beganAtMs: number | null; endsAtMs: number; isHeldBack: boolean }
type Look = 'wait' | 'back' | 'all' | 'first'

export function createPushFeed(options: PushOptions): PushFeed {
  const { agent, clock, random, limits, username, due } = options
  const memory = createFileMemory()
  let placeMs: number | null = null
  /** Whether everything that an earlier life had read is known by now. */
  let knowsAll = false
  /** Chats that are told with the next look: their first files may have company that a wait does not show. */
  const later: ChatId[] = []

  /** Takes an answer in: what changed is due, and the place moves on. */
  const absorb = (files: readonly FileEntry[], look: Look): readonly ChatId[] => {
    const beforeMs = placeMs ?? 0
    const newestMs = files.reduce((newest, { since = 0 }) => Math.max(newest, since), 0)
    // All of it was listed, and none of it is as new as our place: the hub's clock, or its index, began anew.
    placeMs = look === 'all' && files.length > 0 ? newestMs : Math.max(beforeMs, newestMs)
    const horizonMs = look === 'first' ? placeMs - options.firstSyncMs : beforeMs - limits.lookBackMs
    const trusted = look === 'all' && !knowsAll
    const changed = new Set<ChatId>()
    for (const file of files) {
      const place = parseMessagePath(file.path, username)
      if (place === 'elsewhere') continue
      const sinceMs = file.since ?? 0
      if (place === 'unusable') {
        if (sinceMs > beforeMs) options.onUnusable(file.path)
        continue
      }
      if (file.size < 0) {
        due.dropFile(place.chat, file.path)
        continue
      }
      const isFirstOfSender = !memory.hasMet(place)
      if (!memory.meet(file, place, { horizonMs, trusted })) continue
      // At first, what is older is history, read or not; and our own files tell what we had answered before our state was lost.
      if (look === 'first' ? file.time < clock.now() - options.firstSyncMs : place.sender === username && !options.awaitsOwn(place.chat))
        continue
      due.addFile(place.chat, { path: file.path, timeMs: file.time, sinceMs })
      // The rights to a new conversation come late: what was written first may show only behind what was written next.
      if (look === 'wait' && isFirstOfSender && knowsAll) later.push(place.chat)
      else changed.add(place.chat)
    }
    memory.forgetBefore(placeMs - 2 * limits.lookBackMs)
    if (look === 'all' || look === 'first') knowsAll = true
    return [...changed]
  }

  const resume = ({ sinceMs, unread }: Indexed): readonly ChatId[] => {
    placeMs = Math.max(0, sinceMs - RESTART_LOOK_BACK_MS)
    return unread.flatMap((file: FileOfMessages) => {
      const place = parseMessagePath(file.path, username)
      if (typeof place === 'string') return []
      due.addFile(place.chat, file)
      return [place.chat]
    })
  }

  const rounds = new Observable<readonly ChatId[]>(subscriber => {
    const abort = new AbortController()
    const timers = createTimers(clock)
    let malformedSinceMs: number | null = null
    let silentLooks = 0
    let lookAtMs = Number.POSITIVE_INFINITY

    const jittered = (ms: number) => ms * (0.75 + random.unit() / 2)

    /** A good answer. True when the index has moved on. */
    const take = (files: readonly FileEntry[], look: Look): boolean => {
      const beforeMs = placeMs
      malformedSinceMs = null
      const changed = absorb(files, look)
      if (look === 'first') options.onBegin(placeMs ?? 0)
      subscriber.next(look === 'wait' ? changed : [...later.splice(0), ...changed, ...due.wake()])
      const moved = beforeMs !== null && placeMs !== null && placeMs > beforeMs
      if (later.length > 0) lookWithin(0)
      if (moved) lookWithin(limits.lookAgainMs)
      return moved
    }

    /** The agent loses its hub before it knows, and its answers are empty until then: the same is asked again for a while. */
    const failed = (name: string, error: unknown, again: () => void) => {
      if (abort.signal.aborted) return
      if (error instanceof MalformedAnswer) {
        malformedSinceMs ??= clock.monotonic()
        if (clock.monotonic() - malformedSinceMs < MALFORMED_MS) return timers.set(name, MALFORMED_REST_MS, again)
      }
      subscriber.error(error)
    }

    const waits: readonly [Wait, Wait] = [
      { name: 'wait 0', beganAtMs: null, endsAtMs: 0, isHeldBack: false },
      { name: 'wait 1', beganAtMs: null, endsAtMs: 0, isHeldBack: false },
    ]

    const begin = (wait: Wait) => void waitForChanges(wait, wait === waits[0] ? waits[1] : waits[0])

    const waitForChanges = async (wait: Wait, other: Wait) => {
      const nowMs = clock.monotonic()
      const blindMs = other.beganAtMs === null ? 0 : other.beganAtMs + limits.indexWaitGapMs - nowMs
      wait.isHeldBack = blindMs > 0
      if (wait.isHeldBack) return timers.set(wait.name, blindMs, () => begin(wait))
      wait.beganAtMs = nowMs
      // Ends between the ends of the other, so that one of them looks anew every half time.
      const isClose = other.beganAtMs !== null && Math.abs(other.endsAtMs - nowMs - limits.indexWaitMs) < limits.indexWaitMs / 4
      const forMs = isClose ? limits.indexWaitMs / 2 : limits.indexWaitMs
      wait.endsAtMs = nowMs + forMs
      if (other.beganAtMs === null) timers.set(other.name, limits.indexWaitGapMs, () => begin(other))

      const over = new AbortController()
      timers.set(`${wait.name} over`, forMs, () => over.abort())
      let files: readonly FileEntry[] | null = null
      const sinceMs = placeMs ?? 0
      try {
        files = await agent.files({ sinceMs, wait: true }, AbortSignal.any([abort.signal, over.signal]))
      } catch (error) {
        wait.beganAtMs = null
        if (!over.signal.aborted) return failed(wait.name, error, () => begin(wait))
      }
      wait.beganAtMs = null
      if (abort.signal.aborted) return
      if (files !== null) take(files, 'wait')
      // Whoever took it in, this one or another look that was faster: the next wait begins later than this one did.
      if (files === null || (placeMs ?? 0) > sinceMs) return begin(wait)
      timers.set(wait.name, Math.max(0, nowMs + EMPTY_WAIT_MS - clock.monotonic()), () => begin(wait))
      // The same change has ended both, and the other one was to begin only when this one is not blind any more.
      if (other.isHeldBack) begin(other)
    }

    const lookWithin = (ms: number) => {
      const atMs = clock.monotonic() + ms
      if (atMs >= lookAtMs) return
      lookAtMs = atMs
      timers.set('look', ms, () => void lookBack())
    }

    const lookBack = async () => {
      lookAtMs = Number.POSITIVE_INFINITY
      const beforeMs = placeMs ?? 0
      try {
        const moved = take(await agent.files({ sinceMs: Math.max(0, beforeMs - limits.lookBackMs) }, abort.signal), 'back')
        silentLooks = 0
        // What is in the window may still have company.
        if (!moved) lookWithin(jittered(limits.quietLookMs))
      } catch (error) {
        if (abort.signal.aborted) return
        if (error instanceof ZtmAgentSilent && silentLooks++ < SILENT_LOOKS_MAX) return lookWithin(limits.lookAgainMs)
        failed('look', error, () => void lookBack())
      }
    }

    const lookAtAll = async () => {
      timers.set('all', jittered(limits.fullLookMs), () => void lookAtAll())
      try {
        take(await agent.files({ sinceMs: 0 }, abort.signal), 'all')
      } catch (error) {
        if (!abort.signal.aborted)
          options.onTrouble(`The whole file index could not be read: ${error instanceof Error ? error.message : error}`)
      }
    }

    const goOn = () => {
      for (const wait of waits) begin(wait)
      timers.set('all', jittered(limits.fullLookMs), () => void lookAtAll())
    }

    const lookFirst = async () => {
      try {
        take(await agent.files({ sinceMs: 0 }, abort.signal), 'first')
        goOn()
        lookWithin(limits.lookAgainMs)
      } catch (error) {
        failed('first', error, () => void lookFirst())
      }
    }

    const stored = options.stored()
    if (placeMs === null && stored === null) void lookFirst()
    else {
      if (placeMs === null && stored) later.push(...resume(stored))
      void lookBack()
      goOn()
    }
    return () => {
      abort.abort()
      timers.clear()
    }
  })

  return { rounds, sinceMs: () => placeMs }
}
