/**
 * A copy of an account's state, taken while its owner goes on writing, lock or not. What a start finds in it is the state of one
 * moment, at or after the beginning of the copy.
 *
 * K1. The snapshot first, the journal after it: a shard gets its name only when all that it contains is durable, so that the journal
 *     that is read later has all of it, and whatever another shard lacks.
 * K2. A fold drops journal only behind its own index: the same index before and after means that nothing that is needed was dropped.
 *     When it is another one, all is done again.
 */
import { StoreUnusable } from '../../domain/errors.ts'
import type { Disk } from '../../ports/disk.ts'
import { ARCHIVE_FOLDER } from './archive.ts'
import { JOURNAL_FOLDER } from './journal.ts'
import { previousPath } from './shard-file.ts'
import { INDEX_PATH, SHARD_FOLDER } from './shards.ts'

export type Copied = { readonly files: number; readonly bytes: number }

/** A fold comes with every few megabytes of journal: ten in a row while this runs is a disk that is too slow. */
const TRIES = 10

/** `to` is empty, and whole when this resolves. @throws {StoreUnusable} when there is no quiet moment between two folds. */
export async function copyState(from: Disk, to: Disk, where = 'the state directory'): Promise<Copied> {
  for (let tries = 0; tries < TRIES; tries++) {
    const index = await readIndex(from)
    const shards = await copyFolder(from, to, SHARD_FOLDER)
    const journal = await copyFolder(from, to, JOURNAL_FOLDER)
    // A shard that went was given its former name, under which it was not listed yet.
    if (shards.gone > 0 || !isSame(index, await readIndex(from))) continue
    // Nothing depends on it: what a fold moves there now is in the journal, or in neither.
    const archive = await copyFolder(from, to, ARCHIVE_FOLDER)
    const all = [shards, journal, archive]
    return { files: sum(all.map(({ files }) => files)), bytes: sum(all.map(({ bytes }) => bytes)) }
  }
  throw new StoreUnusable(
    `The state in ${where} was folded ${TRIES} times while it was copied, and no copy is whole; try again when it is quieter, or stop the bot.`,
    true,
  )
}

/** Between two renames of a fold it has its former name alone. */
const readIndex = async (disk: Disk): Promise<Uint8Array | null> =>
  (await disk.read(INDEX_PATH)) ?? (await disk.read(previousPath(INDEX_PATH)))

/** `gone`: files that were there when the folder was listed, and not when they were read. */
async function copyFolder(from: Disk, to: Disk, folder: string): Promise<Copied & { readonly gone: number }> {
  await to.makeFolder(folder)
  for (const name of await to.list(folder)) await to.remove(`${folder}/${name}`)
  // In the order of their names, which is that of the segments.
  const names = (await from.list(folder)).filter(name => !name.endsWith('.tmp'))
  let files = 0
  let bytes = 0
  for (const name of names) {
    const data = await from.read(`${folder}/${name}`)
    if (!data) continue
    await to.write(`${folder}/${name}`, data)
    files += 1
    bytes += data.byteLength
  }
  await to.syncFolder(folder)
  await to.syncFolder('.')
  return { files, bytes, gone: names.length - files }
}

const isSame = (one: Uint8Array | null, other: Uint8Array | null): boolean =>
  one === null || other === null ? one === other : Buffer.compare(one, other) === 0

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
