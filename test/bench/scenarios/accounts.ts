import { NO_GUARD, type Row, type Scenario, using, WITHOUT_GUARD } from '../kit/bench.ts'
import { openBot, openFolder, openMesh } from '../kit/stage.ts'

export const accounts: Scenario = {
  name: 'accounts',
  title: 'throughput of 1, 10 and 50 accounts in one process',
  limits: WITHOUT_GUARD,
  async run(size) {
    const rows: Row[] = []
    for (const count of size === 'full' ? [1, 10, 50] : [2]) {
      await using(async defer => {
        const { mesh, urls } = await openMesh(defer, 'instant', { bots: count })
        const bot = openBot(defer)
        await bot.call('start', await openFolder(defer), urls, NO_GUARD)
        const open = Math.ceil(100 / count)
        const waits = await mesh.call('flatOut', [...urls.keys()], { users: open, open, seconds: size === 'full' ? 6 : 0.3 })
        await bot.call('stop')
        const perSecond = waits.reduce((sum, { count: answered, seconds }) => sum + answered / seconds, 0)
        rows.push({
          figure: `${count} accounts`,
          value: perSecond,
          unit: 'msg/s',
          ...(rows[0] && { against: rows[0].value }),
          isMain: count === 50,
        })
      })
    }
    return { rows }
  },
}
