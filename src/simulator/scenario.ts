/** One seeded run of the whole runtime: a calm beginning, a storm of faults, a calm end; then the oracle judges. */

import { openStore } from '../adapters/store/store.ts'
import type { ChatId } from '../domain/ids.ts'
import type { LogFields } from '../ports/log.ts'
import { RIVAL_FOUND } from '../runtime/rivals.ts'
import type { AccountHandle } from '../runtime/runtime.ts'
import { createAssistant } from './assistant.ts'
import { ALL_KINDS, agentFaults, type Counts, createDice, diskFaults, type FaultKind, streamOf } from './faults.ts'
import { REAL } from './mesh/quirks.ts'
import { judge, type Told, writtenIn } from './oracle.ts'
import { configOf } from './policy-reading.ts'
import { drawPolicy, FRIEND, type Plan, userName } from './swarm.ts'
import { createWorkload, GROUP } from './workload.ts'
import { createWorld, type World } from './world.ts'

export type ScenarioResult = {
  readonly seed: number
  /** One line for each violation; empty when all is well. */
  readonly violations: readonly string[]
  readonly messages: number
  /** Faults injected, by kind, and what they brought about. */
  readonly counts: Readonly<Counts>
  /** What happened, in order, for a reader. */
  readonly trace: readonly string[]
}

const CLOCK_SKEW_MS_MAX = 2 * 3_600_000
/** Until everybody's chat app knows the group, and the first start is over. */
const BEGIN_MS = 40_000
/** The end of a storm: most of the answers are posted in it. */
const TAIL_MS = 60_000
const TAIL_STEP_MS = 20_000
/** In which everything must come to rest: longer than the longest wait of an uncertain reply. */
const REST_MS = 50 * 60_000
const REST_STEP_MS = 60_000
/**
 * Nothing is under way for so long: every look that can find something has been made, but for the rare one at the whole file
 * index. The slowest is, with polling, the read over the fence, for senders whose clock is behind: `fenceReadMs` and a quarter.
 */
const QUIET_STEPS = 2
/** By then the whole file index has been looked at, too: waited for where something that was written was not decided about yet. */
const FULL_LOOK_MS = 13 * 60_000
/** A question that no fault gets in the way of is answered within this. */
const CALM_ANSWER_MS = 60_000
/** For the rest of its parts, and a second copy of any. */
const AFTERWARDS_MS = 20_000
const REAL_ANSWER_MS = 5 * 60_000
/** Connected again after the hub, and known as a source of files. */
const EVERYBODY_BACK_MS = 30_000
/** The one error that a simulated world may bring about: our mistakes are logged as errors, too. */
const DISK_TROUBLE = 'state cannot be written'
/** State of a run that has come to rest, beside what the config lets the journal have. */
const STATE_BYTES_MAX = 1_048_576

