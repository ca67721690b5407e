/** One seeded run of the whole runtime with faults, and what its users must find on the mesh at the end. */
import { createSeededRandom } from '../adapters/memory/seeded-random.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { Random } from '../ports/random.ts'
import type { Responder } from '../ports/responder.ts'
import type { RuntimeEvent } from '../runtime/runtime.ts'
import type { Quirks } from './mesh/quirks.ts'
import { createWorld, type World } from './world.ts'

/** Chances per step, 0 to 1. */
export type FaultRates = {
  /** Power loss of the runtime, and a start some seconds later. */
  readonly crash: number
  /** The answer to a post gets lost after the effect. */
  readonly lostAnswer: number
  /** A post is answered with 500, and has no effect. */
  readonly failedPost: number
  /** The agent restarts; what it had queued is lost. */
  readonly agentRestart: number
  /** The disk is full, or a sync fails, for a while. */
  readonly disk: number
  /** The responder fails, hangs or is slow. */
  readonly responder: number
}

export const FAULTS: FaultRates = { crash: 0.08, lostAnswer: 0.1, failedPost: 0.08, agentRestart: 0.02, disk: 0.05, responder: 0.15 }

export type ScenarioOptions = {
  readonly seed: number
  readonly users?: number
  readonly steps?: number
  readonly faults?: FaultRates
  readonly quirks?: Partial<Quirks>
}

export type ScenarioResult = {
  readonly seed: number
  /** One line for each violation; empty when all is well. */
  readonly violations: readonly string[]
  readonly messages: number
  /** What happened, in order, for a reader. */
  readonly trace: readonly string[]
}

const STEP_MS_MAX = 4_000
const CLOCK_SKEW_MS_MAX = 2 * 3_600_000
const GROUP: ChatId = 'group:user0/team'
/** Of all messages. */
const GROUP_SHARE = 0.25
/** Time in which everything must come to rest: longer than the longest wait of an uncertain reply. */
const REST_MS = 40 * 60_000

/** Fails, hangs and dawdles by chance, but not for ever: a message is answered at its last attempt at the latest. */
const moody = (random: Random, rate: number, world: () => World): Responder => ({
  async respond({ text, attempt }) {
    if (attempt < 3 && random.unit() < rate) throw new Error('the model is away')
    if (attempt < 3 && random.unit() < rate / 4) return new Promise(() => {})
    if (random.unit() < rate) await new Promise<void>(resolve => world().clock.after(random.integer(20_000), resolve))
    return `echo: ${text}`
  },
})

const textOf = (message: Json | undefined): string =>
  typeof message === 'object' && message !== null && 'text' in message ? String(message.text) : JSON.stringify(message)

