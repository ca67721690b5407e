/** The real world of the plugin: loaded when an account starts, never before. */
import { channelBlockedPatch, channelReadyPatch } from 'openclaw/plugin-sdk/gateway-runtime'
import { cryptoRandom } from '../adapters/clock/crypto-random.ts'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { openAccountStore } from '../adapters/store/account-store.ts'
import { atHome, getPermit, openAgent } from './agent.ts'
import type { World } from './gateway.ts'

export const world: World = {
  clock: systemClock,
  random: cryptoRandom,
  environment: process.env,
  agent: settings => openAgent(atHome(settings)),
  store: openAccountStore,
  permits: (settings, publicKey, signal) => getPermit(atHome(settings), publicKey, signal),
  ready: channelReadyPatch,
  blocked: channelBlockedPatch,
}
