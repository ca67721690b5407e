import type { Clock } from '../../ports/clock.ts'

/**
 * The timers of something that can be killed (a process, a joined mesh, an app). After `end` none of them runs any more:
 * whatever awaited one of its sleeps simply stops there, as code of a killed process does.
 */
export class Scope {
  readonly #clock: Clock
  readonly #cancels = new Set<() => void>()
  ended = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  after(ms: number, run: () => void): () => void {
    if (this.ended) return () => {}
    const cancelTimer = this.#clock.after(ms, () => {
      this.#cancels.delete(cancel)
      run()
    })
    const cancel = () => {
      this.#cancels.delete(cancel)
      cancelTimer()
    }
    this.#cancels.add(cancel)
    return cancel
  }

  /** Without a delay no timer is set, so that a request which needs no time can be awaited while a virtual clock stands still. */
  sleep(ms: number): Promise<void> {
    if (this.ended) return new Promise(() => {})
    if (ms <= 0) return Promise.resolve()
    return new Promise(resolve => void this.after(ms, resolve))
  }

  end(): void {
    this.ended = true
    for (const cancel of [...this.#cancels]) cancel()
  }
}
