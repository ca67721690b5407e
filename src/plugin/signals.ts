import type { Clock } from '../ports/clock.ts'

/** Resolves when the signal has fired. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted ? Promise.resolve() : new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))

/** @throws the signal's reason when it fires first */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await Promise.race([new Promise<void>(resolve => clock.after(ms, resolve)), aborted(signal)])
  signal.throwIfAborted()
}
