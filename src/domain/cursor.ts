/**
 * What was consumed of a chat, sender by sender: `time` is the sender's clock, and clocks are wrong.
 *
 * R1. At or below a sender's floor is old; above it and unknown is new, however late it comes.
 * R2. Floors only rise: with the age fence behind the later of our view and the sender's own progress, and when there are too
 *     many ids. Ids at or below the floor are dropped, and what they named stays old by R1.
 * R3. A message dated far in the future is known by its id alone: it moves no floor, and hides nothing that comes after it.
 *
 * `remember` changes the cursor that it is given, because copying 10,000 ids for each message is too slow: the cursor has one
 * owner. `look` at a whole batch before remembering any of it, or go in order of time: progress moves the floor.
 */
import type { MessageId, UserName } from './ids.ts'
import type { Limits } from './limits.ts'

export type CursorLimits = Pick<Limits, 'ageFenceMs' | 'seenPerSender' | 'futurePerSender'>

/** Time first, so that sorted pairs are in the order in which they are dropped. */
type Known = [timeMs: number, id: MessageId]

type SenderCursor = {
  /** What this sender's own progress and the bound on ids have added to the chat's floor. */
  floorMs: number
  /** Sorted by time, then id. */
  seen: Known[]
  /** In the order of arrival. */
  future: Known[]
}

/** Plain JSON. `floorMs` holds for every sender, unknown ones included. */
export type Cursor = {
  floorMs: number
  /** By `=name`: with a sign before it no name means anything to JavaScript (`__proto__`). */
  senders: { [key: `=${string}`]: SenderCursor }
}

export type CursorMessage = { readonly id: MessageId; readonly sender: UserName; readonly timeMs: number }

/**
 * `too_old` is at or below the floor, and may have been seen or not; `missed` is above it and was never seen, but older than the age
 * fence allows by now. `future` is new, too; `future_full` means that there is no room to remember it.
 */
export type Look = 'new' | 'seen' | 'too_old' | 'missed' | 'future' | 'future_full'

export const emptyCursor = (floorMs: number): Cursor => ({ floorMs, senders: {} })

/** Two readings of our wall clock, ms. */
export type CursorClock = {
  /** Now: tells what is dated in the future. */
  readonly nowMs: number
  /** The last moment at which the account had seen everything; now, when left out. The floor follows it: an outage makes nothing old. */
  readonly liveMs?: number
}

export function look(
  cursor: Cursor,
  message: CursorMessage,
  { nowMs, liveMs = nowMs, limits }: CursorClock & { readonly limits: CursorLimits },
): Look {
  const { id, timeMs } = message
  const sender = cursor.senders[keyOf(message.sender)]
  if (sender && knows(sender, timeMs, id)) return 'seen'
  if (timeMs <= Math.max(cursor.floorMs, sender?.floorMs ?? cursor.floorMs)) return 'too_old'
  if (timeMs <= liveMs - limits.ageFenceMs) return 'missed'
  if (!isFuture(timeMs, nowMs, limits)) return 'new'
  return roomForFuture(sender, nowMs, limits) ? 'future' : 'future_full'
}

/** Afterwards `look` never again calls this message new (but for a `future_full` one, once its time comes). Returns the cursor given. */
export function remember(cursor: Cursor, message: CursorMessage & CursorClock, limits: CursorLimits): Cursor {
  const { id, timeMs, nowMs, liveMs = nowMs } = message
  raiseChatFloor(cursor, liveMs - limits.ageFenceMs, limits)
  const key = keyOf(message.sender)
  const sender = cursor.senders[key] ?? { floorMs: cursor.floorMs, seen: [], future: [] }
  cursor.senders[key] = sender

  letFutureArrive(sender, nowMs, limits)
  if (timeMs > sender.floorMs && !knows(sender, timeMs, id)) {
    if (!isFuture(timeMs, nowMs, limits)) {
      insert(sender.seen, [timeMs, id])
      sender.floorMs = Math.max(sender.floorMs, timeMs - limits.ageFenceMs)
    } else if (sender.future.length < limits.futurePerSender) sender.future.push([timeMs, id])
  }
  forgetOld(sender, cursor.floorMs, limits)
  if (isIdle(sender, cursor.floorMs)) delete cursor.senders[key]
  return cursor
}

