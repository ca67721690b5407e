/** What a start would find damaged in an account's state at rest. Nothing is locked, and nothing is changed. */
import { join } from 'node:path'
import type { AccountId } from '../../domain/ids.ts'
import type { Disk, DiskFile } from '../../ports/disk.ts'
import { accountFolder } from './account-store.ts'
import { storeFailure } from './failures.ts'
import { loadState } from './load.ts'
import { createNodeDisk } from './node-disk.ts'
import { DAMAGED_FOLDER } from './set-aside.ts'
import { SHARDS } from './shards.ts'

export type Damage = {
  /** What the next start would say, one sentence for each file. */
  readonly found: readonly string[]
  /** Files that earlier starts have set aside. */
  readonly setAside: number
}

/** @throws {StoreUnusable} when the state cannot be read, or is of a newer version. */
export const lookForDamage = (root: string, account: AccountId): Promise<Damage> => lookInto(join(root, 'accounts', accountFolder(account)))

/** The same, for the folder of an account. */
export async function lookInto(where: string): Promise<Damage> {
  const disk = createNodeDisk(where)
  try {
    const { loaded } = await loadState(readOnly(disk), where, SHARDS)
    return { found: loaded.problems, setAside: (await disk.list(DAMAGED_FOLDER)).length }
  } catch (cause) {
    throw storeFailure(cause, 'Reading the state', where)
  }
}

/** The same files, on which every change succeeds and does nothing. */
function readOnly(disk: Disk): Disk {
  const nothing = async () => {}
  const file: DiskFile = { size: () => 0, write: nothing, sync: nothing, truncate: nothing, close: nothing }
  return { ...disk, makeFolder: nothing, append: async () => file, write: nothing, rename: nothing, remove: nothing, syncFolder: nothing }
}
