/** From a seed to a plan: which faults can happen in this run and how often, who writes, under which policy. */
import type { Limits } from '../domain/limits.ts'
import type { Random } from '../ports/random.ts'
import { ALL_KINDS, type FaultKind, type Rates, streamOf } from './faults.ts'
import type { Policy } from './policy-reading.ts'

export type Plan = {
  readonly seed: number
  /** Delays, losses and oddities of a real mesh. */
  readonly real: boolean
  readonly users: number
  readonly steps: number
  readonly stepMsMax: number
  readonly rates: Rates
  readonly policy: Policy
  /** Everything else of the account's config. */
  readonly config: {
    readonly feed: 'push' | 'poll' | 'auto'
    readonly pollInterval: number
    readonly apiTimeout: number
    readonly notifyOnFailure: boolean
    readonly limits: Pick<
      Limits,
      'journalBytes' | 'partCharacters' | 'dispatches' | 'dispatchTimeoutMs' | 'dispatchBackoffMsMax' | 'decisionsPerChat' | 'fenceReadMs'
    >
  }
  readonly store: { readonly segmentBytes: number; readonly shards: number }
  /** Everything is waited for that could still come, and not only until nothing is under way. */
  readonly restsLong: boolean
}

/** Chance of one kind where it is on: of a step, a request, a disk operation or a dispatch. */
const USUAL: Readonly<Record<FaultKind, number>> = {
  'power loss': 0.24,
  'power loss at a disk operation': 0.006,
  'clean stop': 0.34,
  'config reload': 0.3,
  'clock step': 0.28,
  'failed sync': 0.04,
  'failed folder sync': 0.06,
  'full disk': 0.27,
  'slow disk': 0.02,
  'agent down': 0.24,
  'agent restart': 0.26,
  'agent killed after 201': 0.65,
  'hub outage': 0.26,
  'frozen chat app': 0.27,
  'stalled queue': 0.27,
  'post fails before its effect': 0.9,
  'post without effect or answer': 0.83,
  'post acts and its answer is lost': 0.6,
  'post acts and is never answered': 0.6,
  'refused post': 0.55,
  'read fails': 0.03,
  'read hangs': 0.03,
  'late answer': 0.035,
  'shuffled answer': 0.12,
  'stale answer': 0.12,
  'unreadable file': 0.2,
  'slow responder': 0.35,
  'failing responder': 0.3,
  'hanging responder': 0.65,
  'dead turn': 0.4,
  'adopting responder': 0.35,
}

/** A storm has few posts, and one fault of a post leaves no room for another: these are on more often. */
const SELDOM: ReadonlySet<FaultKind> = new Set([
  'post acts and its answer is lost',
  'agent killed after 201',
  'stalled queue',
  'post fails before its effect',
  'post without effect or answer',
  'post acts and is never answered',
  'refused post',
  'slow responder',
  'adopting responder',
])

const pick = <Item>(random: Random, items: readonly Item[]): Item => items[random.integer(items.length)]!

export const userName = (index: number): string => `user${index}`
/** Is let in by every policy that lets anybody in: asks at the end whether all is well. */
export const FRIEND = 'friend'

export function drawPolicy(random: Random, users: number): Policy {
  const some = () => Array.from({ length: users }, (_, index) => userName(index)).filter(() => random.unit() < 0.4)
  return {
    dmPolicy: pick(random, ['open', 'open', 'pairing', 'pairing', 'pairing', 'allowlist', 'disabled'] as const),
    allowFrom: [FRIEND, ...(random.unit() < 0.5 ? some() : []), ...(random.unit() < 0.05 ? ['*'] : [])],
    enableGroups: random.unit() < 0.85,
    groupPolicy: pick(random, ['open', 'open', 'allowlist', 'disabled'] as const),
    requireMention: random.unit() < 0.7,
    group: random.unit() < 0.5 ? { allowFrom: some(), ...(random.unit() < 0.3 ? { requireMention: random.unit() < 0.5 } : {}) } : null,
  }
}

export function planOf(seed: number, real: boolean): Plan {
  const random = streamOf(seed, 'plan')
  const share = pick(random, [0.12, 0.35, 0.35, 0.6])
  const rates: Partial<Record<FaultKind, number>> = {}
  for (const kind of ALL_KINDS) {
    const isOn = random.unit() < share * (SELDOM.has(kind) ? 2 : 1)
    const factor = 0.5 + 1.5 * random.unit()
    if (isOn) rates[kind] = Math.min(0.9, USUAL[kind] * factor)
  }
  const users = 1 + random.integer(4)
  return {
    seed,
    real,
    users,
    steps: 2 + random.integer(8),
    stepMsMax: pick(random, [500, 4_000, 4_000, 15_000]),
    rates,
    policy: drawPolicy(random, users),
    config: {
      feed: pick(random, ['push', 'push', 'poll', 'auto'] as const),
      pollInterval: pick(random, [500, 1_000]),
      apiTimeout: pick(random, [3_000, 10_000, 30_000]),
      notifyOnFailure: random.unit() < 0.5,
      limits: {
        journalBytes: pick(random, [1_024, 40_000, 120_000, 8 * 1_048_576]),
        partCharacters: 200,
        dispatches: pick(random, [1, 2, 8]),
        dispatchTimeoutMs: 60_000,
        dispatchBackoffMsMax: 5_000,
        decisionsPerChat: 500,
        fenceReadMs: 60_000,
      },
    },
    store: { segmentBytes: pick(random, [512, 4_096, 4 * 1_048_576]), shards: pick(random, [1, 4, 64]) },
    restsLong: random.unit() < 0.02,
  }
}
