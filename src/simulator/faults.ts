/** What can go wrong in a simulated world, and what makes it go wrong there. */
import { createSeededRandom } from '../adapters/memory/seeded-random.ts'
import type { Random } from '../ports/random.ts'
import { type Interceptor, PRESETS, type Preset } from './mesh/faults.ts'
import { type AgentRequest, type AgentResponse, bare, ConnectionFailed, json } from './mesh/http.ts'
import type { DiskOptions, World } from './world.ts'

/** What each means. A rate is a chance per step, per request of that sort, per disk operation or per dispatch. */
export const FAULT_KINDS = {
  'power loss': 'between two steps; the runtime starts again some seconds later',
  'power loss at a disk operation': 'exactly before one, such as between a write and its sync, also during a start or a fold',
  'clean stop': 'and a start some seconds later',
  'config reload': 'a stop, and a start with another policy',
  'clock step': 'the wall clock of the runtime jumps by up to 2 h either way',
  'failed sync': 'of a file: what it was to make durable never becomes so',
  'failed folder sync': 'new, renamed and removed names never become durable',
  'full disk': 'for up to 20 s; a write may be cut',
  'slow disk': 'one operation takes up to 2 s, so that folds and flushes overlap',
  'agent down': 'connections are refused for up to 30 s',
  'agent restart': 'what its chat app had queued is lost',
  'agent killed after 201': 'what it had answered with 201 is lost',
  'hub outage': 'for up to 40 s',
  'frozen chat app': 'it sees nothing new until it is revived',
  'stalled queue': 'posts answered with 201 are written up to 95 s later',
  'post fails before its effect': 'HTTP 500',
  'post without effect or answer': 'a time-out',
  'post acts and its answer is lost': 'the connection breaks',
  'post acts and is never answered': 'a time-out',
  'refused post': 'HTTP 403, or 404 for up to 2 min',
  'read fails': 'a GET gives an error, garbage, a page of a proxy or nothing',
  'read hangs': 'a GET gets no answer',
  'late answer': 'a GET, ledgers included, is answered up to 20 s late, with what was known before or after',
  'shuffled answer': 'messages, our own among them, and files come in another order',
  'stale answer': 'messages as an earlier request has shown them',
  'unreadable file': 'listed, and not to be read for up to 20 s',
  'slow responder': 'up to 20 s',
  'failing responder': 'an attempt that is not the last fails',
  'hanging responder': 'an attempt that is not the last never ends',
  'dead turn': 'every attempt fails, until somebody tries the dead letter again',
  'adopting responder': 'takes the message into its own custody, and answers through send; what it has not answered its end may take along',
} as const

export type FaultKind = keyof typeof FAULT_KINDS
export type Rates = Readonly<Partial<Record<FaultKind, number>>>
export type Counts = Record<string, number>

export const ALL_KINDS = Object.keys(FAULT_KINDS) as readonly FaultKind[]

/** A stream of random numbers of its own for each name: leaving one fault out changes nothing about the others. */
export function streamOf(seed: number, name: string): Random {
  let hash = 0x811c9dc5 ^ mixed(seed)
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  return createSeededRandom(mixed(hash))
}

