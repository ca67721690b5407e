/**
 * Does the hub see this agent? An agent whose hub connection is broken goes on saying `connected: true`, while its endpoint is not
 * online and list calls hang. A hub that is away or busy looks the same for a moment, so one look is no proof.
 */
import { ZtmAgentSilent } from '../../domain/errors.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { Mesh, ZtmAgent } from '../../ports/ztm-agent.ts'
import { createTimers } from '../timers.ts'

export interface HubHealth {
  start(): void
  /** Something hangs or is lost that should not: look now. */
  suspect(): void
  stop(): void
}

export type HubHealthOptions = {
  readonly agent: ZtmAgent
  readonly clock: Clock
  readonly random: Random
  readonly limits: Pick<Limits, 'healthLookMs'>
  readonly signal: AbortSignal
  /** Proven, and as long as it lasts again and again. */
  readonly onProof: (reason: string) => void
  readonly onWell: () => void
  /** Of each look. */
  readonly onMesh: (mesh: Mesh) => void
}

/** Looks in a row that find it stuck, and how far apart they are begun, at least. */
const STRIKES = 3
const STRIKE_GAP_MS = 10_000

export type HubState = 'online' | 'stuck' | 'unknown'

/** One look. `unknown`: the agent itself says that something is wrong, or says nothing. */
export async function lookAtHub(agent: ZtmAgent, signal: AbortSignal, onMesh: (mesh: Mesh) => void = () => {}): Promise<HubState> {
  const isConnected = async () => {
    const mesh = await agent.mesh(signal)
    if (mesh) onMesh(mesh)
    return mesh?.connected && mesh.endpointId !== undefined ? mesh.endpointId : null
  }
  const id = await isConnected()
  if (id === null) return 'unknown'
  try {
    if ((await agent.endpoint(id, signal))?.online) return 'online'
  } catch (error) {
    if (!(error instanceof ZtmAgentSilent)) throw error
  }
  // The hub may have gone away meanwhile, which the agent notices after some seconds.
  return !signal.aborted && (await isConnected()) === id ? 'stuck' : 'unknown'
}

export function createHubHealth({ agent, clock, random, limits, signal, onProof, onWell, onMesh }: HubHealthOptions): HubHealth {
  const timers = createTimers(clock)
  let strikes = 0
  let beganAtMs = Number.NEGATIVE_INFINITY
  let isLooking = false
  let isStopped = true

  const lookIn = (ms: number) => {
    if (!isStopped) timers.set('look', ms, () => void look())
  }

  const look = async () => {
    if (isLooking || signal.aborted) return
    isLooking = true
    beganAtMs = clock.monotonic()
    const state = await lookAtHub(agent, signal, onMesh).catch((): HubState => 'unknown')
    isLooking = false
    if (isStopped || signal.aborted) return
    strikes = state === 'stuck' ? strikes + 1 : 0
    if (state === 'online') onWell()
    if (strikes >= STRIKES)
      onProof('The ZTM agent says that it is connected, and the hub does not see it: its endpoint is not online, or list calls hang.')
    if (strikes > 0) lookIn(Math.max(0, beganAtMs + STRIKE_GAP_MS - clock.monotonic()))
    else lookIn(limits.healthLookMs * (0.75 + random.unit() / 2))
  }

  return {
    start() {
      isStopped = false
      lookIn(limits.healthLookMs * (0.75 + random.unit() / 2))
    },
    suspect() {
      if (isStopped || isLooking || strikes > 0) return
      lookIn(Math.max(0, beganAtMs + STRIKE_GAP_MS - clock.monotonic()))
    },
    stop() {
      isStopped = true
      timers.clear()
    },
  }
}
