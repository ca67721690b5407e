/**
 * One peer or group with something new: fetches its messages, once more when it changed meanwhile, and rests after a failure.
 *
 * W1. At most one fetch of a chat at a time; a change during the fetch is never forgotten.
 * W2. It ends in `idle`, as good as new: the host may drop it then.
 */
import { assign, setup } from 'xstate'
import type { ChatId } from '../src/domain/ids.ts'

export type WatcherInput = { chat: ChatId }
export type WatcherContext = WatcherInput & { changedAgain: boolean; failures: number }
export type WatcherEvent =
  | { type: 'chat.changed' }
  | { type: 'fetch.done' }
  | { type: 'fetch.failed'; retryable: boolean; reason: string }
  | { type: 'backoff.over' }

export const watcherMachine = setup({
  types: { input: {} as WatcherInput, context: {} as WatcherContext, events: {} as WatcherEvent },
  guards: {
    /** Something arrived while the fetch was under way. */
    hasChangedAgain: ({ context }) => context.changedAgain,
    /** Trying the same again later can succeed. */
    isRetryable: (_, failure: { retryable: boolean }) => failure.retryable,
  },
  actions: {
    fetch: (_, _params: { chat: ChatId }) => {},
    startBackoff: (_, _params: { failures: number }) => {},
    reportTrouble: (_, _params: { chat: ChatId; reason: string }) => {},
    noteChange: assign({ changedAgain: true }),
    forgetChange: assign({ changedAgain: false }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
  },
}).createMachine({
  id: 'watcher',
  description: 'One peer or group with something new.',
  context: ({ input }) => ({ ...input, changedAgain: false, failures: 0 }),
  initial: 'idle',
  states: {
    idle: { description: 'Nothing new.', on: { 'chat.changed': 'fetching' } },
    fetching: {
      description: 'Its messages are being read.',
      entry: ['forgetChange', { type: 'fetch', params: ({ context }) => ({ chat: context.chat }) }],
      on: {
        'chat.changed': { actions: 'noteChange' },
        'fetch.done': [
          { guard: 'hasChangedAgain', target: 'fetching', reenter: true, actions: 'forgetFailures' },
          { target: 'idle', actions: 'forgetFailures' },
        ],
        'fetch.failed': [
          { guard: { type: 'isRetryable', params: ({ event }) => event }, target: 'backing off', actions: 'countFailure' },
          {
            guard: 'hasChangedAgain',
            target: 'fetching',
            reenter: true,
            actions: { type: 'reportTrouble', params: ({ context, event }) => ({ chat: context.chat, reason: event.reason }) },
          },
          {
            description: 'Only this chat is in trouble; it is fetched again when it changes.',
            target: 'idle',
            actions: { type: 'reportTrouble', params: ({ context, event }) => ({ chat: context.chat, reason: event.reason }) },
          },
        ],
      },
    },
    'backing off': {
      description: 'The fetch failed and is tried again.',
      entry: { type: 'startBackoff', params: ({ context }) => ({ failures: context.failures }) },
      on: {
        'chat.changed': { description: 'The fetch to come sees it, too.' },
        'backoff.over': 'fetching',
      },
    },
  },
})
