import { setTimeout as sleep } from 'node:timers/promises'
import { openTables } from '../../../src/cluster/tables.ts'
import { createFleet, type Fleet } from '../../e2e/cluster/fleet.ts'
import { NO_GUARD, type Scenario, using, WITHOUT_GUARD } from '../kit/bench.ts'
import { diskBytes, usageOf } from '../kit/process-usage.ts'
import { type Defer, openMesh } from '../kit/stage.ts'
import { botName, MESH } from '../processes/names.ts'

/** Users who write on and on. */
const TALKERS = 4

/** What the capacity model of docs/fleet.md is worked out from. */
export const sizing: Scenario = {
  name: 'sizing',
  title: 'what idle chats and accounts cost a fleet on Restate',
  limits: WITHOUT_GUARD,
  run: size =>
    using(async defer => {
      const [chats, accounts, seconds] = size === 'full' ? [2_000, 100, 20] : [20, 3, 1]
      const chat = await using(async defer => {
        const { mesh, urls } = await openMesh(defer, 'instant')
        const fleet = await startFleet(defer, urls)
        const before = usageNow(fleet)
        await mesh.call('burst', 0, { users: chats, each: 1 })
        const disk = (usageNow(fleet).disk - before.disk) / chats
        const young = await stateBytes(fleet)
        const [talk] = await mesh.call('flatOut', [0], { users: TALKERS, open: TALKERS, seconds })
        return { young, disk, messages: Math.floor(talk!.count / TALKERS), old: await stateBytes(fleet, TALKERS) }
      })
      const { urls } = await openMesh(defer, 'instant', { bots: accounts })
      const idle = async (urls: readonly string[]) =>
        using(async defer => {
          const fleet = await startFleet(defer, urls)
          await untilClaimed(fleet, urls.length)
          const before = usageNow(fleet)
          await sleep(seconds * 1_000)
          const after = usageNow(fleet)
          return {
            rss: after.feeder.rssBytes,
            feederMs: (after.feeder.cpuMs - before.feeder.cpuMs) / seconds,
            engineMs: (after.engine.cpuMs - before.engine.cpuMs) / seconds,
          }
        })
      const [one, many] = [await idle(urls.slice(0, 1)), await idle(urls)]
      const others = accounts - 1
      return {
        rows: [
          { figure: `state of a chat with one message, average of ${chats}`, value: chat.young, unit: 'B' },
          { figure: 'the same on the disk of the engine, its log included', value: chat.disk, unit: 'B' },
          { figure: `state of a chat with ${chat.messages} messages`, value: chat.old, unit: 'B' },
          {
            figure: `memory of a feeder for an idle account, average of ${others}`,
            value: (many.rss - one.rss) / others / 1_024,
            unit: 'KB',
          },
          { figure: 'CPU of a feeder for an idle account', value: ((many.feederMs - one.feederMs) / others) * 1_000, unit: 'µs/s' },
          { figure: 'CPU of the engine for an idle account', value: ((many.engineMs - one.engineMs) / others) * 1_000, unit: 'µs/s' },
        ],
      }
    }),
}

async function startFleet(defer: Defer, urls: readonly string[]): Promise<Fleet> {
  const accounts = Object.fromEntries(
    urls.map((agentUrl, index) => [`bot${index}`, { agentUrl, meshName: MESH, username: botName(index) }]),
  )
  const fleet = await createFleet({ config: { dmPolicy: 'allow', limits: NO_GUARD, accounts } })
  defer(() => fleet.dispose())
  await fleet.start('engine')
  await fleet.start('service')
  await fleet.start('feeder')
  return fleet
}

const usageNow = (fleet: Fleet) => ({
  engine: usageOf(fleet.pid('engine')),
  feeder: usageOf(fleet.pid('feeder')),
  disk: diskBytes(fleet.engineFolder),
})

/** On average; of the largest so many, when that is said. */
async function stateBytes(fleet: Fleet, largest = Number.POSITIVE_INFINITY): Promise<number> {
  const tables = openTables(fleet.admin)
  try {
    const sizes: number[] = []
    for await (const { value } of tables.rows('chat')) sizes.push(Buffer.byteLength(JSON.stringify(value)))
    const counted = sizes.sort((one, other) => other - one).slice(0, largest)
    return counted.reduce((sum, bytes) => sum + bytes, 0) / counted.length
  } finally {
    await tables.close()
  }
}

/** Every account is with the feeder. */
async function untilClaimed(fleet: Fleet, accounts: number): Promise<void> {
  const tables = openTables(fleet.admin)
  try {
    for (;;) {
      let held = 0
      for await (const { name } of tables.rows('account')) if (name === 'holder') held += 1
      if (held === accounts) return
      await sleep(200)
    }
  } finally {
    await tables.close()
  }
}
