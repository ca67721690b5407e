import { Subject } from 'rxjs'
import type { AccountId, ChatId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { PairingStore } from '../ports/pairing-store.ts'
import type { PermitSource } from '../ports/permit-source.ts'
import type { Random } from '../ports/random.ts'
import type { Responder } from '../ports/responder.ts'
import type { Store } from '../ports/store.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import { type AccountHost, createAccountHost } from './account-host.ts'
import type { AccountStatus, Runtime, RuntimeEvent } from './runtime.ts'
import { createStatusKeeper, NOTHING_YET } from './status.ts'

/** What a composition root gives: everything the runtime touches of the world. */
export type RuntimePorts = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly agent: (settings: AccountSettings) => ZtmAgent
  /** Opens the account's state and takes its lock. Rejects with StoreUnusable. */
  readonly store: (account: AccountId) => Promise<Store>
  readonly responder: Responder
  readonly permits: PermitSource
  /** Absent: the runtime keeps pairing itself. */
  readonly pairing?: (account: AccountId) => PairingStore
  /** What another program had read for this bot before us: per chat, the sender's time of its last message. */
  readonly formerly?: (account: AccountId) => Promise<ReadonlyMap<ChatId, number>>
}

export type RuntimeOptions = { readonly accounts: readonly AccountSettings[]; readonly ports: RuntimePorts }

/** The only way to a running system. Accounts that are not enabled are left out; accounts fail alone. */
export function createRuntime({ accounts, ports }: RuntimeOptions): Runtime {
  const events = new Subject<RuntimeEvent>()
  const hosts = new Map<AccountId, AccountHost>()
  const emit = (event: RuntimeEvent) => events.next(event)

  const unopened = new Map<AccountId, { readonly status: () => AccountStatus; readonly cancel: () => void }>()
  let stopped = false

  const startAccount = async (settings: AccountSettings) => {
    let agent: ZtmAgent | null = null
    try {
      agent = ports.agent(settings)
      const store = await ports.store(settings.id)
      const { clock, random, log, responder, permits } = ports
      const pairing = ports.pairing?.(settings.id) ?? null
      const formerly = (await ports.formerly?.(settings.id)) ?? new Map()
      const host = createAccountHost(settings, { clock, random, log, agent, store, responder, permits, pairing, formerly }, emit)
      hosts.set(settings.id, host)
      await host.start()
      // Stopped while it loaded.
      if (stopped) await host.stop(0)
    } catch (error) {
      // Gives back what it holds, the lock first of all.
      const host = hosts.get(settings.id)
      hosts.delete(settings.id)
      await host?.stop(0)
      await agent?.close()
      throw error
    }
  }

  /** Somebody has to mend something, or another process to end: looked at again every few minutes. */
  const tryAgain = (settings: AccountSettings, error: unknown) => {
    if (stopped) return
    ports.log.error({ account: settings.id, err: error }, 'account cannot start')
    const keeper = createStatusKeeper(settings.id, emit)
    keeper.state('blocked', error instanceof Error ? error.message : String(error), ports.clock.now())
    const cancel = ports.clock.after(settings.limits.blockedRetryMs, () => {
      unopened.delete(settings.id)
      void startAccount(settings).catch((again: unknown) => tryAgain(settings, again))
    })
    unopened.set(settings.id, { status: () => keeper.status(NOTHING_YET), cancel })
  }

  return {
    events: events.asObservable(),
    async start() {
      const enabled = accounts.filter(settings => settings.enabled)
      const outcomes = await Promise.allSettled(enabled.map(startAccount))
      const failed = outcomes.find(outcome => outcome.status === 'rejected')
      if (failed && outcomes.every(outcome => outcome.status === 'rejected')) throw failed.reason
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === 'rejected') tryAgain(enabled[index]!, outcome.reason)
      }
    },
    async stop(graceMs) {
      stopped = true
      for (const { cancel } of unopened.values()) cancel()
      await Promise.all(
        [...hosts.values()].map(async host => {
          await host.stop(graceMs ?? accounts.find(settings => settings.id === host.handle.id)!.limits.stopGraceMs)
          await host.handle.agent.close()
        }),
      )
      events.complete()
    },
    accounts: () => [...hosts.values()].map(host => host.handle),
    account: id => hosts.get(id)?.handle,
    unopened: () => [...unopened.values()].map(({ status }) => status()),
  }
}
