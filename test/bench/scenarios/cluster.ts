import { createFleet, type Fleet } from '../../e2e/cluster/fleet.ts'
import { NO_GUARD, type Row, type Scenario, using, WITHOUT_GUARD } from '../kit/bench.ts'
import { usageOf } from '../kit/process-usage.ts'
import { type Defer, type Mesh, openBot, openFolder, openMesh } from '../kit/stage.ts'
import { botName, MESH } from '../processes/names.ts'

const WANTED = 300

/** The same messages through Restate: engine, services, feeder, mesh and people on one machine. */
export const cluster: Scenario = {
  name: 'cluster',
  title: 'a fleet on Restate, engine and all on this machine',
  limits: WITHOUT_GUARD,
  run: size =>
    using(async () => {
      const seconds = size === 'full' ? 15 : 1
      const users = size === 'full' ? 200 : 10
      const open = size === 'full' ? 100 : 10
      const rows: Row[] = []
      const embedded = await withMesh(async ({ mesh, urls, defer }) => {
        const bot = openBot(defer)
        await bot.call('start', await openFolder(defer), urls, NO_GUARD)
        return await measured(mesh)
      })
      for (const services of size === 'full' ? [1, 2] : [1]) {
        const found = await withMesh(async ({ mesh, urls, defer }) => {
          const fleet = await startFleet(urls[0] ?? '', services)
          defer(() => fleet.dispose())
          const usedBy = {
            engine: [fleet.pid('engine')],
            services: Array.from({ length: services }, (_, at) => fleet.pid('service', at)),
            feeder: [fleet.pid('feeder')],
          }
          const cpuMs = () =>
            Object.entries(usedBy).map(([who, pids]) => [who, pids.reduce((sum, pid) => sum + usageOf(pid).cpuMs, 0)] as const)
          const beforeMs = new Map<string, number>()
          const found = await measured(mesh, () => {
            for (const [who, ms] of cpuMs()) beforeMs.set(who, ms)
          })
          return { ...found, cost: cpuMs().map(([who, ms]) => ({ who, ms: (ms - beforeMs.get(who)!) / found.count })) }
        })
        const name = services === 1 ? 'one service' : 'two services'
        rows.push(
          {
            figure: `answered, ${name}`,
            value: found.rate,
            unit: 'msg/s',
            against: embedded.rate,
            ...(services === 1 && { atLeast: WANTED, isMain: true }),
          },
          { figure: `answer posted, one after the other, p50, ${name}`, value: found.p50, unit: 'ms', against: embedded.p50 },
          { figure: `answer posted, one after the other, p99, ${name}`, value: found.p99, unit: 'ms', against: embedded.p99 },
          ...found.cost.map(({ who, ms }) => ({ figure: `CPU of a message, ${who}, ${name}`, value: ms * 1_000, unit: 'µs' })),
        )
      }
      return { rows }

      async function measured(mesh: Mesh, beforeFlatOut = () => {}) {
        await mesh.call('burst', 0, { users, each: 1 })
        const single = await mesh.call('paced', 0, { users, rate: 10, count: size === 'full' ? 100 : 5 })
        beforeFlatOut()
        const [flat] = await mesh.call('flatOut', [0], { users, open, seconds })
        return { rate: flat!.count / flat!.seconds, count: flat!.count, p50: single.p50, p99: single.p99 }
      }
      async function withMesh<T>(run: (stage: { mesh: Mesh; urls: readonly string[]; defer: Defer }) => Promise<T>): Promise<T> {
        return await using(async defer => run({ ...(await openMesh(defer, 'instant')), defer }))
      }
      async function startFleet(url: string, services: number): Promise<Fleet> {
        const fleet = await createFleet({
          config: { agentUrl: url, meshName: MESH, username: botName(0), dmPolicy: 'allow', limits: NO_GUARD },
        })
        await fleet.start('engine')
        for (let index = 0; index < services; index++) await fleet.start('service', index)
        await fleet.start('feeder')
        return fleet
      }
    }),
}
