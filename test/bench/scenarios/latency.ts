import { DEFAULTS, type Row, type Scenario, using } from '../kit/bench.ts'
import { floorOf, openBot, openFolder, openLoop, openMesh } from '../kit/stage.ts'
import type { MeshKind } from '../processes/mesh.ts'

type Plan = { readonly users: number; readonly rate: number; readonly count: number }

/** One message after the other, each at a random moment; the plain loop answers others at the same time. */
const latency = (
  name: string,
  title: string,
  kind: MeshKind,
  plan: Plan,
  loopPlan: Plan,
  atMost: { p50: number; p99: number },
): Scenario => ({
  name,
  title,
  limits: DEFAULTS,
  run: size =>
    using(async defer => {
      const few = (full: Plan): Plan => (size === 'full' ? full : { users: 2, rate: 5, count: 4 })
      const { mesh, urls } = await openMesh(defer, kind)
      const bot = openBot(defer)
      await bot.call('start', await openFolder(defer), urls)
      const loopMesh = await openLoop(defer, kind)
      // Whoever writes for the first time is met first.
      await mesh.call('paced', 0, { ...few(plan), count: few(plan).users })
      const floor = await floorOf(defer, urls[0] ?? '')
      const [here, loop] = await Promise.all([mesh.call('paced', 0, few(plan)), loopMesh.call('paced', 0, few(loopPlan))])
      await bot.call('stop')
      return {
        rows: (['p50', 'p99'] as const).map(
          (which): Row => ({
            figure: `on the mesh → answer posted, ${which}`,
            value: here[which],
            unit: 'ms',
            loop: loop[which],
            against: floor[which],
            atMost: atMost[which],
            isMain: true,
          }),
        ),
      }
    }),
})

export const instant = latency(
  'latency',
  'a single message, on a mesh without delays',
  'instant',
  { users: 50, rate: 20, count: 400 },
  { users: 20, rate: 5, count: 100 },
  { p50: 10, p99: 40 },
)

export const real = latency(
  'latency-real',
  'a single message, on a mesh with the recorded delays',
  'real',
  // Seldom enough to be alone: what an answer changes on the mesh keeps the agent's list half a second late for whatever comes next.
  { users: 20, rate: 0.5, count: 60 },
  { users: 20, rate: 0.5, count: 60 },
  { p50: 700, p99: 1_300 },
)
