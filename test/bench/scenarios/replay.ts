import { DEFAULTS, type Row, type Scenario, using } from '../kit/bench.ts'
import { openBot, openFolder, openMesh } from '../kit/stage.ts'

export const replay: Scenario = {
  name: 'replay',
  title: 'a start with 10,000 chats and a journal of 100,000 records',
  limits: DEFAULTS,
  run: size =>
    using(async defer => {
      const [chats, records] = size === 'full' ? [10_000, 100_000] : [10, 100]
      const { urls } = await openMesh(defer, 'instant', { chats })
      const folder = await openFolder(defer)
      const earlier = openBot(defer)
      await earlier.call('remember', folder, { chats, records })
      await earlier.end()
      const bot = openBot(defer)
      const before = await bot.call('usage')
      const liveMs = await bot.call('start', folder, urls)
      const after = await bot.call('usage')
      await bot.call('stop')
      const rows: Row[] = [
        { figure: 'live after', value: liveMs / 1000, unit: 's', atMost: 1, isMain: true },
        { figure: 'CPU time of it', value: (after.cpuMs - before.cpuMs) / 1000, unit: 's' },
      ]
      return { rows }
    }),
}
