/**
 * An object's timers. What wakes it is a message to itself, sent for later, which cannot be taken back: one that is on its way is used for
 * whatever is due later, too, and does nothing when a sooner one was sent after it.
 */
import type { Input } from '../runtime/cell.ts'

export type Timer = {
  readonly name: string
  /** Wall clock, ms. */
  readonly atMs: number
  /** Null: the name says it all. */
  readonly input: Input | null
}
/** `number`: none comes twice. */
export type Wake = { readonly number: number; readonly atMs: number }

export type Timers = {
  /** At most one of a name. */
  readonly running: readonly Timer[]
  /** The newest that was sent, and has not come. */
  readonly wake: Wake | null
  /** So many were sent. */
  readonly sent: number
}

export const noTimers: Timers = { running: [], wake: null, sent: 0 }

/** `send`: null when the wake that is on its way comes in time. */
export type Armed = { readonly timers: Timers; readonly send: Wake | null }

/** Replaces the one of the same name. */
export const setTimer = (timers: Timers, timer: Timer): Armed =>
  arm({ ...timers, running: [...timers.running.filter(({ name }) => name !== timer.name), timer] })

/** Null: a sooner one was sent after this one. */
export function wakeUp(timers: Timers, wake: Wake): (Armed & { readonly due: readonly Timer[] }) | null {
  if (timers.wake?.number !== wake.number) return null
  // By the clock that has sent it, which need not be ours.
  const due = timers.running.filter(({ atMs }) => atMs <= wake.atMs)
  return { ...arm({ ...timers, wake: null, running: timers.running.filter(timer => !due.includes(timer)) }), due }
}

function arm(timers: Timers): Armed {
  const { running, wake, sent } = timers
  if (running.length === 0) return { timers, send: null }
  const atMs = Math.min(...running.map(timer => timer.atMs))
  if (wake !== null && wake.atMs <= atMs) return { timers, send: null }
  const send = { number: sent + 1, atMs }
  return { timers: { running, wake: send, sent: send.number }, send }
}
