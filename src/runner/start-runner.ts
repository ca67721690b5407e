/** The composition: accounts, a responder and a folder become a running system with a control socket. */
import { cryptoRandom } from '../adapters/clock/crypto-random.ts'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { openAccountStore } from '../adapters/store/account-store.ts'
import { openAccountAgent, permitSource } from '../adapters/ztm/account-agent.ts'
import { StoreUnusable } from '../domain/errors.ts'
import type { AccountId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Log } from '../ports/log.ts'
import type { Responder } from '../ports/responder.ts'
import { createRuntime } from '../runtime/create-runtime.ts'
import type { Runtime, RuntimeEvent } from '../runtime/runtime.ts'
import { askRunner } from './control/client.ts'
import { serveControl } from './control/server.ts'
import { controlOf } from './control/service.ts'

export type RunnerOptions = {
  readonly accounts: readonly AccountSettings[]
  /** The account of a send that names none. */
  readonly defaultAccount: AccountId
  readonly responder: Responder
  readonly stateDir: string
  readonly log: Log
  /** Hears everything from the first moment on. */
  readonly onEvent: (event: RuntimeEvent) => void
}

export interface Runner {
  readonly runtime: Runtime
  stop(graceMs?: number): Promise<void>
}

/** @throws {StoreUnusable} when another runner owns the folder, or no account's state can be used. */
export async function startRunner({ accounts, defaultAccount, responder, stateDir, log, onEvent }: RunnerOptions): Promise<Runner> {
  const other = await askRunner(stateDir, { do: 'hello' })
  if (other) {
    throw new StoreUnusable(`The state directory ${stateDir} is in use by process ${other.pid}; stop it or use another --state-dir.`, true)
  }
  const runtime = createRuntime({
    accounts,
    ports: {
      clock: systemClock,
      random: cryptoRandom,
      log,
      agent: settings => openAccountAgent(settings, systemClock, log),
      store: account => openAccountStore({ root: stateDir, account }),
      responder,
      permits: permitSource(systemClock),
    },
  })
  const events = runtime.events.subscribe(onEvent)
  try {
    await runtime.start()
    const control = await serveControl(stateDir, controlOf(runtime, defaultAccount))
    return {
      runtime,
      async stop(graceMs) {
        await control.close()
        await runtime.stop(graceMs)
        events.unsubscribe()
      },
    }
  } catch (error) {
    await runtime.stop(0)
    throw error
  }
}
