import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { AccountId } from '../../domain/ids.ts'
import type { Store } from '../../ports/store.ts'
import { storeFailure } from './failures.ts'
import { acquireLock } from './lock.ts'
import { type MovedMark, movedAway, readMark } from './moved-mark.ts'
import { createNodeDisk } from './node-disk.ts'
import { openStore, type StoreOptions } from './store.ts'

/** File systems take 255 bytes; a suffix for a temporary name must fit, too. */
const NAME_BYTES_MAX = 200
/** Names that are devices on Windows. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)$/

export interface AccountStoreOptions extends Pick<StoreOptions, 'segmentBytes' | 'shards'> {
  /** The state directory. */
  readonly root: string
  readonly account: AccountId
  /** Somebody else may hold it for so long; whoever opens it waits, and the whole process does. */
  readonly waitMs?: number
  /** Hears of the mark of a move, if there is one; absent: what was moved is refused. */
  readonly onMoved?: (mark: MovedMark) => void
}

/** One account's store in `accounts/ID/` of the state directory. Takes the lock; `close` gives it back. */
export async function openAccountStore({ root, account, waitMs = 0, onMoved, ...options }: AccountStoreOptions): Promise<Store> {
  const folder = `accounts/${accountFolder(account)}`
  const where = join(root, folder)
  const base = createNodeDisk(root)
  try {
    await base.makeFolder(folder)
    for (const made of ['.', 'accounts']) await base.syncFolder(made)
  } catch (cause) {
    throw storeFailure(cause, `Making ${where}`, where)
  }
  const lease = await acquireLock(where, where, waitMs)
  try {
    const disk = createNodeDisk(where)
    const mark = await readMark(disk, where)
    if (mark !== null && !onMoved) throw movedAway(mark, where)
    if (mark !== null) onMoved?.(mark)
    return await openStore({ disk, where, lease, ...options })
  } catch (error) {
    await lease.release()
    throw storeFailure(error, 'Opening the state', where)
  }
}

/**
 * A file name for an account: small letters, digits, `-` and `_` stand for themselves, every other byte is `%` and two small hex digits.
 * Two accounts never share one, also where file names have no case.
 */
export function accountFolder(account: AccountId): string {
  const name = DEVICE.test(account) ? escaped(account.charAt(0)) + account.slice(1) : account.replace(/[^a-z0-9_-]+/g, escaped)
  if (name.length > NAME_BYTES_MAX) return `${name.slice(0, 100)}~${createHash('sha256').update(account).digest('hex')}`
  return name || '%'
}

const escaped = (text: string): string => Buffer.from(text).toString('hex').replace(/../g, '%$&')
