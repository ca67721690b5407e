import { createSeededRandom } from '../../../../src/adapters/memory/seeded-random.ts'
import { createVirtualClock, type VirtualClock } from '../../../../src/adapters/memory/virtual-clock.ts'
import type { Random } from '../../../../src/ports/random.ts'
import type { SimAgent } from '../../../../src/simulator/mesh/agent.ts'
import { createMesh, type SimMesh, textOf } from '../../../../src/simulator/mesh/mesh.ts'
import { compare, type Verdict } from './compare.ts'
import { CHAT, type Exchange, exchanges, type Shown, shown } from './exchanges.ts'
import { hiddenEvents, phases, scenario } from './scenario.ts'

/** One run of the recording program: its own mesh. */
export type Stage = {
  readonly mesh: SimMesh
  readonly clock: VirtualClock
  readonly agent: (name: string) => SimAgent
  readonly send: (
    agent: string,
    method: string,
    target: string,
    body?: string | Uint8Array,
  ) => Promise<{ status: number; type: string; body: string }>
}

/** Every delay lies at the same place of its range: then the recorded moments can be hit to the millisecond. */
const PLACE = 0.49

/** Ids are the only thing that must differ: their digits are drawn from 16. */
function steadyRandom(): Random {
  const digits = createSeededRandom(1)
  return { unit: () => PLACE, integer: below => (below === 16 ? digits.integer(16) : Math.floor(below * PLACE)) }
}

const SETTLED_MS = 2_500
const QUICK_MS = 20
/** How finely the clock moves while an answer is awaited. */
const STEP_MS = 5
const PATIENCE_MS = 20_000

function makeStage(startMs: number): Stage {
  const clock = createVirtualClock(startMs)
  const mesh = createMesh({
    clock,
    random: steadyRandom(),
    name: 'openclaw-mesh',
    quirks: {
      publishMs: [0, 0],
      tripMs: [5, 5],
      fetchMs: [5, 20],
      rightsDelayMs: [50, 900],
      coldStartMs: [15_000, 15_000],
      reconnectMs: [3_500, 3_500],
      certificateAgeMs: 30 * 60_000,
    },
  })
  const spare = mesh.newAgent()
  const agent = (name: string) => (name === 'spare' ? spare : mesh.user(name).agent)
  return {
    mesh,
    clock,
    agent,
    send: async (name, method, target, body) => {
      const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
      const answer = await agent(name).request({ method, target, ...(bytes ? { body: bytes } : {}) })
      return { status: answer.status, type: answer.headers['content-type'] ?? '', body: await textOf(answer) }
    },
  }
}

const isPost = ({ request }: Exchange) => request.method === 'POST' && request.path.startsWith(CHAT) && request.path.endsWith('/messages')

/** The moments of the recorded posts, by what was shown of them later. */
function knownTimes(): { readonly at: ReadonlyMap<string, number>; readonly unrecorded: readonly Shown[] } {
  const at = new Map<string, number>()
  const left = [...shown]
  for (const exchange of exchanges) {
    const moment = scenario.at[exchange.id]
    if (moment !== undefined) at.set(exchange.id, moment)
    if (!isPost(exchange)) continue
    const skewMs = scenario.skewMs[exchange.id] ?? 0
    const route = exchange.request.path.slice(CHAT.length).replaceAll('+', '%2B')
    const index = left.findIndex(item => {
      if (item.sender !== exchange.agent || item.route !== route) return false
      if (moment !== undefined && item.time - skewMs !== moment) return false
      return JSON.stringify(item.message) === JSON.stringify(parsed(exchange.request.body))
    })
    if (index < 0) continue
    const [found] = left.splice(index, 1)
    at.set(exchange.id, found!.time - skewMs)
  }
  for (const [index, { id }] of exchanges.entries()) {
    const afterMs = scenario.after[id]
    const before = at.get(exchanges[index - 1]?.id ?? '')
    if (afterMs !== undefined && before !== undefined) at.set(id, before + afterMs)
  }
  return { at, unrecorded: left.filter(item => !scenario.notPosted(item)) }
}

function parsed(body: string | undefined): unknown {
  try {
    return JSON.parse((body ?? '').replaceAll(/\\ud800 /g, '?'))
  } catch {
    return undefined
  }
}

