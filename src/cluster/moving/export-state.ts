/**
 * The state of an account in a fleet becomes a state directory.
 *
 * E1. The mark comes first, and goes last: what is not whole is not run.
 * E2. No feeder has the account, nor gets it. Each chat and request that has given its state out does nothing in the fleet any more, so
 *     that what comes late, an answer for one, is dropped: whoever runs the state asks again under the same id.
 * E3. The account gives its state out last: an approval that was under way is in it.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { accountFolder, openAccountStore } from '../../adapters/store/account-store.ts'
import { type MovedMark, movedAway, removeMark, writeMark } from '../../adapters/store/moved-mark.ts'
import { createNodeDisk } from '../../adapters/store/node-disk.ts'
import { SHARD_VERSION } from '../../adapters/store/shard-file.ts'
import type { Json } from '../../domain/json.ts'
import type { FoldSource, Store } from '../../ports/store.ts'
import type { Left } from '../contracts.ts'
import { keyIn } from '../keys.ts'
import { moveOf } from '../look.ts'
import { asked, forEachOf, keptIn, type MovedState, type MoveOptions, NotMoved } from './move.ts'

/** Begun again after a failure, it begins anew and ends the same; null: the fleet never had the account. @throws {NotMoved | StoreUnusable} */
export async function exportState(options: MoveOptions): Promise<MovedState | null> {
  const { settings, stateDir, fleet, engine, tables } = options
  const { id: account } = settings
  if ((await tables.rows('account', account).next()).done === true) return null
  const found: MovedMark[] = []
  const store = await openAccountStore({ root: stateDir, account, onMoved: mark => found.push(mark) })
  const where = join(stateDir, 'accounts', accountFolder(account))
  const disk = createNodeDisk(where)
  try {
    const [former] = found
    if (former?.way === 'to fleet') throw movedAway(former, where)
    const loaded = await store.load()
    if (!former && (loaded.entries.size > 0 || loaded.lastSeq > 0))
      throw new NotMoved(`There is a state in ${where} already, which was left as it is; name an empty folder with --state-dir.`)
    const mark: MovedMark = former ?? { way: 'from fleet', move: randomUUID(), fleet, since: new Date().toISOString(), isOver: false }
    if (!former) await writeMark(disk, mark)
    const { move } = mark
    const newest = await moveOf(tables, account)
    const isPart = newest?.way === 'in' && !newest.isOver
    const leaving = () => asked(engine, ['account', account, 'leave'], { move })
    try {
      known(await leaving())
    } catch (error) {
      if (!former && error instanceof NotMoved && error.isRefusal) await removeMark(disk)
      throw error
    }
    const { entries, ...counts } = await gather(options)
    const { stored } = known(await leaving())
    if (stored !== null) entries.set('account', JSON.stringify(stored))
    await write(store, entries, new Set(loaded.entries.keys()), loaded.lastSeq)
    await asked(engine, ['account', account, 'left'], { move })
    await removeMark(disk)
    return { ...counts, problems: isPart ? [...loaded.problems, partOf(account)] : loaded.problems }
  } finally {
    await store.close()
  }
}

const partOf = (account: string): string =>
  `The import of the account "${account}" had not come to its end; what it had not brought is in the folder that it was called for, and not in this one.`

type Gathered = Omit<MovedState, 'problems'> & { readonly entries: Map<string, string> }

async function gather({ settings: { id: account }, engine, tables, onProgress }: MoveOptions): Promise<Gathered> {
  const entries = new Map<string, string>()
  let [done, all] = [0, 0]
  const take = async (kind: 'chat' | 'pairing'): Promise<number> => {
    const names = [...(await keptIn(tables, kind, account)).keys()]
    const before = entries.size
    all += names.length
    await forEachOf(names, async name => {
      const { stored } = known(await asked(engine, [kind, keyIn(account, name), 'leave']))
      // As texts: a quarter of what they take as objects.
      if (stored !== null) entries.set(`${kind}:${name}`, JSON.stringify(stored))
      onProgress(++done, all)
    })
    return entries.size - before
  }
  // A chat that is gone opens no request any more.
  const chats = await take('chat')
  const requests = await take('pairing')
  return { entries, chats, requests }
}

function known(answer: Json): Left {
  const left = answer as unknown as Left
  if (left.version === SHARD_VERSION) return left
  throw new NotMoved(
    `The fleet has state of version ${left.version}, and this program knows version ${SHARD_VERSION} only; use the release that the services have.`,
  )
}

/** `former`: keys that an export before this one may have left there. */
async function write(store: Store, entries: ReadonlyMap<string, string>, former: ReadonlySet<string>, seq: number): Promise<void> {
  const source: FoldSource = {
    seq: () => seq,
    keys: () => entries.keys(),
    dirty: () => new Set([...entries.keys(), ...former]),
    read(key) {
      const entry = entries.get(key)
      return entry === undefined ? undefined : (JSON.parse(entry) as Json)
    },
  }
  await store.compact(source)
}
