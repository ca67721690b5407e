/** A file beside an account's state that says that the state is not to be run: it was moved into a fleet, or has not all come from one. */
import { join } from 'node:path'
import { z } from 'zod'
import { StoreUnusable } from '../../domain/errors.ts'
import type { Disk } from '../../ports/disk.ts'

/** Its name. */
export const MARK = 'moved.json'

const mark = z.object({
  way: z.enum(['to fleet', 'from fleet']),
  /** One move, however often it is begun anew. */
  move: z.string().min(1),
  /** The fleet's ingress. */
  fleet: z.string(),
  /** When it began, ISO 8601. */
  since: z.string(),
  isOver: z.boolean(),
})
export type MovedMark = z.infer<typeof mark>

/** Null: it may be run. @throws {StoreUnusable} */
export async function readMark(disk: Disk, where: string): Promise<MovedMark | null> {
  const data = await disk.read(MARK)
  if (data === null) return null
  try {
    return mark.parse(JSON.parse(Buffer.from(data).toString()))
  } catch (cause) {
    const path = join(where, MARK)
    throw new StoreUnusable(`${path} is no mark of a move that this version knows; remove it if the state is to be run here.`, false, {
      cause,
    })
  }
}

/** Durable, or what was there before is. */
export async function writeMark(disk: Disk, found: MovedMark): Promise<void> {
  await disk.write(`${MARK}.tmp`, Buffer.from(`${JSON.stringify(found)}\n`))
  await disk.rename(`${MARK}.tmp`, MARK)
  await disk.syncFolder('.')
}

export async function removeMark(disk: Disk): Promise<void> {
  await disk.remove(MARK)
  await disk.syncFolder('.')
}

/** Why the state is not to be run, and how it may be all the same. */
export function movedAway({ way, fleet, since, isOver }: MovedMark, where: string): StoreUnusable {
  const path = join(where, MARK)
  if (way === 'from fleet')
    return new StoreUnusable(
      `The state in ${where} is not whole, for its export from the fleet at ${fleet} (begun ${since}) has not come to its end; repeat "ztm-chat fleet export --ingress ${fleet}".`,
      false,
    )
  return new StoreUnusable(
    isOver
      ? `The state in ${where} was moved into the fleet at ${fleet} (${since}), which answers now; move it back into a folder of its own with "ztm-chat fleet export --state-dir NEW --ingress ${fleet}", or remove ${path} to run it here all the same.`
      : `The state in ${where} is on its way into the fleet at ${fleet} (since ${since}); repeat "ztm-chat fleet import --ingress ${fleet}", or remove ${path} if nothing of it is there.`,
    false,
  )
}
