/** The composition of a feeder process: real agents, the engine's ingress, and a server for posts. */
import { cryptoRandom } from '../../adapters/clock/crypto-random.ts'
import { systemClock } from '../../adapters/clock/system-clock.ts'
import { openAccountAgent, permitSource } from '../../adapters/ztm/account-agent.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Log } from '../../ports/log.ts'
import type { RuntimeEvent } from '../../runtime/runtime.ts'
import { createEngine } from '../engine.ts'
import { createFeeder } from './feeder.ts'
import { servePosts } from './posts-server.ts'

export type FeederProcessOptions = {
  readonly accounts: readonly AccountSettings[]
  /** Of the engine's ingress. */
  readonly ingress: string
  /** That its gate asks for; null: there is none. */
  readonly engineToken: string | null
  readonly host: string
  readonly port: number
  /** Where services reach it, `HOST:PORT`, when it listens on this port. */
  readonly address: (port: number) => string
  readonly secret: string
  readonly log: Log
  readonly onEvent: (event: RuntimeEvent) => void
}

export interface FeederProcess {
  readonly address: string
  stop(): Promise<void>
}

/** @throws when the address cannot be had. */
export async function startFeeder(options: FeederProcessOptions): Promise<FeederProcess> {
  const { accounts, ingress, engineToken, host, port, secret, log, onEvent } = options
  const engine = createEngine(ingress, engineToken)
  const server = await servePosts({
    host,
    port,
    secret,
    posts: account => feeder.posts(account),
    statuses: () => feeder.statuses(),
    trouble: () => feeder.trouble(),
  })
  const address = options.address(server.port)
  const feeder = createFeeder({
    accounts,
    address,
    clock: systemClock,
    random: cryptoRandom,
    log,
    engine,
    permits: permitSource(systemClock),
    agent: (settings, mayWrite) => openAccountAgent(settings, systemClock, log, mayWrite),
    emit: onEvent,
  })
  feeder.start()
  return {
    address,
    async stop() {
      await feeder.stop()
      await server.close()
      await engine.close()
    },
  }
}