export async function runScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const { seed, users = 4, steps = 40, faults = FAULTS, quirks = {} } = options
  const random = createSeededRandom(seed)
  const trace: string[] = []
  const world: World = createWorld({
    seed,
    quirks,
    responder: moody(random, faults.responder, () => world),
    config: { pollInterval: 500, enableGroups: true, groupPolicy: 'open' },
  })
  const say = (line: string) => trace.push(`${String(Math.round(world.clock.monotonic())).padStart(8)} ms  ${line}`)
  const startMs = world.clock.now()
  const told = (event: RuntimeEvent): string => {
    const { event: kind, account, atMs, ...rest } = event
    return `${String(Math.round(atMs - startMs)).padStart(8)} ms  ${account}: ${kind} ${Object.values(rest).join(' ')}`
  }
  const names = Array.from({ length: users }, (_, n) => `user${n}`)
  const written = new Map<string, string[]>(names.map(name => [name, []]))
  // Clocks are wrong by up to two hours either way.
  for (const name of names) world.mesh.user(name, { skewMs: Math.round((random.unit() * 2 - 1) * CLOCK_SKEW_MS_MAX) })
  const chance = (rate: number) => random.unit() < rate

  await world.start()
  await world.mesh.user(names[0]!).creates('team', { name: 'Team', members: [...names, world.mesh.bot] })
  // Until everybody's chat app knows the group.
  await world.settle(30_000)
  for (let step = 0; step < steps; step++) {
    const name = names[random.integer(users)]!
    if (chance(GROUP_SHARE)) {
      const isMeant = chance(0.5)
      const text = `team-${step}`
      say(`${name} writes ${text} in the group${isMeant ? ', to the bot' : ''}`)
      // A chat app that has not heard of the group refuses; what reached the mesh counts.
      await world.mesh
        .user(name)
        .says(isMeant ? `@${world.mesh.bot} ${text}` : text, GROUP)
        .catch((error: Error) => say(error.message))
    } else {
      const text = `${name}-${written.get(name)!.length}`
      written.get(name)!.push(text)
      say(`${name} writes ${text}`)
      await world.mesh.user(name).says(text)
    }
    for (const [preset, rate] of [['lostAnswer', faults.lostAnswer] as const, ['error500', faults.failedPost] as const]) {
      if (!chance(rate)) continue
      say(`the agent: ${preset} on the next post`)
      world.bot.agent.answer(preset, { when: request => request.method === 'POST' && request.target.includes('/messages'), times: 1 })
    }
    if (chance(faults.disk)) {
      if (chance(0.5)) {
        say('the next sync fails')
        world.disk().failNextSync()
      } else {
        const fullMs = random.integer(20_000)
        say(`the disk is full for ${fullMs} ms`)
        const disk = world.disk()
        disk.fill(0)
        world.clock.after(fullMs, () => disk.fill(Number.POSITIVE_INFINITY))
      }
    }
    await world.settle(random.integer(STEP_MS_MAX))
    if (chance(faults.agentRestart)) {
      say('the agent restarts')
      world.bot.agent.restart()
    }
    if (chance(faults.crash)) {
      say('power loss')
      await world.crash()
      await world.settle(random.integer(STEP_MS_MAX))
      say('start')
      await world.start()
    }
  }
  await world.settle(REST_MS)

  const violations: string[] = []
  const expectOnce = (reader: string, expected: readonly string[], found: readonly string[]) => {
    for (const answer of expected) {
      const times = found.filter(text => text === answer).length
      if (times !== 1) violations.push(`${reader} got ${times} times ${JSON.stringify(answer)}`)
    }
    for (const answer of found) {
      if (!expected.includes(answer)) violations.push(`${reader} got ${JSON.stringify(answer)}, which answers nothing`)
    }
  }
  const groupTexts = world.mesh.reached(names[0]!, GROUP).map(({ sender, message }) => ({ sender, text: textOf(message) }))
  const mention = `@${world.mesh.bot} `
  expectOnce(
    'the group',
    groupTexts.filter(({ text }) => text.startsWith(mention)).map(({ text }) => `echo: ${text.slice(mention.length)}`),
    groupTexts.filter(({ sender }) => sender === world.mesh.bot).map(({ text }) => text),
  )
  for (const name of names) {
    // With its oddities the mesh loses what some users write, and their chat apps some of what they get: only what it has counts.
    const reached = world.mesh.reached(name, `peer:${world.mesh.bot}`)
    const from = (sender: string) => reached.filter(message => message.sender === sender).map(({ message }) => textOf(message))
    const isCalm = Object.keys(quirks).length === 0
    const expected = (isCalm ? written.get(name)! : from(name)).map(text => `echo: ${text}`)
    const found = isCalm ? world.answers(name) : from(world.mesh.bot)
    expectOnce(name, expected, found)
    // What a restarted agent forgets is posted again behind what it did not forget; and where several posts have no outcome,
    // only a later one that is confirmed tells that they are lost.
    if (faults.agentRestart === 0 && faults.failedPost === 0 && JSON.stringify(found) !== JSON.stringify(expected))
      violations.push(`${name} got the answers out of order: ${found.join(', ')}`)
  }
  const { outbox, runningDispatches, waitingDispatches, state } = world.account.status()
  if (outbox > 0 || runningDispatches > 0 || waitingDispatches > 0)
    violations.push(`not at rest: ${JSON.stringify({ outbox, runningDispatches, waitingDispatches })}`)
  if (state !== 'live') violations.push(`the account ended ${state}`)
  await world.stop()
  return { seed, violations, messages: steps, trace: [...trace, ...world.events.map(told)].sort() }
}
