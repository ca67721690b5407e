import { LIMITS } from '../../../src/domain/limits.ts'
import { DEFAULTS, NO_GUARD, type Row, type Scenario, using, WITHOUT_GUARD } from '../kit/bench.ts'
import { floorOf, openBot, openFolder, openMesh } from '../kit/stage.ts'

const POSTS = 64

/** End to end: the simulated agent over HTTP in another process, an echo, everything durable. */
export const sustained: Scenario = {
  name: 'sustained',
  title: 'sustained load of 500 users, confirmations at once',
  limits: `unconfirmedPosts ${POSTS} (${LIMITS.unconfirmedPosts}), ${WITHOUT_GUARD}`,
  run: size =>
    using(async defer => {
      const seconds = size === 'full' ? 12 : 0.5
      const users = size === 'full' ? 500 : 10
      const rate = size === 'full' ? 1_000 : 20
      const { mesh, urls } = await openMesh(defer, 'instant')
      const bot = openBot(defer)
      await bot.call('start', await openFolder(defer), urls, { unconfirmedPosts: POSTS, ...NO_GUARD })
      const floor = await floorOf(defer, urls[0] ?? '')
      await mesh.call('burst', 0, { users, each: 1 })
      const before = await bot.call('usage')
      const [flatOut] = await mesh.call('flatOut', [0], { users, open: 200, seconds })
      const after = await bot.call('usage')
      const paced = await mesh.call('paced', 0, { users, rate, count: rate * seconds })
      await bot.call('stop')
      const rows: Row[] = [
        { figure: 'messages answered, flat out', value: flatOut!.count / flatOut!.seconds, unit: 'msg/s', atLeast: 1_000, isMain: true },
        { figure: "the bot's CPU time of a message", value: ((after.cpuMs - before.cpuMs) * 1000) / flatOut!.count, unit: 'µs' },
        { figure: `answered when ${rate} a second are written`, value: paced.count / paced.seconds, unit: 'msg/s' },
        { figure: `answer posted under ${rate} a second, p50`, value: paced.p50, unit: 'ms', against: floor.p50 },
        { figure: `answer posted under ${rate} a second, p99`, value: paced.p99, unit: 'ms', against: floor.p99, isMain: true },
      ]
      return { rows }
    }),
}

const LATE_S = 1.4

export const late: Scenario = {
  name: 'sustained-late',
  title: 'sustained load, each post confirmed after 1.4 s',
  limits: DEFAULTS,
  run: size =>
    using(async defer => {
      const { mesh, urls } = await openMesh(defer, 'late')
      const bot = openBot(defer)
      await bot.call('start', await openFolder(defer), urls)
      if (size === 'full') await mesh.call('burst', 0, { users: 100, each: 1 })
      const [waits] = await mesh.call('flatOut', [0], { users: 100, open: 64, seconds: size === 'full' ? 20 : 0.5 })
      await bot.call('stop')
      const row: Row = {
        figure: `messages answered, with ${LIMITS.unconfirmedPosts} slots`,
        value: waits!.count / waits!.seconds,
        unit: 'msg/s',
        against: LIMITS.unconfirmedPosts / LATE_S,
        atLeast: (0.8 * LIMITS.unconfirmedPosts) / LATE_S,
        isMain: true,
      }
      return { rows: [row] }
    }),
}
