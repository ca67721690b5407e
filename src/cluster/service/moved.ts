/** Objects whose state comes from a state directory, or goes to one. Which of the two answers is always the one that has it last. */
import { type ObjectContext, TerminalError } from '@restatedev/restate-sdk'
import { SHARD_VERSION } from '../../adapters/store/shard-file.ts'
import { sentenceOf } from '../../domain/errors.ts'
import type { Json } from '../../domain/json.ts'
import type { Limits } from '../../domain/limits.ts'
import { step } from '../../runtime/cell.ts'
import type { Subject } from '../../runtime/parse-record.ts'
import type { Adopted, Left, Move } from '../contracts.ts'
import { isGone, type Kept, readKept, writeKept } from '../kept.ts'
import { noTimers } from '../timers.ts'

export const conflict = (sentence: string): TerminalError => new TerminalError(sentence, { errorCode: 409 })

export const goneFrom = (key: string): TerminalError => conflict(`"${key}" was moved to a state directory, where it is answered for.`)

/** Why nothing may begin for an account; null: all of it is here. What began would be done by nobody, or be in the way of an import. */
export function notHere(account: string, last: Move | null): TerminalError | null {
  if (last?.way === 'out') return goneFrom(account)
  if (last === null || last.isOver) return null
  return conflict(`"${account}" has not all come from its state directory; repeat "ztm-chat fleet import" there, and then this.`)
}

/** Whether an account takes what this move brings; false: it has taken it before. @throws TerminalError when it must not come. */
export function isComing(account: string, last: Move | null, hasState: boolean, move: string): boolean {
  if (last?.way === 'in' && last.move === move) return false
  if (last?.way === 'in' && !last.isOver)
    throw conflict(`Another import of the account "${account}" has begun; end that one, or take it out with "ztm-chat fleet export".`)
  if (spentBy(last).includes(move))
    throw conflict(
      `What this import brought of the account "${account}" was moved out of the fleet since; import the folder that it went to, or remove moved.json beside this state to move it in as it was then.`,
    )
  if (hasState && last?.way !== 'out')
    throw conflict(
      `The account "${account}" has a state of its own in the fleet, which was left as it is; take that to a state directory first ("ztm-chat fleet export").`,
    )
  return true
}

/** @throws TerminalError */
export function sameVersion(version: number): void {
  if (version !== SHARD_VERSION)
    throw conflict(`The state has version ${version}, and the services know version ${SHARD_VERSION} only; bring both to the same release.`)
}

/** Moves are made by hand: nobody makes so many, and then repeats the first. */
export const SPENT_MAX = 100

/** Imports that are of the past once the move that follows `last` has begun. */
export function spentBy(last: Move | null): readonly string[] {
  const spent = last?.spent ?? []
  return last?.way === 'in' ? [...spent, last.move].slice(-SPENT_MAX) : spent
}

// What wakes it and is on its way must find another number.
const stopped = ({ timers }: Kept): Kept['timers'] => ({ ...noTimers, sent: timers.sent })

/** What the charts cannot go on with would be tried for ever, and hold up whatever else comes for it. @throws TerminalError */
export function mustGoOn(key: string, subject: Subject, stored: Json, limits: Limits): void {
  if (stored === null) return
  try {
    step({ subject, stored, inputs: [{ to: 'resume' }], atMs: 0, limits })
  } catch (error) {
    throw new TerminalError(`The state of "${key}" is none that this release can go on with (${sentenceOf(error)}).`, { errorCode: 400 })
  }
}

/** What is kept from now on; null: this very move has brought it before. @throws TerminalError when it has a state of its own. */
export function adopting(key: string, kept: Kept, { move, version, stored }: Adopted): Kept | null {
  sameVersion(version)
  if (kept.moved?.way === 'in' && kept.moved.move === move) return null
  if (kept.stored !== null && !isGone(kept))
    throw conflict(
      `"${key}" has a state of its own in the fleet, which was left as it is; take that to a state directory first ("ztm-chat fleet export").`,
    )
  return { ...kept, stored, timers: stopped(kept), feeder: null, moved: { way: 'in', move } }
}

/** Gives it out, as often as it is asked for; nothing is done here any more. */
export async function leave(ctx: ObjectContext): Promise<Left> {
  const kept = await readKept(ctx)
  if (kept.stored !== null && !isGone(kept)) writeKept(ctx, { ...kept, timers: stopped(kept), moved: { way: 'out' } })
  return { version: kept.version, stored: kept.stored }
}
