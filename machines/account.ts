/**
 * One bot user on one mesh: connects, joins when it must, watches the feed, and says why when it cannot.
 *
 * A1. Messages are looked for in `live` only; whatever was written meanwhile is found when it comes back.
 * A2. It never gives up: an unreachable agent is tried again for ever, a problem that people must mend every few minutes.
 * A3. It keeps nothing that the journal has to know: every start begins in `idle`.
 * A4. An agent that is proven to be stuck is made to join again: after our posts had time to be confirmed, and never sooner after
 *     the last time than the limit says. Nothing is posted until it has settled.
 */
import { NEVER } from 'rxjs'
import { assign, fromEventObservable, setup } from 'xstate'
import type { AccountId, ChatId } from '../src/domain/ids.ts'

/** Facts about a proof that the agent is stuck. `sinceHealMs`: how long ago it was last made to join again; null = never. */
export type Proof = {
  readonly reason: string
  readonly selfHeal: boolean
  readonly sinceHealMs: number | null
  readonly restMs: number
}

/** What the feed tells: a round that went through, with the chats that may have something new, or one that failed. */
export type FeedEvent =
  | { type: 'feed.round'; changed: readonly ChatId[] }
  | { type: 'feed.failed'; reason: string }
  /** Asking again does not help: somebody has to let us. */
  | { type: 'feed.blocked'; reason: string }

export type AccountInput = { account: AccountId }
export type AccountContext = AccountInput & { reason: string | null; failures: number }
export type AccountEvent =
  | { type: 'account.start' }
  | { type: 'account.stop' }
  | { type: 'probe.passed' }
  | { type: 'probe.not-joined' }
  | { type: 'probe.failed'; reason: string }
  | { type: 'probe.blocked'; reason: string }
  | { type: 'join.done' }
  | { type: 'join.failed'; reason: string }
  | { type: 'join.blocked'; reason: string }
  | FeedEvent
  | { type: 'store.failed'; reason: string }
  | { type: 'backoff.over' }
  | ({ type: 'trouble.proven' } & Proof)
  | { type: 'posts.quiet' }
  | { type: 'quiesce.over' }
  | { type: 'rejoin.done' }
  | { type: 'rejoin.failed'; reason: string }
  | { type: 'agent.settled' }
  | { type: 'settle.failed'; reason: string }
  | { type: 'account.drained' }

const release = { type: 'releasePosts', params: {} } as const

const healWhereAllowed = [
  {
    guard: { type: 'mayHeal', params: ({ event }: { event: Proof }) => event },
    target: '#account.healing',
    actions: { type: 'noteReason', params: ({ event }: { event: Proof }) => event },
  },
  { description: 'Not wanted, or too soon after the last time: status says so.' },
] as const

