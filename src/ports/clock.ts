export interface Clock {
  /** Wall clock, ms since 1970. May jump either way; use it for expiry and dates only. */
  now(): number
  /** Ms since an arbitrary start, never goes back. Use it for backoff and latencies. */
  monotonic(): number
  /** Runs `run` once, `delayMs` ms of monotonic time from now. Returns its cancel; cancelling twice is harmless. */
  after(delayMs: number, run: () => void): () => void
}