/** What a GET must reach back to. No sender's floor is lower, and somebody who has never written starts here. */
export const lowestFloor = (cursor: Cursor): number => cursor.floorMs

/** Senders who have fallen silent are tidied up this often within one age fence. */
const SWEEPS_PER_FENCE = 24

function raiseChatFloor(cursor: Cursor, floorMs: number, limits: CursorLimits): void {
  if (floorMs <= cursor.floorMs) return
  const stepMs = limits.ageFenceMs / SWEEPS_PER_FENCE
  const isDue = Math.floor(floorMs / stepMs) > Math.floor(cursor.floorMs / stepMs)
  cursor.floorMs = floorMs
  if (!isDue) return
  for (const key of Object.keys(cursor.senders) as `=${string}`[]) {
    const sender = cursor.senders[key]
    if (!sender) continue
    forgetOld(sender, floorMs, limits)
    if (isIdle(sender, floorMs)) delete cursor.senders[key]
  }
}

/** Says no more than the chat's floor does. */
const isIdle = ({ floorMs, seen, future }: SenderCursor, chatFloorMs: number): boolean =>
  floorMs <= chatFloorMs && seen.length === 0 && future.length === 0

/** More than half the fence ahead: so far a clock may be wrong before it stops moving the floor. */
const isFuture = (timeMs: number, nowMs: number, { ageFenceMs }: CursorLimits): boolean => timeMs > nowMs + ageFenceMs / 2

/** Those whose time has come count no more, even before `remember` tidies up. */
const roomForFuture = (sender: SenderCursor | undefined, nowMs: number, limits: CursorLimits): boolean =>
  (sender?.future.filter(([timeMs]) => isFuture(timeMs, nowMs, limits)).length ?? 0) < limits.futurePerSender

/** What was the future and is not any more makes room, still without moving the floor. */
function letFutureArrive(sender: SenderCursor, nowMs: number, limits: CursorLimits): void {
  if (sender.future.every(([timeMs]) => isFuture(timeMs, nowMs, limits))) return
  for (const known of sender.future) if (!isFuture(known[0], nowMs, limits)) insert(sender.seen, known)
  sender.future = sender.future.filter(([timeMs]) => isFuture(timeMs, nowMs, limits))
}

function forgetOld(sender: SenderCursor, chatFloorMs: number, { seenPerSender }: CursorLimits): void {
  const overflow = sender.seen.length - seenPerSender
  if (overflow > 0) sender.floorMs = Math.max(sender.floorMs, sender.seen[overflow - 1]![0])
  sender.floorMs = Math.max(sender.floorMs, chatFloorMs)
  const kept = sender.seen.findIndex(([timeMs]) => timeMs > sender.floorMs)
  sender.seen.splice(0, kept < 0 ? sender.seen.length : kept)
  if (sender.future.some(([timeMs]) => timeMs <= sender.floorMs)) {
    sender.future = sender.future.filter(([timeMs]) => timeMs > sender.floorMs)
  }
}

const keyOf = (sender: UserName): `=${string}` => `=${sender}`

function knows({ seen, future }: SenderCursor, timeMs: number, id: MessageId): boolean {
  const found = seen[placeOf(seen, timeMs, id)]
  return (found?.[0] === timeMs && found[1] === id) || future.some(known => known[1] === id)
}

const insert = (seen: Known[], known: Known): void => {
  seen.splice(placeOf(seen, known[0], known[1]), 0, known)
}

/** Where it is, or would be. */
function placeOf(seen: readonly Known[], timeMs: number, id: MessageId): number {
  let low = 0
  let high = seen.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const [middleMs, middleId] = seen[middle]!
    if (middleMs < timeMs || (middleMs === timeMs && middleId < id)) low = middle + 1
    else high = middle
  }
  return low
}
