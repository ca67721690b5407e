import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'
import { createVirtualClock, type VirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import type { SimAgent } from '../../../src/simulator/mesh/agent.ts'
import { createMesh, type SimMesh, textOf } from '../../../src/simulator/mesh/mesh.ts'
import { CALM, type Quirks } from '../../../src/simulator/mesh/quirks.ts'

export const START_MS = Date.UTC(2026, 0, 1)
export const MESH = '/api/meshes/home'
export const CHAT = `${MESH}/apps/ztm/chat/api`

export type Answer = { readonly status: number; readonly type: string; readonly body: string }

export type World = {
  readonly clock: VirtualClock
  readonly mesh: SimMesh
  /** Asks an agent and moves the clock until it answers, at most `patienceMs`; null = no answer by then. */
  readonly ask: (
    agent: SimAgent | string,
    method: string,
    target: string,
    body?: string | Uint8Array,
    patienceMs?: number,
  ) => Promise<Answer | null>
  readonly get: (user: string, target: string) => Promise<Answer>
}

/** A calm mesh unless told otherwise, on a virtual clock. */
export function makeWorld(quirks: Partial<Quirks> = {}, seed = 1): World {
  const clock = createVirtualClock(START_MS)
  const mesh = createMesh({ clock, random: createSeededRandom(seed), name: 'home', quirks: { ...CALM, ...quirks } })
  const ask: World['ask'] = async (who, method, target, body, patienceMs = 5_000) => {
    const agent = typeof who === 'string' ? mesh.user(who).agent : who
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
    let answer: Answer | null = null
    const asked = agent.request({ method, target, ...(bytes ? { body: bytes } : {}) }).then(async given => {
      answer = { status: given.status, type: given.headers['content-type'] ?? '', body: await textOf(given) }
    })
    for (let waitedMs = 0; waitedMs <= patienceMs && answer === null; waitedMs++) {
      await Promise.race([asked, clock.advance(waitedMs === 0 ? 0 : 1)])
    }
    return answer
  }
  return {
    clock,
    mesh,
    ask,
    get: async (user, target) => {
      const answer = await ask(user, 'GET', target)
      if (!answer) throw new Error(`GET ${target} by ${user} got no answer.`)
      return answer
    },
  }
}

/** The texts of a list of messages. */
export const texts = (messages: readonly { readonly message?: unknown }[]): readonly unknown[] =>
  messages.map(({ message }) => (typeof message === 'object' && message !== null && 'text' in message ? message.text : message))
