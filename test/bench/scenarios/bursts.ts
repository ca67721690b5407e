import { DEFAULTS, type Row, type Scenario, using } from '../kit/bench.ts'
import { floorOf, openBot, openFolder, openLoop, openMesh } from '../kit/stage.ts'

const burst = (name: string, title: string, users: number, each: number): Scenario => ({
  name,
  title,
  limits: DEFAULTS,
  run: size =>
    using(async defer => {
      const plan = size === 'full' ? { users, each } : { users: Math.min(users, 4), each: Math.min(each, 4) }
      const { mesh, urls } = await openMesh(defer, 'instant')
      const bot = openBot(defer)
      await bot.call('start', await openFolder(defer), urls)
      const floor = await floorOf(defer, urls[0] ?? '')
      const here = await mesh.call('burst', 0, plan)
      await bot.call('stop')
      const loopMesh = await openLoop(defer, 'instant')
      const loop = await loopMesh.call('burst', 0, plan)
      const rows: Row[] = [
        { figure: 'all answered', value: here.seconds, unit: 's', loop: loop.seconds, isMain: true },
        { figure: 'answer posted, p50', value: here.p50, unit: 'ms', loop: loop.p50, against: floor.p50 },
        { figure: 'answer posted, p99', value: here.p99, unit: 'ms', loop: loop.p99, against: floor.p99 },
      ]
      return { rows }
    }),
})

export const ofOne = burst('burst-one', '200 messages of one user at once, answered in order', 1, 200)
export const ofMany = burst('burst-many', 'a message each of 1,000 users at once', 1_000, 1)
