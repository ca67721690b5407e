/**
 * One bot user on one mesh: connects, joins when it must, watches the feed, and says why when it cannot.
 *
 * A1. Messages are looked for in `live` only; whatever was written meanwhile is found when it comes back.
 * A2. It never gives up: an unreachable agent is tried again for ever, a problem that people must mend every few minutes.
 * A3. It keeps nothing that the journal has to know: every start begins in `idle`.
 */
import { NEVER } from 'rxjs'
import { assign, fromEventObservable, setup } from 'xstate'
import type { AccountId, ChatId } from '../src/domain/ids.ts'

/** What the feed tells: a round that went through, with the chats that may have something new, or one that failed. */
export type FeedEvent = { type: 'feed.round'; changed: readonly ChatId[] } | { type: 'feed.failed'; reason: string }

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
  | { type: 'account.drained' }

export const accountMachine = setup({
  types: { input: {} as AccountInput, context: {} as AccountContext, events: {} as AccountEvent },
  actors: {
    /** Long-lived, so an actor; the host provides it. */
    feed: fromEventObservable<FeedEvent, AccountInput>(() => NEVER),
  },
  guards: {
    hasChanges: (_, round: { changed: readonly ChatId[] }) => round.changed.length > 0,
  },
  actions: {
    // Effects.
    probe: (_, _params: Record<string, never>) => {},
    join: (_, _params: Record<string, never>) => {},
    watch: (_, _params: { chats: readonly ChatId[] }) => {},
    startBackoff: (_, _params: { failures: number }) => {},
    startLongRest: (_, _params: Record<string, never>) => {},
    drain: (_, _params: Record<string, never>) => {},
    // Context.
    countFailure: assign({
      failures: ({ context }) => context.failures + 1,
      reason: (_, failure: { reason: string }) => failure.reason,
    }),
    noteReason: assign({ reason: (_, failure: { reason: string }) => failure.reason }),
    forgetFailures: assign({ failures: 0, reason: null }),
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
      entry: 'forgetFailures',
      invoke: { src: 'feed', input: ({ context }) => ({ account: context.account }) },
      on: {
        'feed.round': {
          guard: { type: 'hasChanges', params: ({ event }) => event },
          actions: { type: 'watch', params: ({ event }) => ({ chats: event.changed }) },
        },
        'feed.failed': { target: 'degraded', actions: { type: 'countFailure', params: ({ event }) => event } },
        'store.failed': { target: 'degraded', actions: { type: 'countFailure', params: ({ event }) => event } },
      },
    },
    degraded: {
      description: 'Agent, mesh or disk is away. Tried again for ever, with backoff.',
      initial: 'resting',
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
