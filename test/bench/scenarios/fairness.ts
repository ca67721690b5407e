import { DEFAULTS, type Row, type Scenario, using } from '../kit/bench.ts'
import { openBot, openFolder, openMesh } from '../kit/stage.ts'

export const fairness: Scenario = {
  name: 'fairness',
  title: 'one user writes 10,000 messages at once, 99 others one each',
  limits: DEFAULTS,
  run: size =>
    using(async defer => {
      const { mesh, urls } = await openMesh(defer, 'instant')
      const bot = openBot(defer)
      await bot.call('start', await openFolder(defer), urls)
      const others = size === 'full' ? 99 : 3
      const seconds = size === 'full' ? 4 : 0.2
      await mesh.call('flooded', 0, { flood: 0, others, seconds })
      const calm = await mesh.call('flooded', 0, { flood: 0, others, seconds })
      const flooded = await mesh.call('flooded', 0, { flood: size === 'full' ? 10_000 : 20, others, seconds })
      await bot.call('stop')
      const rows: Row[] = [
        { figure: "the others' p99 without the flood", value: calm.p99, unit: 'ms' },
        { figure: "the others' p99 with it", value: flooded.p99, unit: 'ms', against: calm.p99, atMost: 3 * calm.p99, isMain: true },
      ]
      return { rows }
    }),
}
