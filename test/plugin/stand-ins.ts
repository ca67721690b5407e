import { createSeededRandom } from '../../src/adapters/memory/seeded-random.ts'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import { createZtmAgent } from '../../src/adapters/ztm/ztm-agent.ts'
import { parseConfig } from '../../src/domain/config.ts'
import type { AccountSettings } from '../../src/domain/settings.ts'
import type { AccountHandle, AccountStatus } from '../../src/runtime/runtime.ts'
import { createMesh, type SimUser } from '../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../src/simulator/mesh/quirks.ts'
import { createSimTransport } from '../../src/simulator/sim-transport.ts'

/** 24 November 2026, 12:00 UTC. */
export const START_MS = Date.UTC(2026, 10, 24, 12)

export function settingsOf(config: object = {}): AccountSettings {
  const [settings] = parseConfig({ meshName: 'home', username: 'my-bot', ...config }).accounts
  return settings!
}

export function createSimulation() {
  const clock = createVirtualClock(START_MS)
  const random = createSeededRandom(1)
  const mesh = createMesh({ clock, random, name: 'home', quirks: CALM })
  mesh.bot = 'my-bot'
  const bot = mesh.user('my-bot')
  return { clock, random, mesh, bot, agentOf: (settings: AccountSettings, user: SimUser = bot) => agentOf(settings, user, clock) }
}

const agentOf = (settings: AccountSettings, user: SimUser, clock: ReturnType<typeof createVirtualClock>) =>
  createZtmAgent({
    baseUrl: settings.agentUrl,
    mesh: settings.meshName,
    apiTimeoutMs: settings.apiTimeoutMs,
    limits: settings.limits,
    clock,
    transport: createSimTransport(user.agent),
  })

export const quietStatus: AccountStatus = {
  account: 'default',
  state: 'idle',
  sinceMs: 0,
  reason: null,
  feed: null,
  feedLagMs: null,
  lastFeedAtMs: null,
  lastInboundAtMs: null,
  lastOutboundAtMs: null,
  selfHeal: null,
  warnings: [],
  counters: { seen: 0, processed: 0, ignored: {}, sent: 0, repeatedPosts: 0, deadLetters: 0 },
  chats: 0,
  waitingDispatches: 0,
  runningDispatches: 0,
  outbox: 0,
  uncertain: 0,
  pendingPairings: 0,
}

export function handleOf(own: Pick<AccountHandle, 'send'> & Partial<AccountHandle>): AccountHandle {
  const simulation = createSimulation()
  return {
    id: 'default',
    agent: simulation.agentOf(settingsOf()),
    status: () => quietStatus,
    findRecipient: async () => {},
    known: () => [],
    inCustody: () => [],
    fileBytesMax: 20_971_520,
    upload: async () => ({ owner: 'my-bot', hash: 'ab'.repeat(32), name: 'a.txt', contentType: 'text/plain', size: 1 }),
    download: async () => null,
    pairings: () => [],
    approve: async () => null,
    reject: async () => null,
    approved: () => [],
    revoke: async () => null,
    chats: () => [],
    deadLetters: () => [],
    retryDeadLetter: async () => false,
    explain: async () => [],
    inspection: {
      listen: () => () => {},
      actors: () => [],
      busy: () => [],
      look: () => null,
      past: async () => [],
      watch: async () => ({ lives: () => [], version: () => 0, close: () => {} }),
    },
    dropDeadLetter: async () => false,
    ...own,
  }
}
