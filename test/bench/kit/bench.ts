/** What a benchmark is, and what it finds. */
import { LIMITS } from '../../../src/domain/limits.ts'

/** `smoke`: as little as shows that it still runs. */
export type Size = 'full' | 'smoke'

export type Row = {
  readonly figure: string
  readonly value: number
  readonly unit: string
  /** The same of the plain loop, in the same run. */
  readonly loop?: number
  /** What it is measured by, in the same run: where nothing else is said, an HTTP round trip and an fdatasync. */
  readonly against?: number
  readonly atMost?: number
  readonly atLeast?: number
  /** Stands in the README. */
  readonly isMain?: boolean
}

export type Found = { readonly rows: readonly Row[]; readonly plot?: string }

export type Scenario = {
  readonly name: string
  readonly title: string
  /** Which limits differ from their defaults. */
  readonly limits: string
  run(size: Size): Promise<Found>
}

export const DEFAULTS = 'default limits'

/** Few users who write much, each answered at once, look like bots that talk to each other. */
export const NO_GUARD = { loopAlternations: 1_000_000 }
export const WITHOUT_GUARD = `loopAlternations ${NO_GUARD.loopAlternations} (${LIMITS.loopAlternations})`

/** Resources that are given back in the reverse order, whatever happens. */
export async function using<Result>(use: (defer: (end: () => Promise<unknown>) => void) => Promise<Result>): Promise<Result> {
  const ends: (() => Promise<unknown>)[] = []
  try {
    return await use(end => void ends.push(end))
  } finally {
    for (const end of ends.reverse()) await end()
  }
}
