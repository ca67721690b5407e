/** The charts on Restate, in place of the embedded host: see README.md. */
import type { EndpointOptions } from '@restatedev/restate-sdk'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { sameBots } from '../domain/config.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Responder } from '../ports/responder.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import { accountObject } from './account.ts'
import { chatObject } from './chat.ts'
import { pairingObject } from './pairing.ts'
import { posterService } from './poster.ts'
import { responderService } from './responder.ts'

export type ClusterOptions = {
  readonly accounts: readonly AccountSettings[]
  /** Answers by itself; one that adopts messages is for the embedded host. */
  readonly responder: Pick<Responder, 'respond'>
  /** Asked once for each account. Whoever opened it closes it. */
  readonly agent: (settings: AccountSettings) => ZtmAgent
}

/**
 * What an endpoint of Restate's SDK serves: `createEndpointHandler({ services: createCluster(…) })`.
 * @throws when two accounts have one id, or are the same bot.
 */
export function createCluster({ accounts, responder, agent }: ClusterOptions): EndpointOptions['services'] {
  const enabled = accounts.filter(settings => settings.enabled)
  const settingsAt = new Map(enabled.map(settings => [settings.id, settings]))
  if (settingsAt.size < enabled.length) throw new Error('Two of the accounts have the same id; each needs one of its own.')
  const problems = sameBots(enabled, '')
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const agents = new Map(enabled.map(settings => [settings.id, agent(settings)]))
  return [
    accountObject(settingsAt),
    chatObject(settingsAt),
    pairingObject(settingsAt),
    responderService(settingsAt, responder, systemClock),
    posterService(settingsAt, agents, systemClock),
  ]
}
