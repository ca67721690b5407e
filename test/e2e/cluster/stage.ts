/** A fleet on its meshes' agents, with people: two services, two feeders, an engine. */
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { createMesh, type SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { type ServedAgent, serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { createFleet, type Fleet, type FleetOptions } from './fleet.ts'
import { createPeople, type People, type PeopleOptions } from './people.ts'

const MESH = 'home'

export type StageOptions = Pick<PeopleOptions, 'each' | 'everyMs'> &
  Pick<FleetOptions, 'onLine'> & {
    /** So many accounts, each with an agent of its own. */
    readonly bots: number
    readonly limits?: Readonly<Record<string, number>>
  }

export interface Stage {
  readonly fleet: Fleet
  readonly mesh: SimMesh
  readonly people: People
  readonly bots: readonly string[]
  dispose(): Promise<void>
}

export async function startStage({ bots: count, each, everyMs, onLine, limits = {} }: StageOptions): Promise<Stage> {
  const mesh = createMesh({ clock: systemClock, random: cryptoRandom, name: MESH, quirks: CALM })
  const bots = Array.from({ length: count }, (_, index) => `bot-${index + 1}`)
  const served: ServedAgent[] = []
  for (const bot of bots) served.push(await serveAgent(mesh.user(bot).agent))
  const accounts = Object.fromEntries(bots.map((username, index) => [username, { agentUrl: served[index]!.url, username }]))
  const fleet = await createFleet({
    // People here write as often as a bot would.
    config: { meshName: MESH, dmPolicy: 'open', limits: { loopAlternations: 1_000_000, ...limits }, accounts },
    ...(onLine && { onLine }),
  })
  const dispose = async () => {
    await fleet.dispose()
    for (const { close } of served) await close()
  }
  try {
    await fleet.start('engine')
    await Promise.all([fleet.start('service', 0), fleet.start('feeder', 0)])
    await Promise.all([fleet.start('service', 1), fleet.start('feeder', 1)])
  } catch (error) {
    await dispose()
    throw error
  }
  return { fleet, mesh, people: createPeople({ mesh, bots, each, everyMs }), bots, dispose }
}