/** Seeds that follow one another must have nothing in common (the end of MurmurHash3). */
function mixed(seed: number): number {
  let hash = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

export interface Dice {
  /** Decides, and counts what it has decided for. */
  hits(kind: FaultKind): boolean
  random(kind: FaultKind | 'order of post faults' | 'fate of adopted turns'): Random
  /** Something that happened without a die. */
  note(what: string, times?: number): void
  /** Nothing hits, or everything may again. At first nothing does. */
  rest(on: boolean): void
  readonly counts: Readonly<Counts>
}

export function createDice(seed: number, rates: Rates): Dice {
  const streams = new Map<string, Random>()
  const counts: Counts = {}
  let resting = true
  const random = (kind: string): Random => {
    let stream = streams.get(kind)
    if (!stream) {
      stream = streamOf(seed, kind)
      streams.set(kind, stream)
    }
    return stream
  }
  const note = (what: string, times = 1) => {
    if (times > 0) counts[what] = (counts[what] ?? 0) + times
  }
  return {
    hits(kind) {
      const rate = rates[kind] ?? 0
      if (rate === 0 || resting || random(kind).unit() >= rate) return false
      note(kind)
      return true
    },
    random,
    note,
    rest(on) {
      resting = on
    },
    counts,
  }
}

/** Faults of the disk. `world` is asked for only when something runs. */
export function diskFaults(dice: Dice, world: () => World, say: (line: string) => void): DiskOptions {
  return {
    before({ name, path }, disk) {
      if (dice.hits('power loss at a disk operation')) {
        say(`power loss before ${name} of ${path}`)
        world().cutPower()
        throw new Error('The power is lost.')
      }
      if (name === 'sync' && dice.hits('failed sync')) {
        say(`the sync of ${path} fails`)
        disk.failNextSync()
      }
      if (name === 'syncFolder' && dice.hits('failed folder sync')) {
        say(`the sync of the folder ${path} fails`)
        disk.failNextSync()
      }
      if (name === 'remove' && path.startsWith('journal/')) dice.note('segment folded away')
    },
    delayMs: () => (dice.hits('slow disk') ? 1 + dice.random('slow disk').integer(2_000) : 0),
    onSurvival({ lostNames, lostWrites, tornWrites }) {
      dice.note('unsynced name lost', lostNames)
      dice.note('unsynced write lost', lostWrites)
      dice.note('unsynced write torn', tornWrites)
    },
  }
}

/** At most one of these happens to a post. */
const POST_FAULTS = [
  'refused post',
  'agent killed after 201',
  'post fails before its effect',
  'post without effect or answer',
  'post acts and its answer is lost',
  'post acts and is never answered',
] as const satisfies readonly FaultKind[]
type PostFault = (typeof POST_FAULTS)[number]
type Pass = Parameters<Interceptor>[1]

const READ_FAILURES: readonly Preset[] = ['error500', 'garbage', 'empty', 'html']
const never = <Result>() => new Promise<Result>(() => {})

/** Faults of the agent's HTTP interface. `unanswered` gets the body of every post that acted and was not answered. */
export function agentFaults(dice: Dice, world: World, say: (line: string) => void, unanswered: (body: string) => void): Interceptor {
  const { clock } = world
  const order = dice.random('order of post faults')
  const refusedUntilMs = new Map<string, number>()
  const unreadableUntilMs = new Map<string, number>()
  const shown = new Map<string, AgentResponse>()
  const wait = (ms: number) => new Promise<void>(resolve => clock.after(ms, resolve))
  const bodyOf = ({ body }: AgentRequest) => new TextDecoder().decode(body)

  const fail: Readonly<Record<PostFault, (request: AgentRequest, pass: Pass) => Promise<AgentResponse>>> = {
    async 'refused post'({ target }) {
      const random = dice.random('refused post')
      const isGone = random.unit() < 0.5
      if (isGone) refusedUntilMs.set(target, clock.monotonic() + random.integer(120_000))
      say(`the agent refuses a post: ${isGone ? 404 : 403}`)
      return bare(isGone ? 404 : 403)
    },
    async 'agent killed after 201'(_, pass) {
      const answer = await pass()
      clock.after(dice.random('agent killed after 201').integer(3), () => {
        say('the agent is killed after a 201')
        world.bot.agent.restart()
      })
      return answer
    },
    async 'post fails before its effect'() {
      say('a post fails before its effect')
      return json(500, { status: 500, message: 'simulated failure' })
    },
    async 'post without effect or answer'() {
      say('a post gets no answer and has no effect')
      return never()
    },
    async 'post acts and its answer is lost'(request, pass) {
      say('a post acts, and its answer gets lost')
      await pass()
      unanswered(bodyOf(request))
      throw new ConnectionFailed('ECONNRESET')
    },
    async 'post acts and is never answered'(request, pass) {
      say('a post acts, and is not answered')
      await pass()
      unanswered(bodyOf(request))
      return never()
    },
  }

  const post: Interceptor = async (request, pass) => {
    const chat = request.target
    if ((refusedUntilMs.get(chat) ?? 0) > clock.monotonic()) return bare(404)
    // The post itself goes its way, whatever that is.
    if (dice.hits('stalled queue')) {
      const ms = 5_000 + dice.random('stalled queue').integer(90_000)
      say(`the chat app’s queue stalls for ${ms} ms`)
      world.bot.agent.stall(ms)
    }
    // None of them is always the first to be drawn: it would leave little to the others.
    const first = order.integer(POST_FAULTS.length)
    for (let at = 0; at < POST_FAULTS.length; at++) {
      const kind = POST_FAULTS[(first + at) % POST_FAULTS.length]!
      if (dice.hits(kind)) return fail[kind](request, pass)
    }
    return null
  }

  const read: Interceptor = async (request, pass) => {
    const path = request.target.split('?', 1)[0]!
    const isMessages = path.endsWith('/messages')
    if (dice.hits('read fails')) {
      const preset = READ_FAILURES[dice.random('read fails').integer(READ_FAILURES.length)]!
      return (PRESETS[preset] as () => AgentResponse)()
    }
    if (dice.hits('read hangs')) return never()
    if (path.includes('/file-data/')) {
      if ((unreadableUntilMs.get(path) ?? 0) > clock.monotonic()) return bare(404)
      if (dice.hits('unreadable file')) {
        unreadableUntilMs.set(path, clock.monotonic() + dice.random('unreadable file').integer(20_000))
        return bare(404)
      }
    }
    if (dice.hits('late answer')) {
      const random = dice.random('late answer')
      const ms = 1_000 + random.integer(19_000)
      if (random.unit() < 0.5) {
        const answer = await pass()
        await wait(ms)
        return answer
      }
      await wait(ms)
      return pass()
    }
    if (isMessages) {
      const before = shown.get(path)
      if (before && dice.hits('stale answer')) return before
    }
    if ((isMessages || path.endsWith('/files')) && dice.hits('shuffled answer'))
      return shuffled(await pass(), dice.random('shuffled answer'))
    if (!isMessages) return null
    const answer = await pass()
    if (answer.status === 200) shown.set(path, answer)
    return answer
  }

  return (request, pass, signal) => {
    if (request.method === 'POST') return request.target.endsWith('/messages') ? post(request, pass, signal) : null
    return request.target.includes('wait=true') ? null : read(request, pass, signal)
  }
}

function shuffled(answer: AgentResponse, random: Random): AgentResponse {
  if (answer.status !== 200 || !(answer.body instanceof Uint8Array) || answer.body.length === 0) return answer
  const value: unknown = JSON.parse(new TextDecoder().decode(answer.body))
  const mix = <Item>(items: readonly Item[]): Item[] => {
    const mixed = [...items]
    for (let at = mixed.length - 1; at > 0; at--) {
      const other = random.integer(at + 1)
      ;[mixed[at], mixed[other]] = [mixed[other]!, mixed[at]!]
    }
    return mixed
  }
  if (Array.isArray(value)) return json(200, mix(value))
  return json(200, Object.fromEntries(mix(Object.entries(value as object))))
}
