/**
 * An object's timers. Each is a message to itself, sent for later, which cannot be taken back: it carries a number, and does nothing when
 * the timer of its name has another one by then, or none.
 */

export type Timers = {
  /** So many were set so far: no number comes twice. */
  readonly made: number
  readonly running: readonly Timer[]
}
export type Timer = { readonly name: string; readonly number: number }

export const noTimers: Timers = { made: 0, running: [] }

const without = ({ running }: Timers, name: string) => running.filter(timer => timer.name !== name)

/** Replaces the one of the same name. */
export function setTimer(timers: Timers, name: string): { readonly timers: Timers; readonly timer: Timer } {
  const timer = { name, number: timers.made + 1 }
  return { timers: { made: timer.number, running: [...without(timers, name), timer] }, timer }
}

export const stopTimer = (timers: Timers, name: string): Timers => ({ ...timers, running: without(timers, name) })

export const isRunning = ({ running }: Timers, fired: Timer): boolean =>
  running.some(({ name, number }) => name === fired.name && number === fired.number)
