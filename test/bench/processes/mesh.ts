/** The simulated mesh in a process of its own: the bots' agents over HTTP, and the people who write to them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { createMesh, type SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM, type Quirks, REAL } from '../../../src/simulator/mesh/quirks.ts'
import { type ServedAgent, serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { serve } from '../kit/child.ts'
import { createMeshUser, type MeshUser } from '../kit/mesh-user.ts'
import { LONG_AGO_MS } from '../kit/records.ts'
import { createTraffic, type Traffic, type Waits } from '../kit/traffic.ts'
import { botName, MESH } from './names.ts'

/** `instant`: nothing takes any time. `late`: the same, but a bot's posts are on the mesh 1.4 s later. `real`: as recorded. */
export type MeshKind = 'instant' | 'late' | 'real'

const INSTANT: Quirks = {
  ...CALM,
  appStartMs: [0, 0],
  announceEveryMs: 0,
  tripMs: [0, 0],
  publishMs: [0, 0],
  fetchMs: [0, 0],
  settleMs: 0,
  connectMs: [0, 0],
  ownPostsLate: true,
}
const QUIRKS: Readonly<Record<MeshKind, Quirks>> = { instant: INSTANT, late: { ...INSTANT, tripMs: [1_400, 1_400] }, real: REAL }
/** How far the mesh's clock is behind: old conversations are made in the past. */
let behindMs = 0
const clock = { ...systemClock, now: () => systemClock.now() - behindMs }

type Bot = {
  readonly name: string
  readonly served: ServedAgent
  traffic: Traffic
  requests: number
  readonly users: Map<number, MeshUser>
}

let mesh: SimMesh | null = null
let bots: Bot[] = []
const named = new Map<string, Traffic>()

const botAt = (index: number): Bot => {
  const bot = bots[index]
  if (!bot) throw new Error(`There is no bot ${index}.`)
  return bot
}
const userOf = (bot: Bot, index: number): MeshUser => {
  const user = bot.users.get(index) ?? createMeshUser(mesh!, `user-${index}`, bot.name)
  bot.users.set(index, user)
  return user
}

/** Messages that fill about one file. */
const FLOOD_AT_ONCE = 500

export const handlers = {
  /** URLs of the bots' agents. `chats`: conversations of long ago that each bot has. */
  async open(kind: MeshKind, { bots: count = 1, chats = 0 }: { bots?: number; chats?: number } = {}): Promise<readonly string[]> {
    behindMs = LONG_AGO_MS
    mesh = createMesh({ clock, random: cryptoRandom, name: MESH, quirks: QUIRKS[kind] })
    for (let index = 0; index < count; index++) {
      const name = botName(index)
      const time = clock.now()
      if (chats > 0)
        mesh.remember(
          name,
          Array.from({ length: chats }, (_, chat) => ({
            peer: `user-${chat}`,
            messages: [{ time, message: { text: `An old message of user ${chat}, who has not written since.` } }],
          })),
        )
      const { agent } = mesh.user(name)
      const bot: Bot = { name, served: await serveAgent(agent), traffic: createTraffic(), requests: 0, users: new Map() }
      agent.answer(request => {
        bot.requests += 1
        if (request.method === 'POST' && request.target.endsWith('/messages'))
          bot.traffic.answered(Buffer.from(request.body ?? '').toString())
        return null
      })
      bots.push(bot)
    }
    behindMs = 0
    return bots.map(({ served }) => served.url)
  },
  /** Requests since the last time this was asked. */
  requests(index: number): number {
    const bot = botAt(index)
    const { requests } = bot
    bot.requests = 0
    return requests
  },
  /** So many messages at a steady rate (per second), from users in turn, each at a random moment. */
  async paced(index: number, { users, rate, count }: { users: number; rate: number; count: number }): Promise<Waits> {
    const bot = botAt(index)
    bot.traffic = createTraffic()
    for (let user = 0; user < users; user++) userOf(bot, user)
    const moments = Array.from({ length: count }, () => (Math.random() * count * 1000) / rate).sort((one, other) => one - other)
    const beganAt = performance.now()
    for (const [at, moment] of moments.entries()) {
      const restMs = beganAt + moment - performance.now()
      if (restMs > 1) await sleep(restMs)
      userOf(bot, at % users).says([bot.traffic.text()])
    }
    await bot.traffic.allAnswered(60_000)
    return bot.traffic.waits()
  },
  /** Everything at once. */
  async burst(index: number, { users, each }: { users: number; each: number }): Promise<Waits> {
    const bot = botAt(index)
    bot.traffic = createTraffic()
    const writers = Array.from({ length: users }, (_, user) => userOf(bot, user))
    for (const writer of writers) writer.says(Array.from({ length: each }, () => bot.traffic.text()))
    await bot.traffic.allAnswered(120_000)
    return bot.traffic.waits()
  },
  /** As much as goes, for so many seconds: never more than `open` messages without an answer. The sum over these bots. */
  async flatOut(indices: readonly number[], { users, open, seconds }: { users: number; open: number; seconds: number }): Promise<Waits[]> {
    return Promise.all(
      indices.map(async index => {
        const bot = botAt(index)
        bot.traffic = createTraffic()
        const endAt = performance.now() + seconds * 1000
        for (let next = 0; performance.now() < endAt; next++) {
          await bot.traffic.fewerThan(open)
          userOf(bot, next % users).says([bot.traffic.text()])
          if (next % 50 === 0) await sleep(0)
        }
        await bot.traffic.allAnswered(120_000)
        return bot.traffic.waits()
      }),
    )
  },
  /**
   * `others` users write one message each at random moments of `seconds`, while the first one has written `flood` messages at once. What the
   * slowest of so few have waited is chance: with the name of earlier ones these are counted together with them.
   */
  async flooded(
    index: number,
    { flood, others, seconds, name }: { flood: number; others: number; seconds: number; name: string },
  ): Promise<Waits> {
    const bot = botAt(index)
    const traffic = named.get(name) ?? createTraffic()
    named.set(name, traffic)
    bot.traffic = traffic
    for (let user = 0; user <= others; user++) userOf(bot, user)
    // A file at a time: in one piece it would hold up the mesh itself, and everybody on it.
    for (let from = 0; from < flood; from += FLOOD_AT_ONCE) {
      const count = Math.min(FLOOD_AT_ONCE, flood - from)
      userOf(bot, 0).says(Array.from({ length: count }, (_, at) => `A message of a flood, number ${from + at}, of common length.`))
      await sleep(0)
    }
    const moments = Array.from({ length: others }, () => Math.random() * seconds * 1000)
    await Promise.all(
      moments.map(async (moment, other) => {
        await sleep(moment)
        userOf(bot, other + 1).says([traffic.text()])
      }),
    )
    await traffic.allAnswered(120_000)
    return traffic.waits()
  },
  async close(): Promise<void> {
    await Promise.all(bots.map(({ served }) => served.close()))
    bots = []
    mesh = null
  },
}

serve(handlers)