/** When each exchange happens: known moments as they were, the others close before the next known one, with time to settle. */
function timetable(phase: readonly Exchange[], startMs: number, at: ReadonlyMap<string, number>): readonly number[] {
  const times: number[] = []
  let fromMs = startMs
  for (let first = 0; first < phase.length; ) {
    let last = first
    while (last < phase.length && !at.has(phase[last]!.id)) last++
    const run = phase.slice(first, last)
    const untilMs = last < phase.length ? at.get(phase[last]!.id)! : Number.POSITIVE_INFINITY
    const waits = run.map((exchange, index) => waitBefore(exchange, phase[first + index - 1]))
    const total = waits.reduce((sum, wait) => sum + wait, QUICK_MS)
    const isTight = untilMs - fromMs < 5_000
    const scale = isTight ? Math.min(1, (untilMs - fromMs) / total) : 1
    let now = Number.isFinite(untilMs) ? Math.max(fromMs, untilMs - total * scale) : fromMs
    if (isTight && run.every(isPost)) {
      run.forEach((_, index) => void times.push(Math.round(fromMs + ((index + 1) * (untilMs - fromMs)) / (run.length + 1))))
    } else {
      for (const wait of waits) {
        now += wait * scale
        times.push(Math.round(now))
      }
    }
    if (last < phase.length) times.push(untilMs)
    fromMs = times.at(-1)!
    first = last + 1
  }
  return times
}

function waitBefore({ id, request, agent }: Exchange, before: Exchange | undefined): number {
  const own = scenario.wait[id]
  if (own !== undefined) return own
  return request.method === 'GET' && before && (before.request.method !== 'GET' || before.agent !== agent) && before.agent !== agent
    ? SETTLED_MS
    : QUICK_MS
}

/** Plays all the recordings, in order, and says of each how its answer compares. */
export async function replay(): Promise<ReadonlyMap<string, Verdict>> {
  const verdicts = new Map<string, Verdict>()
  const { at, unrecorded } = knownTimes()
  for (const { startMs, first, last, prepare } of phases) {
    const phase = exchanges.slice(indexOf(first), indexOf(last) + 1)
    const stage = makeStage(startMs)
    await prepare(stage)
    const times = timetable(phase, stage.clock.now(), at)
    const hidden = [
      ...unrecorded.map(({ sender, route, time, message }) => ({
        atMs: time,
        run: (stage: Stage) => stage.send(sender, 'POST', `${CHAT}${route}`, JSON.stringify(message)),
      })),
      ...hiddenEvents,
    ]
      .filter(({ atMs }) => atMs >= startMs && atMs <= times.at(-1)!)
      .sort((a, b) => a.atMs - b.atMs)
    for (const [index, exchange] of phase.entries()) {
      const dueMs = times[index]!
      while (hidden[0] && hidden[0].atMs <= dueMs) {
        const { atMs, run } = hidden.shift()!
        await moveTo(stage.clock, atMs)
        await run(stage)
      }
      await moveTo(stage.clock, dueMs)
      await scenario.before[exchange.id]?.(stage)
      verdicts.set(exchange.id, await play(stage, exchange))
    }
  }
  return verdicts
}

async function moveTo(clock: VirtualClock, ms: number): Promise<void> {
  if (ms > clock.now()) await clock.advance(ms - clock.now())
}

async function play(stage: Stage, exchange: Exchange): Promise<Verdict> {
  const { agent, request } = exchange
  const gaveUp = new AbortController()
  const target = scenario.target(exchange, stage)
  const text = scenario.body(exchange, stage)
  const body =
    request.bodyBase64 === undefined
      ? text === undefined
        ? undefined
        : new TextEncoder().encode(text)
      : Buffer.from(request.bodyBase64, 'base64')
  let answer: { status: number; type: string; body: string } | null | undefined
  const asked = stage
    .agent(agent)
    .request({ method: request.method, target, ...(body ? { body } : {}) }, gaveUp.signal)
    .then(async given => ({ status: given.status, type: given.headers['content-type'] ?? '', body: await textOf(given) }))
    .then(
      given => {
        answer = given
      },
      () => {
        answer = null
      },
    )
  await stage.clock.drain()
  for (const { afterMs, run } of scenario.during[exchange.id] ?? []) {
    await stage.clock.advance(afterMs)
    await run(stage)
  }
  for (let waitedMs = 0; answer === undefined && waitedMs < PATIENCE_MS; waitedMs += STEP_MS) await stage.clock.advance(STEP_MS)
  gaveUp.abort()
  await asked
  return compare(exchange, answer ?? null)
}

const indexOf = (id: string): number => {
  const index = exchanges.findIndex(exchange => exchange.id === id)
  if (index < 0) throw new Error(`The recordings have no exchange ${id}.`)
  return index
}
