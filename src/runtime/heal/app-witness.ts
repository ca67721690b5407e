/**
 * Is the chat app frozen? Message files show what it must show, too, within a second or so. It loses single messages for good
 * and stalls for half a minute, which is no proof: a frozen app shows nothing at all of what has reached the mesh since.
 */
import type { ChatId, UserName } from '../../domain/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ChatSummary } from '../../ports/ztm-agent.ts'

export interface Comparison {
  /** One chat of its list. */
  take(summary: Pick<ChatSummary, 'chat' | 'time'>): void
  /** A sentence when it is proven to be frozen; null otherwise. */
  end(): string | null
}

export interface AppWitness {
  /** A message file was read. `timeMs`: of its newest message, by the writer's clock; `sinceMs`: when the hub learnt of it. */
  saw(message: { readonly chat: ChatId; readonly sender: UserName; readonly timeMs: number; readonly sinceMs: number }): void
  /** The hub was away for a while: that is what freezes it. */
  noteOutage(): void
  /** It has seen what the chat app is to show. */
  isWaiting(): boolean
  /** Compares with what the chat app shows. */
  compare(): Comparison
  /** A fresh chat app has taken its place. */
  reset(): void
}

/** It was seen to stall for 36 s. */
const STALL_MS = 60_000
/** Changes in a row of which it shows none. Losses come singly, one in five at worst: five in a row are no accident. */
const UNSHOWN = 5
/** An outage of a few seconds is mostly enough to freeze it. */
const UNSHOWN_AFTER_OUTAGE = 2
/** What reaches the hub within this is one change to the chat app. */
const ONE_CHANGE_MS = 1_000
/** Kept at once; the first are enough for a proof. */
const SIGHTINGS_MAX = 64

type Sighting = {
  readonly chat: ChatId
  readonly sender: UserName
  readonly timeMs: number
  readonly sinceMs: number
  readonly seenAtMs: number
}

export function createAppWitness(clock: Clock): AppWitness {
  let sightings: Sighting[] = []
  let outage = false

  const noteLife = (shown: Sighting) => {
    // Whatever came before it and is not shown was lost, which happens.
    sightings = sightings.filter(({ sinceMs }) => sinceMs > shown.sinceMs)
    outage = false
  }

  return {
    saw({ chat, sender, timeMs, sinceMs }) {
      if (sightings.length >= SIGHTINGS_MAX) return
      if (sightings.some(one => one.chat === chat && one.sender === sender && one.timeMs >= timeMs)) return
      sightings.push({ chat, sender, timeMs, sinceMs, seenAtMs: clock.monotonic() })
    },
    isWaiting: () => sightings.length > 0,
    noteOutage() {
      // What it has shown before says nothing about how it is now.
      sightings = []
      outage = true
    },
    compare() {
      // What is seen meanwhile waits for the next look.
      const awaited = new Set(sightings.map(({ chat }) => chat))
      const shown = new Map<ChatId, number>()
      return {
        take({ chat, time }) {
          if (awaited.has(chat)) shown.set(chat, time)
        },
        end() {
          const newest = sightings
            .filter(({ chat, timeMs }) => shown.get(chat) === timeMs)
            .sort((one, other) => other.sinceMs - one.sinceMs)[0]
          if (newest) noteLife(newest)
          // A later time, of a wrong clock perhaps, hides whether it is shown; and so does a group's missing name.
          sightings = sightings.filter(
            ({ chat, timeMs }) => (shown.get(chat) ?? 0) < timeMs && (shown.has(chat) || !awaited.has(chat) || chat.startsWith('peer:')),
          )
          const nowMs = clock.monotonic()
          const unshown = sightings
            .filter(({ seenAtMs }) => nowMs - seenAtMs >= STALL_MS)
            .map(({ sinceMs }) => sinceMs)
            .sort((one, other) => one - other)
          let changes = 0
          let countedMs = Number.NEGATIVE_INFINITY
          for (const sinceMs of unshown) {
            if (sinceMs - countedMs < ONE_CHANGE_MS) continue
            changes += 1
            countedMs = sinceMs
          }
          if (changes < (outage ? UNSHOWN_AFTER_OUTAGE : UNSHOWN)) return null
          return 'The chat app of the ZTM agent is frozen: it shows nothing of what message files have had for a while.'
        },
      }
    },
    reset() {
      sightings = []
      outage = false
    },
  }
}
