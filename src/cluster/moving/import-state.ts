/**
 * The state of a stopped bot becomes that of a fleet.
 *
 * I1. The mark comes first: from then on nobody runs the state here, whatever becomes of the import.
 * I2. The account comes next, and no feeder gets it before the rest is there: one that read the mesh without what its chats remember
 *     would answer anew.
 * I3. Requests come before the chats that wait for them, and go on after them: an end of theirs is about what the chats hold.
 * I4. What was moved out of the fleet before and is not in the state any more was forgotten here: the fleet forgets it, too.
 * I5. What has left the fleet after an import is newer than what that import has brought, which therefore never comes again.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { accountFolder, openAccountStore } from '../../adapters/store/account-store.ts'
import { MARK, type MovedMark, movedAway, removeMark, writeMark } from '../../adapters/store/moved-mark.ts'
import { createNodeDisk } from '../../adapters/store/node-disk.ts'
import { SHARD_VERSION } from '../../adapters/store/shard-file.ts'
import type { Json } from '../../domain/json.ts'
import type { StoredAccount } from '../../runtime/account-entry.ts'
import type { StoredChat } from '../../runtime/entries.ts'
import { type State, stateOf } from '../../runtime/replay.ts'
import type { Adopted } from '../contracts.ts'
import { keyIn } from '../keys.ts'
import { moveOf } from '../look.ts'
import { asked, forEachOf, type Here, keptIn, type MovedState, type MoveOptions, NotMoved } from './move.ts'

/** Another command that was called at the same time is done by then. */
const OTHERS_TAKE_MS = 5_000

/** Begun again after a failure, it goes on where that one ended. @throws {NotMoved | StoreUnusable} */
export async function importState(options: MoveOptions): Promise<MovedState> {
  const { settings, stateDir } = options
  const { id: account, limits } = settings
  const found: MovedMark[] = []
  const store = await openAccountStore({ root: stateDir, account, waitMs: OTHERS_TAKE_MS, onMoved: mark => found.push(mark) })
  const where = join(stateDir, 'accounts', accountFolder(account))
  try {
    const [mark] = found
    if (mark?.way === 'from fleet') throw movedAway(mark, where)
    if (mark?.isOver) await refuseOlder(options, mark, where)
    const loaded = await store.load()
    const state = stateOf(loaded, limits)
    try {
      return { ...(await take(options, state, where, mark ?? null)), problems: [...loaded.problems, ...state.problems] }
    } finally {
      state.close()
    }
  } finally {
    await store.close()
  }
}

async function take(
  { settings, engine, tables, fleet, onProgress }: MoveOptions,
  state: State,
  where: string,
  found: MovedMark | null,
): Promise<Omit<MovedState, 'problems'>> {
  const { id: account } = settings
  const named = (kind: string) => [...state.keys()].flatMap(key => (key.startsWith(`${kind}:`) ? [key.slice(kind.length + 1)] : []))
  const [chats, requests] = [named('chat'), named('pairing')]
  const chatOf = (name: string) => state.read(`chat:${name}`) as unknown as StoredChat
  let unreadSinceMs = Number.POSITIVE_INFINITY
  for (const name of chats) {
    const { custody = [], unreadSinceMs: sinceMs = null } = chatOf(name)
    if (custody.length > 0)
      throw new NotMoved(
        `OpenClaw's gateway has taken over what was written in ${name} and has not said what became of it, which no fleet can ask it; start the bot there once more, and stop it when that is answered.`,
      )
    unreadSinceMs = Math.min(unreadSinceMs, sinceMs ?? unreadSinceMs)
  }

  const mark: MovedMark = found ?? { way: 'to fleet', move: randomUUID(), fleet, since: new Date().toISOString(), isOver: false }
  const { move } = mark
  const here = { chat: await keptIn(tables, 'chat', account), pairing: await keptIn(tables, 'pairing', account) }
  for (const kept of [here.chat, here.pairing]) refuseOwn(kept, move, account)
  const disk = createNodeDisk(where)
  if (found === null) await writeMark(disk, mark)

  const adopted = (stored: Json): Adopted => ({ move, version: SHARD_VERSION, stored })
  try {
    await asked(engine, ['account', account, 'adopt'], adopted(behind(state.read('account'), unreadSinceMs)))
  } catch (error) {
    // Nothing of it is there.
    if (found === null && error instanceof NotMoved && error.isRefusal) await removeMark(disk)
    throw error
  }
  const all = chats.length + requests.length
  let done = 0
  const give = async (kind: 'chat' | 'pairing', name: string, stored: Json) => {
    await asked(engine, [kind, keyIn(account, name), 'adopt'], adopted(stored))
    if (stored !== null) onProgress(++done, all)
  }
  await forEachOf(requests, user => give('pairing', user, state.read(`pairing:${user}`)))
  await forEachOf(chats, name => give('chat', name, { ...chatOf(name), unreadSinceMs: null } as unknown as Json))
  const gone = (kind: 'chat' | 'pairing', names: readonly string[]) => {
    const there = new Set(names)
    return forEachOf(here[kind], async ([name, { moved }]) => {
      if (moved?.way === 'out' && !there.has(name)) await give(kind, name, null)
    })
  }
  await gone('chat', chats)
  await gone('pairing', requests)
  await forEachOf(requests, async user => void (await asked(engine, ['pairing', keyIn(account, user), 'resume'], { move })))
  await asked(engine, ['account', account, 'arrived'], { move })
  await writeMark(disk, { ...mark, isOver: true })
  return { chats: chats.length, requests: requests.length }
}

/** Done again, a move that is over is to find what it has brought. */
async function refuseOlder({ settings, tables }: MoveOptions, { move, fleet, since }: MovedMark, where: string): Promise<void> {
  const newest = await moveOf(tables, settings.id)
  if (newest?.way === 'in' && newest.move === move) return
  throw new NotMoved(
    `The state in ${where} was moved into the fleet at ${fleet} before (${since}), and is not what this fleet has now, so it was left as it is; import the folder of the newest export, or remove ${join(where, MARK)} to move this older state all the same.`,
  )
}

/** Before anything is changed; each object looks for itself, too. */
function refuseOwn(here: ReadonlyMap<string, Here>, move: string, account: string): void {
  for (const [name, { hasState, moved }] of here)
    if (hasState && moved?.way !== 'out' && moved?.move !== move)
      throw new NotMoved(
        `The fleet has a state of its own of "${name}" (account ${account}), so nothing was moved; take that to a state directory first ("ztm-chat fleet export").`,
      )
}

/** Feeders know of one place for all chats: where the one that is furthest behind has come to. */
function behind(stored: Json, unreadSinceMs: number): Json {
  if (stored === null) return null
  const account = stored as unknown as StoredAccount
  return { ...account, liveAtMs: Math.min(account.liveAtMs, unreadSinceMs) } as unknown as Json
}
