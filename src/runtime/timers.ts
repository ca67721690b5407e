import type { Clock } from '../ports/clock.ts'

/** Named deadlines on the account's clock. Setting a name again replaces it. */
export interface Timers {
  set(name: string, delayMs: number, run: () => void): void
  cancel(name: string): void
  clear(): void
}

export function createTimers(clock: Clock): Timers {
  const cancels = new Map<string, () => void>()
  return {
    set(name, delayMs, run) {
      cancels.get(name)?.()
      cancels.set(
        name,
        clock.after(delayMs, () => {
          cancels.delete(name)
          run()
        }),
      )
    },
    cancel(name) {
      cancels.get(name)?.()
      cancels.delete(name)
    },
    clear() {
      for (const cancel of cancels.values()) cancel()
      cancels.clear()
    },
  }
}