export const accountMachine = setup({
  types: { input: {} as AccountInput, context: {} as AccountContext, events: {} as AccountEvent },
  actors: {
    /** Long-lived, so an actor; the host provides it. */
    feed: fromEventObservable<FeedEvent, AccountInput>(() => NEVER),
  },
  guards: {
    hasChanges: (_, round: { changed: readonly ChatId[] }) => round.changed.length > 0,
    /** Joining again drops what other clients of the agent had queued: only where it is wanted, and rarely. */
    mayHeal: (_, { selfHeal, sinceHealMs, restMs }: Proof) => selfHeal && (sinceHealMs === null || sinceHealMs >= restMs),
  },
  actions: {
    // Effects.
    probe: (_, _params: Record<string, never>) => {},
    join: (_, _params: Record<string, never>) => {},
    watch: (_, _params: { chats: readonly ChatId[] }) => {},
    startBackoff: (_, _params: { failures: number }) => {},
    startLongRest: (_, _params: Record<string, never>) => {},
    drain: (_, _params: Record<string, never>) => {},
    holdPosts: (_, _params: Record<string, never>) => {},
    releasePosts: (_, _params: Record<string, never>) => {},
    startQuiesce: (_, _params: Record<string, never>) => {},
    rejoin: (_, _params: { reason: string }) => {},
    settle: (_, _params: Record<string, never>) => {},
    // Context.
    countFailure: assign({
      failures: ({ context }) => context.failures + 1,
      reason: (_, failure: { reason: string }) => failure.reason,
    }),
    noteReason: assign({ reason: (_, failure: { reason: string }) => failure.reason }),
    forgetReason: assign({ reason: null }),
    forgetFailures: assign({ failures: 0 }),
  },
}).createMachine({
  id: 'account',
  description: 'One bot user on one mesh through one ZTM agent.',
  context: ({ input }) => ({ ...input, reason: null, failures: 0 }),
  initial: 'idle',
  on: { 'account.stop': '.stopping' },
  states: {
    idle: { description: 'Its state is being loaded.', on: { 'account.start': 'connecting' } },
    connecting: {
      description: 'Is the agent there, the mesh joined and connected, and the bot user the agent’s own?',
      entry: { type: 'probe', params: {} },
      on: {
        'probe.passed': 'live',
        'probe.not-joined': 'joining',
        'probe.failed': { target: 'degraded', actions: { type: 'countFailure', params: ({ event }) => event } },
        'probe.blocked': { target: 'blocked', actions: { type: 'noteReason', params: ({ event }) => event } },
      },
    },
    joining: {
      description: 'Gets a permit, from the server or the file, and joins.',
      entry: { type: 'join', params: {} },
      on: {
        'join.done': 'connecting',
        'join.failed': { target: 'degraded', actions: { type: 'countFailure', params: ({ event }) => event } },
        'join.blocked': { target: 'blocked', actions: { type: 'noteReason', params: ({ event }) => event } },
      },
    },
    live: {
      description: 'Messages are looked for, and answered.',
      entry: 'forgetReason',
      invoke: { src: 'feed', input: ({ context }) => ({ account: context.account }) },
      on: {
        'feed.round': [
          {
            guard: { type: 'hasChanges', params: ({ event }) => event },
            actions: ['forgetFailures', { type: 'watch', params: ({ event }) => ({ chats: event.changed }) }],
          },
          { description: 'Only now the rest before the next try is short again.', actions: 'forgetFailures' },
        ],
        'feed.blocked': { target: 'blocked', actions: { type: 'noteReason', params: ({ event }) => event } },
        'feed.failed': { target: 'degraded', actions: { type: 'countFailure', params: ({ event }) => event } },
        'store.failed': { target: 'degraded', actions: { type: 'countFailure', params: ({ event }) => event } },
        'trouble.proven': healWhereAllowed,
      },
    },
    degraded: {
      description: 'Agent, mesh or disk is away. Tried again for ever, with backoff.',
      initial: 'resting',
      on: { 'trouble.proven': healWhereAllowed },
      states: {
        resting: {
          entry: { type: 'startBackoff', params: ({ context }) => ({ failures: context.failures }) },
          on: { 'backoff.over': 'probing' },
        },
        probing: {
          entry: { type: 'probe', params: {} },
          on: {
            'probe.passed': '#account.live',
            'probe.not-joined': '#account.joining',
            'probe.failed': { target: 'resting', actions: { type: 'countFailure', params: ({ event }) => event } },
            'probe.blocked': { target: '#account.blocked', actions: { type: 'noteReason', params: ({ event }) => event } },
          },
        },
      },
    },
    healing: {
      description: 'The agent says that all is well and is stuck: it is made to join the mesh again. Meanwhile nothing is posted.',
      initial: 'quiescing',
      entry: { type: 'holdPosts', params: {} },
      on: {
        'store.failed': { target: 'degraded', actions: [{ type: 'countFailure', params: ({ event }) => event }, release] },
      },
      states: {
        quiescing: {
          description: 'Posts under way have some time to be confirmed; the feed goes on for them.',
          entry: { type: 'startQuiesce', params: {} },
          invoke: { src: 'feed', input: ({ context }) => ({ account: context.account }) },
          on: {
            'feed.round': {
              guard: { type: 'hasChanges', params: ({ event }) => event },
              actions: { type: 'watch', params: ({ event }) => ({ chats: event.changed }) },
            },
            'feed.failed': { description: 'As is to be expected of such an agent.' },
            'feed.blocked': { description: 'Seen again when it has settled.' },
            'posts.quiet': 'rejoining',
            'quiesce.over': { description: 'What is still unconfirmed is looked for afterwards.', target: 'rejoining' },
          },
        },
        rejoining: {
          entry: { type: 'rejoin', params: ({ context }) => ({ reason: context.reason ?? '' }) },
          on: {
            'rejoin.done': 'settling',
            'store.failed': {
              description: 'It joins as soon as it is written down that it does, so nothing may be posted before.',
              actions: { type: 'noteReason', params: ({ event }) => event },
            },
            'rejoin.failed': {
              target: '#account.degraded',
              actions: [{ type: 'countFailure', params: ({ event }) => event }, release],
            },
          },
        },
        settling: {
          description: 'Until it is online, its chat app answers, and our own files have been listed afresh.',
          entry: { type: 'settle', params: {} },
          on: {
            'agent.settled': { target: '#account.connecting', actions: release },
            'settle.failed': {
              target: '#account.degraded',
              actions: [{ type: 'countFailure', params: ({ event }) => event }, release],
            },
          },
        },
      },
    },
    blocked: {
      description: 'Somebody has to mend something; looked at again every few minutes.',
      entry: { type: 'startLongRest', params: {} },
      on: { 'backoff.over': 'connecting' },
    },
    stopping: {
      description: 'Running dispatches end, and everything is written.',
      entry: { type: 'drain', params: {} },
      on: { 'account.drained': 'stopped', 'account.stop': { description: 'Already stopping.' } },
    },
    stopped: { type: 'final' },
  },
})
