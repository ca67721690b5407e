import { WebSocket } from 'ws'
import { LIMITS } from '../../../src/domain/limits.ts'
import { NO_GUARD, type Scenario, using, WITHOUT_GUARD } from '../kit/bench.ts'
import { openBot, openFolder, openMesh } from '../kit/stage.ts'

const POSTS = 64
/** Open and closed take turns: a machine gets warm, and journals grow. */
const TURNS = 3

/** A page that has the list, a chart, a conversation and the event log before it at once: more than any view asks for. */
const WANTS = {
  t: 'want',
  list: { account: 'bot0', search: '', busyOnly: false, offset: 0, limit: 100 },
  actor: { account: 'bot0', actor: 'snapshot:bot0' },
  chat: { account: 'bot0', chat: 'peer:user-0' },
  log: true,
}

export const inspected: Scenario = {
  name: 'inspected',
  title: 'the inspector page open and closed, 1,000 messages a second',
  limits: `unconfirmedPosts ${POSTS} (${LIMITS.unconfirmedPosts}), ${WITHOUT_GUARD}`,
  run: size =>
    using(async defer => {
      const seconds = size === 'full' ? 6 : 0.5
      const users = size === 'full' ? 500 : 10
      const rate = size === 'full' ? 1_000 : 20
      const { mesh, urls } = await openMesh(defer, 'instant')
      const bot = openBot(defer)
      await bot.call('start', await openFolder(defer), urls, { unconfirmedPosts: POSTS, ...NO_GUARD }, true)
      const url = new URL(await bot.call('inspectorUrl'))
      await mesh.call('burst', 0, { users, each: 1 })

      /** The bot's CPU time of a message, µs. */
      const measure = async () => {
        const before = await bot.call('usage')
        const { count } = await mesh.call('paced', 0, { users, rate, count: rate * seconds })
        return (((await bot.call('usage')).cpuMs - before.cpuMs) * 1_000) / count
      }
      let updates = 0
      let openMs = 0
      const whileOpen = async (): Promise<number> => {
        const socket = new WebSocket(`ws://${url.host}/stream?${url.hash.slice(1)}`)
        socket.on('message', () => updates++)
        await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
        socket.send(JSON.stringify(WANTS))
        const beganAt = performance.now()
        const found = await measure()
        openMs += performance.now() - beganAt
        socket.terminate()
        return found
      }

      const closed: number[] = []
      const open: number[] = []
      for (let turn = 0; turn < (size === 'full' ? TURNS : 1); turn++) {
        closed.push(await measure())
        open.push(await whileOpen())
      }
      await bot.call('stop')
      const middle = (found: readonly number[]) => found.toSorted((one, other) => one - other)[Math.floor(found.length / 2)] ?? 0
      return {
        rows: [
          { figure: 'CPU time of a message, page closed', value: middle(closed), unit: 'µs' },
          {
            figure: 'CPU time of a message, page open',
            value: middle(open),
            unit: 'µs',
            against: middle(closed),
            atMost: 1.8 * middle(closed),
            isMain: true,
          },
          { figure: 'updates a second while open', value: (updates * 1_000) / openMs, unit: '1/s', atMost: 11 },
        ],
      }
    }),
}
