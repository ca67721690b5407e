/** One invocation of an object: what came in, and whatever follows from it at once, step by step; then what there is now is kept. */
import type { ObjectContext } from '@restatedev/restate-sdk'
import type { Json } from '../../domain/json.ts'
import type { Limits } from '../../domain/limits.ts'
import { type Input, openCell } from '../../runtime/cell.ts'
import type { Asked } from '../../runtime/effects.ts'
import type { Subject } from '../../runtime/parse-record.ts'
import { type Kept, writeKept } from '../kept.ts'
import { keepPast } from '../past.ts'
import { setTimer, type Timer, type Timers, type Wake } from '../timers.ts'

/** What is kept, while it changes. */
export type Draft = { readonly stored: () => Json; timers: Timers }

export type Advance = {
  readonly subject: Subject
  readonly limits: Limits
  readonly kept: Kept
  readonly inputs: readonly Input[]
  /** Wall clock, ms. */
  readonly atMs: number
  /** Sets an effect going, durably. What answers it at once is given back; everything else comes as an invocation of its own. */
  readonly perform: (asked: Asked, draft: Draft) => Promise<readonly Input[]> | readonly Input[]
}

/** Gives back what is kept then. Whatever it asks of `ctx` depends on what came in, and on nothing else: Restate runs it again after a crash. */
export async function advance(ctx: ObjectContext, { subject, limits, kept, inputs, atMs, perform }: Advance): Promise<Json> {
  const cell = openCell({ subject, stored: kept.stored, atMs, limits })
  try {
    const draft: Draft = { stored: cell.read, timers: kept.timers }
    for (let coming = inputs; coming.length > 0; ) {
      const asked = cell.tell(coming)
      const answers: Input[] = []
      for (const one of asked) answers.push(...(await perform(one, draft)))
      coming = answers
    }
    const stored = cell.read()
    writeKept(ctx, { ...kept, stored, timers: draft.timers })
    await keepPast(ctx, cell.applied(), atMs)
    return stored
  } finally {
    cell.close()
  }
}

/** What is to be sent to the object itself, for later. */
export function startTimer(draft: Draft, timer: Timer): Wake | null {
  const { timers, send } = setTimer(draft.timers, timer)
  draft.timers = timers
  return send
}
