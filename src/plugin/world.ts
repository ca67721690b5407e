/** The real world of the plugin: loaded when an account starts, never before. */
import { homedir } from 'node:os'
import { channelBlockedPatch, channelReadyPatch } from 'openclaw/plugin-sdk/gateway-runtime'
import { cryptoRandom } from '../adapters/clock/crypto-random.ts'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { openAccountStore } from '../adapters/store/account-store.ts'
import { openAccountAgent, permitSource } from '../adapters/ztm/account-agent.ts'
import { expandHome } from '../domain/config.ts'
import type { AccountSettings } from '../domain/settings.ts'
import { version } from '../runner/version.ts'
import { readFormerState } from './former-state.ts'
import type { World } from './gateway.ts'
import { createPluginInspector } from './inspector.ts'

const atHome = (settings: AccountSettings): AccountSettings => expandHome(settings, homedir())
const permits = permitSource(systemClock)

export const world: World = {
  clock: systemClock,
  random: cryptoRandom,
  environment: process.env,
  agent: (settings, log) => openAccountAgent(atHome(settings), systemClock, log),
  store: openAccountStore,
  formerState: readFormerState,
  inspector: createPluginInspector(version()),
  permits: (settings, publicKey, signal) => permits(atHome(settings), publicKey, signal),
  ready: channelReadyPatch,
  blocked: channelBlockedPatch,
}
