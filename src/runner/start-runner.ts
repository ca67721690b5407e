/** The composition: accounts, a responder and a folder become a running system with a control socket. */
import { cryptoRandom } from '../adapters/clock/crypto-random.ts'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { openAccountStore } from '../adapters/store/account-store.ts'
import { storeFailure } from '../adapters/store/failures.ts'
import { acquireLock, type Lease } from '../adapters/store/lock.ts'
import { makeFolders } from '../adapters/store/make-folders.ts'
import { openAccountAgent, permitSource } from '../adapters/ztm/account-agent.ts'
import type { AccountId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Inspector } from '../inspector/server.ts'
import type { Log } from '../ports/log.ts'
import type { Responder } from '../ports/responder.ts'
import { createRuntime } from '../runtime/create-runtime.ts'
import type { Runtime, RuntimeEvent } from '../runtime/runtime.ts'
import { serveControl } from './control/server.ts'
import { controlOf } from './control/service.ts'
import { type InspectOptions, startInspector } from './inspect.ts'

export type RunnerOptions = {
  readonly accounts: readonly AccountSettings[]
  /** The account of a send that names none. */
  readonly defaultAccount: AccountId
  readonly responder: Responder
  readonly stateDir: string
  readonly log: Log
  /** Hears everything from the first moment on. */
  readonly onEvent: (event: RuntimeEvent) => void
  /** Absent: no inspector. */
  readonly inspect?: InspectOptions | undefined
}

export interface Runner {
  readonly runtime: Runtime
  readonly inspector: Inspector | null
  stop(graceMs?: number): Promise<void>
}

/** @throws {StoreUnusable} when another runner owns the folder, or no account's state can be used. */
export async function startRunner({
  accounts,
  defaultAccount,
  responder,
  stateDir,
  log,
  onEvent,
  inspect,
}: RunnerOptions): Promise<Runner> {
  const lease = await lockFolder(stateDir)
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
  let inspector: Inspector | null = null
  try {
    await runtime.start()
    const operations = controlOf(runtime, defaultAccount)
    inspector = inspect ? await startInspector(runtime, operations, inspect) : null
    const control = await serveControl(stateDir, operations)
    const served = inspector
    return {
      runtime,
      inspector: served,
      async stop(graceMs) {
        await served?.close()
        await control.close()
        await runtime.stop(graceMs)
        events.unsubscribe()
        await lease.release()
      },
    }
  } catch (error) {
    await inspector?.close()
    await runtime.stop(0)
    await lease.release()
    throw error
  }
}

/** Each account has a lock of its own; this one keeps two runners from sharing out the accounts, and the control socket, between them. */
async function lockFolder(stateDir: string): Promise<Lease> {
  try {
    await makeFolders(stateDir)
  } catch (cause) {
    throw storeFailure(cause, `Making ${stateDir}`, stateDir)
  }
  return acquireLock(stateDir)
}
