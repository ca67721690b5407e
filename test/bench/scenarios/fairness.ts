import { DEFAULTS, type Row, type Scenario, using } from '../kit/bench.ts'
import { openBot, openFolder, openMesh } from '../kit/stage.ts'

export const fairness: Scenario = {
  name: 'fairness',
  title: 'one user writes 10,000 messages at once, 99 others one each; five times',
  limits: DEFAULTS,
  run: size =>
    using(async defer => {
      const [rounds, flood, others, seconds] = size === 'full' ? [5, 10_000, 99, 4] : [1, 20, 3, 0.2]
      const { mesh, urls } = await openMesh(defer, 'instant', { bots: rounds })
      let [calm, flooded] = [0, 0]
      // Another bot each time: the flood of the one before would go on.
      for (const [index, url] of urls.entries()) {
        const bot = openBot(defer)
        await bot.call('start', await openFolder(defer), [url], {}, false, index)
        await mesh.call('flooded', index, { flood: 0, others, seconds, name: 'first' })
        calm = (await mesh.call('flooded', index, { flood: 0, others, seconds, name: 'calm' })).p99
        flooded = (await mesh.call('flooded', index, { flood, others, seconds, name: 'flooded' })).p99
        await bot.call('stop')
        await bot.end()
      }
      const rows: Row[] = [
        { figure: "the others' p99 without the flood", value: calm, unit: 'ms' },
        { figure: "the others' p99 with it", value: flooded, unit: 'ms', against: calm, atMost: 3 * calm, isMain: true },
      ]
      return { rows }
    }),
}