export async function runScenario(plan: Plan): Promise<ScenarioResult> {
  const { seed, rates } = plan
  const random = streamOf(seed, 'storm')
  const dice = createDice(seed, rates)
  const trace: string[] = []
  const violations: string[] = []
  let policy = plan.policy
  /** As far as was told. */
  const asking = new Set<string>()
  /** Whose request ended when: it has its place until that is on the disk, and newcomers are told first. */
  const endedAtMs = new Map<string, number>()
  let skewMs = 0
  let skewsMs: readonly [number, number] = [0, 0]
  const record: Told = {
    decisions: new Map(),
    policies: [policy],
    approvals: new Map(),
    rejections: new Set(),
    pendingMax: 0,
    uncertain: new Set(),
    unanswered: new Set(),
  }

  const say = (line: string) => trace.push(`${String(Math.round(world.clock.monotonic())).padStart(8)} ms  ${line}`)
  const assistant = createAssistant(dice, () => world)
  const world: World = createWorld({
    seed,
    quirks: plan.real ? REAL : {},
    responder: assistant.responder,
    config: { ...plan.config, ...configOf(policy, GROUP.slice('group:'.length)) },
    store: plan.store,
    runtimeSkewMs: () => skewMs,
    disk: diskFaults(dice, () => world, say),
    onEvent(event) {
      const { event: kind, account, atMs, ...rest } = event
      say(`${account}: ${kind} ${Object.values(rest).join(' ')}`)
      if (event.event === 'posted') dice.note('post')
      if (event.event === 'uncertain') {
        dice.note('post held as uncertain')
        record.uncertain.add(event.chat)
      }
      // Who is turned away for want of room is so while the others still wait.
      if (event.event === 'pairing') {
        if (event.state === 'pending') asking.add(event.user)
        else if (asking.delete(event.user)) endedAtMs.set(event.user, world.clock.monotonic())
        const justEnded = [...endedAtMs].filter(([user, atMs]) => !asking.has(user) && atMs === world.clock.monotonic())
        record.pendingMax = Math.max(record.pendingMax, asking.size + justEnded.length)
      }
      if (event.event !== 'decision') return
      const outcome = `${event.action} ${event.reason}` as const
      const nowMs = world.clock.monotonic()
      // That it was held may have been decided in an earlier life, which could not tell of it any more.
      const isRelease = event.detail === 'approved by pairing'
      if (!isRelease && !record.decisions.has(event.id)) record.decisions.set(event.id, { outcome, policy, atMs: nowMs })
      const sender = event.sender
      const isListed = policy.allowFrom.includes(sender) || policy.allowFrom.includes('*')
      if (event.chat.startsWith('peer:') && event.action === 'process' && event.reason === 'whitelisted' && !isListed) {
        if ((record.approvals.get(sender)?.triedAtMs ?? Number.POSITIVE_INFINITY) > nowMs)
          violations.push(`${sender} was let in, and nobody had approved it`)
      }
    },
  })
  const { clock, bot } = world
  const names = Array.from({ length: plan.users }, (_, index) => userName(index))
  for (const name of names) {
    const userSkewMs = Math.round((random.unit() * 2 - 1) * CLOCK_SKEW_MS_MAX)
    dice.note('user with a wrong clock')
    world.mesh.user(name, { skewMs: userSkewMs })
  }
  const workload = createWorkload(random, dice, world, plan.users, say)

  try {
    await run()
  } catch (error) {
    violations.push(`the run itself failed: ${error instanceof Error ? error.message : String(error)}`)
  }
  return { seed, violations, messages: workload.messages(), counts: dice.counts, trace }

  async function run(): Promise<void> {
    await begin()
    dice.rest(false)
    const stopFaults = bot.agent.answer(agentFaults(dice, world, say, body => void record.unanswered.add(body)))
    for (let step = 0; step < plan.steps; step++) {
      await workload.step()
      await stumble()
      await owner()
      await world.settle(random.integer(plan.stepMsMax))
      if (!world.isUp) {
        await world.settle(random.integer(4_000))
        await start()
      }
      check('')
    }
    await tail()
    stopFaults()
    await calmDown()
    await rest()
    await ask()
    await finish()
  }

  async function begin(): Promise<void> {
    await world.start()
    await world.mesh.user(names[0]!).creates('team', { name: 'Team', members: [...names, world.mesh.bot] })
    await world.settle(BEGIN_MS)
  }

  /** Until it runs: a start may itself die, or find the disk full. */
  async function start(): Promise<void> {
    for (let tries = 0; !world.isUp; tries++) {
      assistant.died()
      say('start')
      try {
        await world.start()
      } catch (error) {
        say(`the start failed: ${error instanceof Error ? error.message : String(error)}`)
        if (tries > 60) throw error
      }
      if (world.isUp) {
        // What ended untold, since the power was lost, has ended all the same.
        asking.clear()
        for (const { user } of world.account.pairings()) asking.add(user)
        return check(' after a start')
      }
      await world.settle(500 + random.integer(2_000))
    }
  }

  async function stop(): Promise<void> {
    if (!world.isUp) return
    const lossesBefore = world.powerLosses()
    await world.stop()
    if (world.powerLosses() > lossesBefore) return
    const { timers, requests } = world.leaks()
    if (timers + requests > 0) violations.push(`a stop left ${timers} timers and ${requests} requests behind`)
  }

  function account(): AccountHandle | null {
    return world.isUp ? (world.runtime.accounts()[0] ?? null) : null
  }

  /** The faults of one step. */
  async function stumble(): Promise<void> {
    const chance = (kind: FaultKind, ms: number) => dice.random(kind).integer(ms)
    if (dice.hits('clock step')) {
      skewMs = Math.round((dice.random('clock step').unit() * 2 - 1) * CLOCK_SKEW_MS_MAX)
      skewsMs = [Math.min(skewsMs[0], skewMs), Math.max(skewsMs[1], skewMs)]
      say(`our clock is ${skewMs} ms ahead from now on`)
    }
    if (dice.hits('full disk')) {
      const ms = chance('full disk', 20_000)
      say(`the disk is full for ${ms} ms`)
      const disk = world.disk()
      disk.fill(chance('full disk', 2_000))
      clock.after(ms, () => disk.fill(Number.POSITIVE_INFINITY))
    }
    if (dice.hits('agent down')) {
      const ms = chance('agent down', 30_000)
      say(`the agent refuses connections for ${ms} ms`)
      bot.agent.down()
      clock.after(ms, () => bot.agent.up())
    }
    if (dice.hits('hub outage')) {
      const ms = chance('hub outage', 40_000)
      say(`the hub is away for ${ms} ms`)
      world.mesh.hub.down()
      clock.after(ms, () => world.mesh.hub.up())
    }
    if (dice.hits('frozen chat app')) {
      say('the chat app freezes')
      bot.agent.freeze()
    }
    if (dice.hits('agent restart')) {
      say('the agent restarts')
      bot.agent.restart()
    }
    if (dice.hits('power loss')) {
      say('power loss')
      await world.crash()
      return
    }
    const reloads = dice.hits('config reload')
    if (!reloads && !dice.hits('clean stop')) return
    say(reloads ? 'another config' : 'a clean stop')
    await stop()
    if (reloads) {
      policy = drawPolicy(dice.random('config reload'), plan.users)
      record.policies.push(policy)
      world.configure({ ...plan.config, ...configOf(policy, GROUP.slice('group:'.length)) })
    } else await world.settle(chance('clean stop', 4_000))
    await start()
  }

  /** Nobody writes any more, and what is still under way meets its faults. */
  async function tail(): Promise<void> {
    for (let ms = 0; ms < TAIL_MS; ms += TAIL_STEP_MS) {
      await world.settle(TAIL_STEP_MS)
      await start()
      await owner()
    }
  }

  /** Lets strangers in, turns them down, tries dead letters again; and the assistant delivers what it has in custody. */
  async function owner(): Promise<void> {
    const handle = account()
    if (!handle) return
    assistant.deliver(handle)
    for (const { user, code } of handle.pairings()) {
      if (random.unit() < 0.2) continue
      if (random.unit() < 0.65) {
        say(`${user} is approved`)
        dice.note('pairing approved')
        const approval = record.approvals.get(user) ?? { triedAtMs: clock.monotonic(), doneAtMs: null }
        record.approvals.set(user, approval)
        void handle.approve(code).then(
          done => {
            if (done !== null) approval.doneAtMs ??= world.mesh.hub.now()
          },
          () => {},
        )
      } else {
        say(`${user} is rejected`)
        dice.note('pairing rejected')
        record.rejections.add(user)
        void handle.reject(code).catch(() => {})
      }
    }
    const [letter] = handle.deadLetters()
    if (letter && random.unit() < 0.3) retry(handle, letter.id)
  }

  function retry(handle: AccountHandle, id: string): void {
    say(`dead letter ${id} is tried again`)
    dice.note('dead letter tried again')
    void handle.retryDeadLetter(id).catch(() => {})
  }

  /** What holds at any time. */
  function check(when: string): void {
    const handle = account()
    if (!handle) return
    const { pendingPairings, chats } = handle.status()
    const { dispatches } = plan.config.limits
    if (assistant.atOnceMax() > dispatches) violations.push(`${assistant.atOnceMax()} messages were at the assistant at once${when}`)
    record.pendingMax = Math.max(record.pendingMax, pendingPairings)
    if (pendingPairings > 3) violations.push(`${pendingPairings} pairing requests were pending at once${when}`)
    if (chats > plan.users + workload.writers.size + 2) violations.push(`${chats} chats are kept${when}`)
  }

  async function calmDown(): Promise<void> {
    say('the storm is over')
    dice.rest(true)
    assistant.forgive()
    world.disk().fill(Number.POSITIVE_INFINITY)
    bot.agent.up()
    world.mesh.hub.up()
    if (!world.isUp) await start()
    // With push the message files tell what a frozen chat app does not; without, somebody has to revive it.
    if (plan.config.feed === 'push' && !plan.real) return
    // A chat app that starts while another agent is away never reads what it cannot download then, such as who is in a group.
    if (plan.real) await world.settle(EVERYBODY_BACK_MS)
    bot.agent.restart()
  }

  async function rest(): Promise<void> {
    let quiet = 0
    for (let ms = 0; ms < REST_MS; ms += REST_STEP_MS) {
      const handle = world.account
      for (const { id } of handle.deadLetters()) retry(handle, id)
      assistant.deliver(handle)
      await world.settle(REST_STEP_MS)
      check(' in the end')
      quiet = isQuiet() ? quiet + 1 : 0
      if (quiet >= QUIET_STEPS && !plan.restsLong && (ms >= FULL_LOOK_MS || !isOwed())) return
    }
  }

  function isQuiet(): boolean {
    const { outbox, runningDispatches, waitingDispatches, state } = world.account.status()
    const busy = outbox + runningDispatches + waitingDispatches + world.account.deadLetters().length + assistant.owed()
    return busy === 0 && state === 'live' && !bot.agent.isBusy
  }

  /** Something was not decided about, as far as was told: the rare look at the whole file index has to come. */
  function isOwed(): boolean {
    return chatsOfRun().some(chat => writtenIn(world, chat).some(({ id, raw }) => raw.replacedAtMs === null && !record.decisions.has(id)))
  }

  function chatsOfRun(): readonly ChatId[] {
    return [...[...new Set([...names, ...workload.writers, FRIEND])].map(name => `peer:${name}` as const), GROUP]
  }

  /** When all is calm, a friend asks, and must have the answer in time. */
  async function ask(): Promise<void> {
    const { state, outbox, runningDispatches, waitingDispatches } = world.account.status()
    const letters = world.account.deadLetters().length
    if (state !== 'live') violations.push(`the account ended ${state}: ${world.account.status().reason}`)
    if (outbox + runningDispatches + waitingDispatches + letters + assistant.owed() > 0)
      violations.push(
        `not at rest: ${JSON.stringify({ outbox, runningDispatches, waitingDispatches, letters, inCustody: assistant.owed() })}`,
      )
    const all = world.account.inspection.busy()
    // Whoever waits to be let in does so for an hour, with the request and with the chat that holds what was written.
    const waits = new Set(world.account.pairings().flatMap(({ user }) => [`pairing:${user}`, `chat:peer:${user}`]))
    const busy = all.filter(actor => !waits.has(actor))
    if (busy.length > 0) violations.push(`actors that have nothing to do any more still run: ${busy.join(', ')}`)
    // What a real mesh's chat app loses, polling does not see.
    if (policy.dmPolicy === 'disabled' || (plan.real && plan.config.feed !== 'push')) return
    const chat: ChatId = `peer:${FRIEND}`
    world.mesh.user(FRIEND)
    if (plan.real) await world.settle(20_000)
    say(`${FRIEND} writes "q0 all well?"`)
    await world.mesh.user(FRIEND).says('q0 all well?')
    const limitMs = plan.real ? REAL_ANSWER_MS : CALM_ANSWER_MS
    const isAnswered = () => world.mesh.reached(FRIEND, `peer:${world.mesh.bot}`).some(({ sender }) => sender === world.mesh.bot)
    for (let ms = 0; ms < limitMs && !isAnswered(); ms += 2_000) await world.settle(2_000)
    if (!isAnswered()) violations.push(`${FRIEND} had no answer within ${limitMs} ms, and nothing was in the way (${chat})`)
    await world.settle(AFTERWARDS_MS)
  }

  async function finish(): Promise<void> {
    const pending = world.account.pairings().map(({ user }) => user)
    await stop()
    for (const { level, phrase, fields } of world.log) {
      if (phrase === RIVAL_FOUND) violations.push(`another process was suspected where there is none: ${errorIn(fields)}`)
      if (level === 'error' && phrase !== DISK_TROUBLE) violations.push(`an error was logged: ${phrase} ${errorIn(fields)}`)
    }
    const bytes = world.disk().bytes()
    const boundBytes = STATE_BYTES_MAX + 2 * plan.config.limits.journalBytes
    if (bytes > boundBytes) violations.push(`the state has ${bytes} bytes, more than ${boundBytes}`)
    const state = await (await openStore({ disk: world.disk(), ...plan.store })).load()
    if (state.problems.length > 0) violations.push(...state.problems)
    const verdict = judge({
      world,
      chats: chatsOfRun(),
      record,
      assistant,
      kinds: ALL_KINDS.filter(kind => (dice.counts[kind] ?? 0) > 0),
      drawn: ALL_KINDS.filter(kind => rates[kind] !== undefined),
      state,
      pending,
      wallSpanMs: skewsMs[1] - skewsMs[0] + clock.monotonic(),
      isReal: plan.real,
      isPushed: plan.config.feed === 'push',
      apologies: plan.config.notifyOnFailure,
    })
    for (const [what, times] of Object.entries(verdict.counts)) dice.note(what, times)
    dice.note('post repeated', repeatedPosts(world))
    violations.push(...verdict.violations)
  }
}

const errorIn = ({ err, ...fields }: LogFields): string => JSON.stringify({ ...fields, ...(err instanceof Error && { err: err.message }) })

/** Bodies carry the reply's key: the same again is the same reply. */
function repeatedPosts(world: World): number {
  const bodies = world.mesh.accepted
    .filter(({ sender }) => sender === world.mesh.bot)
    .map(({ to, message }) => JSON.stringify([to, message]))
  return bodies.length - new Set(bodies).size
}

export type { Plan }
