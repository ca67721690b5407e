/** No wait is shorter, whatever the dice say: a failure that comes back at once must not spin. */
export const BACKOFF_MS_MIN = 50

export type Backoff = {
  /** Failures in a row, this one included; 1 after the first. */
  readonly failures: number
  /** Longest wait after the first failure; it doubles with each one. */
  readonly baseMs: number
  readonly maxMs: number
  /** 0 <= unit < 1, from the Random port. */
  readonly unit: number
}

/** Full jitter: anything up to the ceiling, so that those who failed together do not come back together. */
export function backoffMs({ failures, baseMs, maxMs, unit }: Backoff): number {
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** Math.max(0, failures - 1))
  return Math.max(BACKOFF_MS_MIN, Math.floor(unit * ceilingMs))
}
