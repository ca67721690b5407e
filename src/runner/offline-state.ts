/**
 * An account's state while nobody runs: loaded, looked at, changed by commands, and closed. The charts are the runtime's own;
 * nothing is dispatched or posted here, the next start goes on with what was recorded.
 */
import type { Post } from '../../machines/outbox.ts'
import { cryptoRandom } from '../adapters/clock/crypto-random.ts'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { openAccountStore } from '../adapters/store/account-store.ts'
import { StoreUnusable } from '../domain/errors.ts'
import type { AccountId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Log } from '../ports/log.ts'
import { type ByHand, createByHand } from '../runtime/by-hand.ts'
import { type Effects, inOrder, noEffects } from '../runtime/effects.ts'
import { explainFrom } from '../runtime/explain.ts'
import { createJournal } from '../runtime/journal.ts'
import { createNursery } from '../runtime/nursery.ts'
import { createPairingDesk } from '../runtime/pairing-desk.ts'
import { createRegistry, type Registry } from '../runtime/registry.ts'
import type { AccountHandle } from '../runtime/runtime.ts'
import { createTimers } from '../runtime/timers.ts'

/** Looked at and changed: each change resolves when it is durable, and is carried out at the next start. */
export interface OfflineState extends ByHand, Pick<AccountHandle, 'explain'> {
  readonly id: AccountId
  readonly chatCount: number
  readonly outbox: number
  /** Of the outbox: without evidence that they arrived, or did not. */
  readonly uncertain: number
  readonly problems: readonly string[]
}

/** Replies that are not confirmed, of the outboxes that run. */
export const postsOf = (registry: Registry): readonly Post[] =>
  [...registry.outboxes()].flatMap(chat => registry.outbox(chat)?.context.posts ?? [])

/** Another command that was called at the same time is done by then. */
const OTHERS_TAKE_MS = 5_000

export type OfflineOptions = { readonly settings: AccountSettings; readonly stateDir: string; readonly log: Log }

/** @throws {StoreUnusable} when a runner owns the state, or it cannot be used. */
export async function withOfflineState<T>(options: OfflineOptions, use: (state: OfflineState) => Promise<T> | T): Promise<T> {
  const { settings, stateDir, log } = options
  const { id: account, limits } = settings
  const store = await openAccountStore({ root: stateDir, account, waitMs: OTHERS_TAKE_MS })
  const timers = createTimers(systemClock)
  const trouble = Promise.withResolvers<never>()
  trouble.promise.catch(() => {})
  const fail = (reason: string) => trouble.reject(new StoreUnusable(reason, true))

  const nursery = createNursery('offline', (actor, error) =>
    fail(`${actor} failed: ${error instanceof Error ? error.message : String(error)}`),
  )
  const { effects, drained } = inOrder<Effects>({ ...noEffects, commit: commit => journal.commit(commit) }, error =>
    fail(error instanceof Error ? error.message : String(error)),
  )
  const registry = createRegistry({ nursery, limits, effects })
  const journal = createJournal({
    nursery,
    store,
    clock: systemClock,
    random: cryptoRandom,
    timers,
    limits,
    log,
    apply: (seq, atMs, changes) => registry.apply(seq, atMs, changes),
    beginFold: () => registry.beginFold(),
    foldFailed: () => registry.foldFailed(),
    onTrouble: fail,
  })
  const desk = createPairingDesk({
    settings,
    store: null,
    clock: systemClock,
    random: cryptoRandom,
    timers,
    registry,
    commit: changes => journal.commit({ changes }),
  })

  const byHand = createByHand({ limits, registry, journal, desk, drained })
  // Nobody watched the deadlines.
  const pairings = () => byHand.pairings().filter(({ expiresAtMs }) => expiresAtMs > systemClock.now())
  const isPending = (code: string) => pairings().some(request => request.code === code.trim().toUpperCase())
  /** What cannot be written fails: nobody waits here for room on the disk. */
  const orTrouble = <T>(done: Promise<T>): Promise<T> => Promise.race([done, trouble.promise])

  try {
    const loaded = await journal.load()
    const problems = [...loaded.problems, ...registry.replay(loaded)]
    registry.resume(systemClock.monotonic())
    const posts = postsOf(registry)
    return await use({
      id: account,
      chatCount: registry.chats.size,
      outbox: posts.length,
      uncertain: posts.filter(post => post.phase === 'uncertain').length,
      problems,
      known: byHand.known,
      inCustody: byHand.inCustody,
      pairings,
      explain: wanted => explainFrom(store, registry, wanted),
      approve: async code => (isPending(code) ? orTrouble(byHand.approve(code)) : null),
      reject: async code => (isPending(code) ? orTrouble(byHand.reject(code)) : null),
      approved: byHand.approved,
      revoke: user => orTrouble(byHand.revoke(user)),
      chats: byHand.chats,
      deadLetters: byHand.deadLetters,
      retryDeadLetter: id => orTrouble(byHand.retryDeadLetter(id)),
      dropDeadLetter: id => orTrouble(byHand.dropDeadLetter(id)),
      send: message => orTrouble(byHand.send(message)),
    })
  } finally {
    await journal.close()
    timers.clear()
    registry.stop()
    nursery.stop()
  }
}
