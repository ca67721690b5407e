/** What a feeder works with, in virtual time: a stand-in engine, and the agents of a simulated mesh. */
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { type Transport, TransportFailure } from '../../../src/adapters/ztm/transport.ts'
import { createZtmAgent } from '../../../src/adapters/ztm/ztm-agent.ts'
import type { FeederAddress as Named, PostJob } from '../../../src/cluster/contracts.ts'
import { StoreUnusable } from '../../../src/domain/errors.ts'
import type { AccountSettings } from '../../../src/domain/settings.ts'
import type { ZtmAgent } from '../../../src/ports/ztm-agent.ts'
import { createMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM, type Quirks } from '../../../src/simulator/mesh/quirks.ts'
import { createSimTransport } from '../../../src/simulator/sim-transport.ts'
import { createEngineStandIn } from './engine-stand-in.ts'

export const START_MS = Date.UTC(2026, 10, 24, 12)
export const MESH = 'home'

export function createStage(quirks: Partial<Quirks> = CALM) {
  const clock = createVirtualClock(START_MS)
  const random = createSeededRandom(1)
  const mesh = createMesh({ clock, random, name: MESH, quirks })
  const { log, lines } = createMemoryLog()
  const there = createEngineStandIn(clock)
  const permits = () => Promise.reject(new StoreUnusable('There is no permit server here.', false))

  /** Writes only while it may, as the real transport does. */
  const agentOf = ({ agentUrl, username, apiTimeoutMs, limits }: AccountSettings, mayWrite: () => boolean): ZtmAgent => {
    const transport = createSimTransport(mesh.user(username).agent)
    const guarded: Transport = {
      ...transport,
      request: async request => {
        if (request.method !== 'GET' && !mayWrite()) throw new TransportFailure('unreachable', 'it is not ours to write to')
        return await transport.request(request)
      },
    }
    return createZtmAgent({ baseUrl: agentUrl, mesh: MESH, apiTimeoutMs, limits, clock, transport: guarded })
  }
  return { clock, random, mesh, log, lines, there, agentOf, ports: { clock, random, log, engine: there.engine, permits } }
}

/** To be posted for the chat with alice, by the feeder of this session. */
export function jobFor(account: string, session: string, key = 'k1', more: Partial<PostJob> = {}): PostJob {
  const feeder: Named = { address: '10.0.0.7:9090', session, isPushed: false }
  const tried = { id: `try of ${key}`, begunAtMs: START_MS, isAgain: false }
  return { account, chat: 'peer:alice', feeder, key, body: { text: 'hello' }, isAwaited: false, tried, ...more }
}
