/**
 * The feed by pushing: long-polls of the mesh's file index say which message files changed, in hub time.
 *
 * P1. A wait starts exactly where the index was read to: earlier would be answered at once, for ever.
 * P2. A wait is blind for its first half second, so there are two, begun apart; and both look at what was there when they began.
 * P3. Files become visible late, with an older hub time: the newest part is read again after a change and in quiet, the whole rarely.
 * P4. The place moves past what was read, or is due: a failed request moves nothing.
 */
import { Observable } from 'rxjs'
import { MalformedAnswer, ZtmAgentSilent } from '../../domain/errors.ts'
import type { ChatId, UserName } from '../../domain/ids.ts'
import type { Limits } from '../../domain/limits.ts'
import { SHARED } from '../../domain/message-path.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { ZtmAgent } from '../../ports/ztm-agent.ts'
import type { Indexed } from '../account-entry.ts'
import { createTimers } from '../timers.ts'
import type { Due } from './due.ts'
import { createIndexReader, type Listing, type Look } from './index-reader.ts'

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
  /** Files among the message files that the chat app would not have written, of one listing. */
  readonly onUnusable: (count: number, firstPath: string) => void
  readonly onTrouble: (reason: string) => void
  /** A list that should come at once does not. */
  readonly onSilence: () => void
}

export interface PushFeed {
  /** Each answer's changed chats, for ever; what to read of them is due. Fails when the agent or the mesh is in trouble. */
  readonly rounds: Observable<readonly ChatId[]>
  /** Hub time up to which the index was read; null before the first answer. */
  sinceMs(): number | null
}

/** For this long an agent that lost its hub gives empty answers; then it knows, and says so. */
const MALFORMED_MS = 5_000
const MALFORMED_REST_MS = 1_000
/** A wait that is answered with nothing new is not begun more often than this: a copy of a file may have ended it, or something in between. */
const EMPTY_WAIT_MS = 1_000
/** Looks that may get no answer in a row: a busy hub can be slow. */
const SILENT_LOOKS_MAX = 1
/** A look at the whole index is followed by a rest of so many times its own length, at least. */
const FULL_LOOK_SHARE = 100

/** What the chat app keeps; there are other files on a mesh. */
const isShared = (path: string) => path.startsWith(SHARED)

const OVER = 'the wait has lasted long enough'

type Wait = { readonly name: string; beganAtMs: number | null; endsAtMs: number; isHeldBack: boolean }

export function createPushFeed(options: PushOptions): PushFeed {
  const { agent, clock, random, limits, due } = options
  const reader = createIndexReader(options)

  const rounds = new Observable<readonly ChatId[]>(subscriber => {
    const abort = new AbortController()
    const timers = createTimers(clock)
    let malformedSinceMs: number | null = null
    let silentLooks = 0
    let lookAtMs = Number.POSITIVE_INFINITY

    const jittered = (ms: number) => ms * (0.75 + random.unit() / 2)

    /** One request, taken in while its answer comes. True when the index has moved on. */
    const list = async (look: Look, sinceMs: number, signal: AbortSignal): Promise<boolean> => {
      // Begun with the answer: a wait may be as old as half a minute by then.
      const begun: { listing?: Listing } = {}
      const listing = () => {
        begun.listing ??= reader.begin(look)
        return begun.listing
      }
      try {
        const listed = await agent.files({ sinceMs, wait: look === 'wait', keep: isShared }, file => listing().take(file), signal)
        if (abort.signal.aborted) return false
        malformedSinceMs = null
        const { changed, moved } = listing().end(listed)
        if (look === 'first') options.onBegin(reader.placeMs() ?? 0)
        subscriber.next(look === 'wait' ? changed : [...reader.takeLater(), ...changed, ...due.wake()])
        if (reader.hasLater()) lookWithin(0)
        if (moved) lookWithin(limits.lookAgainMs)
        return moved
      } catch (error) {
        const changed = begun.listing?.breakOff() ?? []
        if (changed.length > 0 && !abort.signal.aborted) subscriber.next(changed)
        throw error
      }
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
      timers.set(`${wait.name} over`, forMs, () => over.abort(OVER))
      const sinceMs = reader.placeMs() ?? 0
      try {
        await list('wait', sinceMs, AbortSignal.any([abort.signal, over.signal]))
      } catch (error) {
        wait.beganAtMs = null
        if (!over.signal.aborted) return failed(wait.name, error, () => begin(wait))
      }
      wait.beganAtMs = null
      if (abort.signal.aborted) return
      // Whoever took it in, this one or another look that was faster: the next wait begins later than this one did.
      if (over.signal.aborted || (reader.placeMs() ?? 0) > sinceMs) return begin(wait)
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
      try {
        const moved = await list('back', Math.max(0, (reader.placeMs() ?? 0) - limits.lookBackMs), abort.signal)
        silentLooks = 0
        // What is in the window may still have company.
        if (!moved) lookWithin(jittered(limits.quietLookMs))
      } catch (error) {
        if (abort.signal.aborted) return
        if (error instanceof ZtmAgentSilent) options.onSilence()
        if (error instanceof ZtmAgentSilent && silentLooks++ < SILENT_LOOKS_MAX) return lookWithin(limits.lookAgainMs)
        failed('look', error, () => void lookBack())
      }
    }

    const lookAtAll = async () => {
      const beganAtMs = clock.monotonic()
      try {
        await list('all', 0, abort.signal)
      } catch (error) {
        if (!abort.signal.aborted)
          options.onTrouble(`The whole file index could not be read: ${error instanceof Error ? error.message : error}`)
      }
      // The larger the mesh, the rarer: it keeps agent and hub busy for as long as it takes.
      const restMs = Math.max(limits.fullLookMs, FULL_LOOK_SHARE * (clock.monotonic() - beganAtMs))
      if (!abort.signal.aborted) timers.set('all', jittered(restMs), () => void lookAtAll())
    }

    const goOn = () => {
      for (const wait of waits) begin(wait)
      timers.set('all', jittered(limits.fullLookMs), () => void lookAtAll())
    }

    const lookFirst = async () => {
      try {
        await list('first', 0, abort.signal)
        goOn()
        lookWithin(limits.lookAgainMs)
      } catch (error) {
        failed('first', error, () => void lookFirst())
      }
    }

    const stored = options.stored()
    if (reader.placeMs() === null && stored === null) void lookFirst()
    else {
      if (reader.placeMs() === null && stored) reader.resume(stored)
      void lookBack()
      goOn()
    }
    return () => {
      abort.abort()
      timers.clear()
    }
  })

  return { rounds, sinceMs: () => reader.placeMs() }
}
