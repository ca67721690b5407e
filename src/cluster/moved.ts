/** Objects whose state comes from a state directory, or goes to one. Which of the two answers is always the one that has it last. */
import { type ObjectContext, TerminalError } from '@restatedev/restate-sdk'
import { SHARD_VERSION } from '../adapters/store/shard-file.ts'
import type { Adopted, Left } from './contracts.ts'
import { isGone, type Kept, type Move, readKept, writeKept } from './kept.ts'
import { noTimers } from './timers.ts'

const CONFLICT = { errorCode: 409 }

export const goneFrom = (key: string): TerminalError =>
  new TerminalError(`"${key}" was moved to a state directory, where it is answered for.`, CONFLICT)

/** @throws TerminalError */
export function sameVersion(version: number): void {
  if (version !== SHARD_VERSION)
    throw new TerminalError(
      `The state has version ${version}, and the services know version ${SHARD_VERSION} only; bring both to the same release.`,
      CONFLICT,
    )
}

/** Moves are made by hand: nobody makes so many, and then repeats the first. */
export const SPENT_MAX = 100

/** Imports that are of the past once the move that follows `last` has begun. */
export function spentBy(last: Move | null): readonly string[] {
  const spent = last?.spent ?? []
  return last?.way === 'in' ? [...spent, last.move].slice(-SPENT_MAX) : spent
}

/** What it would bring is older than what was moved out since. @throws TerminalError */
export function notSpent(key: string, last: Move | null, move: string): void {
  if (spentBy(last).includes(move))
    throw new TerminalError(
      `What this import brought of the account "${key}" was moved out of the fleet since; import the folder that it went to, or remove moved.json beside this state to move it in as it was then.`,
      CONFLICT,
    )
}

// What wakes it and is on its way must find another number.
const stopped = ({ timers }: Kept): Kept['timers'] => ({ ...noTimers, sent: timers.sent })

/** What is kept from now on; null: this very move has brought it before. @throws TerminalError when it has a state of its own. */
export function adopting(key: string, kept: Kept, { move, version, stored }: Adopted): Kept | null {
  sameVersion(version)
  if (kept.moved?.way === 'in' && kept.moved.move === move) return null
  if (kept.stored !== null && !isGone(kept))
    throw new TerminalError(
      `"${key}" has a state of its own in the fleet, which was left as it is; take that to a state directory first ("ztm-chat fleet export").`,
      CONFLICT,
    )
  return { ...kept, stored, timers: stopped(kept), feeder: null, moved: { way: 'in', move } }
}

/** Gives it out, as often as it is asked for; nothing is done here any more. */
export async function leave(ctx: ObjectContext): Promise<Left> {
  const kept = await readKept(ctx)
  if (kept.stored !== null && !isGone(kept)) writeKept(ctx, { ...kept, timers: stopped(kept), moved: { way: 'out' } })
  return { version: kept.version, stored: kept.stored }
}
