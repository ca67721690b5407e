/**
 * An account's state while nobody runs: loaded, looked at, changed by commands, and closed. The charts are the runtime's own;
 * nothing is dispatched or posted here, the next start goes on with what was recorded.
 */
import { cryptoRandom } from '../adapters/clock/crypto-random.ts'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { openAccountStore } from '../adapters/store/account-store.ts'
import { StoreUnusable } from '../domain/errors.ts'
import type { UserName } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Log } from '../ports/log.ts'
import { type Effects, inOrder } from '../runtime/effects.ts'
import { createJournal } from '../runtime/journal.ts'
import { createNursery } from '../runtime/nursery.ts'
import { createPairingDesk } from '../runtime/pairing-desk.ts'
import { createRegistry } from '../runtime/registry.ts'
import type { PairingRequest } from '../runtime/runtime.ts'
import { createTimers } from '../runtime/timers.ts'

export interface OfflineState {
  readonly chats: number
  readonly outbox: number
  readonly deadLetters: number
  readonly problems: readonly string[]
  /** Those whose code is still good. */
  pairings(): readonly PairingRequest[]
  /** Resolves when it is durable; null when no pending request has the code. */
  approve(code: string): Promise<UserName | null>
  reject(code: string): Promise<UserName | null>
}

export type OfflineOptions = { readonly settings: AccountSettings; readonly stateDir: string; readonly log: Log }

/** @throws {StoreUnusable} when a runner owns the state, or it cannot be used. */
export async function withOfflineState<T>(options: OfflineOptions, use: (state: OfflineState) => Promise<T> | T): Promise<T> {
  const { settings, stateDir, log } = options
  const { id: account, limits } = settings
  const store = await openAccountStore({ root: stateDir, account })
  const timers = createTimers(systemClock)
  const nothing = () => {}
  const trouble = Promise.withResolvers<never>()
  trouble.promise.catch(nothing)
  const fail = (reason: string) => trouble.reject(new StoreUnusable(reason, true))

  const nursery = createNursery('offline', (actor, error) =>
    fail(`${actor} failed: ${error instanceof Error ? error.message : String(error)}`),
  )
  const { effects, drained } = inOrder<Effects>({
    commit: commit => journal.commit(commit),
    dispatch: nothing,
    startDispatchBackoff: nothing,
    openPairing: nothing,
    requestSlot: nothing,
    releaseSlot: nothing,
    post: nothing,
    startPostBackoff: nothing,
    startLag: nothing,
    startLook: nothing,
    look: nothing,
    checkLedger: nothing,
    requestTicket: nothing,
    startPairingBackoff: nothing,
    startDeadline: nothing,
  })
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

  const pairings = (): readonly PairingRequest[] =>
    registry
      .pairings()
      .filter(request => request.matches('pending') && request.context.expiresAtMs > systemClock.now())
      .map(({ context: { user, code, openedAtMs, expiresAtMs } }) => ({
        user,
        code,
        openedAtMs,
        expiresAtMs,
        held: registry.chat(`peer:${user}`)?.context.held.length ?? 0,
      }))
  const end = async (code: string, act: (code: string) => UserName | null): Promise<UserName | null> => {
    // Nobody watched the deadline.
    if (!pairings().some(request => request.code === code.trim().toUpperCase())) return null
    const user = act(code)
    await drained()
    await Promise.race([journal.flushed(), trouble.promise])
    return user
  }

  try {
    const loaded = await journal.load()
    const problems = [...loaded.problems, ...registry.replay(loaded)]
    registry.resume()
    const entries = [...registry.chats.values()]
    return await use({
      chats: entries.length,
      outbox: [...registry.outboxes()].reduce((sum, chat) => sum + (registry.outbox(chat)?.context.posts.length ?? 0), 0),
      deadLetters: entries.reduce((sum, entry) => sum + entry.deadLetters.length, 0),
      problems,
      pairings,
      approve: code => end(code, desk.approve),
      reject: code => end(code, desk.reject),
    })
  } finally {
    await journal.close()
    timers.clear()
    registry.stop()
    nursery.stop()
  }
}
