/** The charts on Restate, in place of the embedded host: see README.md. */
import type { EndpointOptions } from '@restatedev/restate-sdk'
import { systemClock } from '../../adapters/clock/system-clock.ts'
import { sameBots } from '../../domain/config.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Responder } from '../../ports/responder.ts'
import type { Posts } from '../posts.ts'
import { accountObject } from './account.ts'
import { chatObject } from './chat.ts'
import { fleetObject } from './fleet.ts'
import { lookerService } from './looker.ts'
import { pairingObject } from './pairing.ts'
import { responderService } from './responder.ts'

export type ClusterOptions = {
  readonly accounts: readonly AccountSettings[]
  /** Answers by itself; one that adopts messages is for the embedded host. */
  readonly responder: Pick<Responder, 'respond'>
  /** Asked once for each account: who posts for it. */
  readonly posts: (settings: AccountSettings) => Posts
}

/**
 * What an endpoint of Restate's SDK serves: `createEndpointHandler({ services: createCluster(…) })`.
 * @throws when two accounts have one id, or are the same bot.
 */
export function createCluster({ accounts, responder, posts }: ClusterOptions): EndpointOptions['services'] {
  const enabled = accounts.filter(settings => settings.enabled)
  const settingsAt = new Map(enabled.map(settings => [settings.id, settings]))
  if (settingsAt.size < enabled.length) throw new Error('Two of the accounts have the same id; each needs one of its own.')
  const problems = sameBots(enabled, '')
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const postsOf = new Map(enabled.map(settings => [settings.id, posts(settings)]))
  return [
    accountObject(settingsAt),
    chatObject(settingsAt, postsOf),
    pairingObject(settingsAt),
    responderService(settingsAt, responder, systemClock),
    lookerService(settingsAt, postsOf),
    fleetObject(),
  ]
}
