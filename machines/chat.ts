/**
 * One conversation: decides about each message, and has it answered, in order.
 *
 * C1. No effect before its record is durable: a message enters `queue` only with `message.accepted`, and what it asks
 *     for is asked by the states that its record leads to.
 * C2. One dispatch at a time: the next waits until the responder has taken or answered this one. Only what is about the turn itself
 *     (a stop, an answer to an approval) is dispatched beside it, one of them at a time.
 * C3. Context is plain JSON and short: ids, never texts.
 * C4. A restored chat gets `host.resumed`: a state that waits for an effect asks for it again, with the same ids. One that
 *     waited for a commit asks again, too: had the record become durable, replaying it would have led on.
 * C5. What a responder has adopted stays in custody until its turn is over. A start asks what has become of it before anything else is
 *     dispatched, and what is lost is asked again, in its old place.
 */
import { assign, setup } from 'xstate'
import type { Facts } from '../src/domain/decision.ts'
import { type ChatId, type MessageId, replyKey } from '../src/domain/ids.ts'
import { decide } from '../src/domain/policy.ts'
import { type Change, type ChatRecord, type Commit, type Inbound, toChat } from './records.ts'

export type ChatInput = { chat: ChatId }
export type ChatContext = ChatInput & {
  queue: readonly MessageId[]
  held: readonly MessageId[]
  attempt: number
  urgent: readonly MessageId[]
  custody: readonly MessageId[]
}

type Attempt = { id: MessageId; attempt: number }
/** What has become of what was in custody; `abandoned`: lost too often. `apology` is for each of these; null = nothing. */
type Told = {
  answered: readonly MessageId[]
  lost: readonly MessageId[]
  abandoned: readonly { id: MessageId; reason: string }[]
  apology: string | null
}
type Received = { message: Inbound; facts: Facts; liveAtMs: number; heldMax: number }

export type ChatEvent =
  | ({ type: 'message.received' } & Received)
  /** `custody`: the responder says when its turn is over, and can be asked what has become of it. */
  | ({ type: 'dispatch.adopted'; custody: boolean } & Attempt)
  | { type: 'dispatch.over'; id: MessageId }
  | ({ type: 'dispatch.answered'; parts: readonly string[] } & Attempt)
  /** `apology` is what the sender is told if this was the last attempt; null = nothing. */
  | ({ type: 'dispatch.failed'; reason: string; attemptsMax: number; apology: string | null } & Attempt)
  | { type: 'backoff.over' }
  | ({ type: 'custody.told' } & Told)
  | { type: 'host.resumed' }
  | ChatRecord

const head = (context: ChatContext): Attempt => ({ id: context.queue[0]!, attempt: context.attempt })
const own = (context: ChatContext, event: ChatRecord): Change => toChat(context.chat, event)
const replies = (context: ChatContext, id: MessageId, parts: readonly string[]): readonly Change[] =>
  parts.length
    ? [toChat(context.chat, { type: 'reply.queued', replies: parts.map((text, part) => ({ key: replyKey(id, part), text })) })]
    : []

/** Their one attempt is none of those that the queue counts. */
const URGENT_ATTEMPT = 0

type Over = { context: ChatContext; event: { id: MessageId } }
const aboutIt = ({ event }: Over) => event

/** Under a key of its own: an answer to the dead letter may still come, by hand. */
const apologise = (context: ChatContext, id: MessageId, text: string | null): readonly Change[] =>
  text === null ? [] : [toChat(context.chat, { type: 'reply.queued', replies: [{ key: replyKey(`${id}/apology`, 0), text }] })]

const settleCustody = (context: ChatContext, { answered, lost, abandoned, apology }: Told): readonly Change[] => [
  ...answered.map(id => own(context, { type: 'turn.answered', id })),
  ...abandoned.flatMap(({ id, reason }) => [own(context, { type: 'turn.abandoned', id, reason }), ...apologise(context, id, apology)]),
  ...(lost.length > 0 ? [own(context, { type: 'turn.lost', ids: lost })] : []),
]

/** A damaged journal may have lost the beginning of a turn whose end it still has. */
const overForMessage = [
  { guard: { type: 'isHead', params: aboutIt }, target: '.idle', actions: 'forgetHead' },
  { description: 'Of a message that is not the first any more.', actions: { type: 'forget', params: ({ event }: Over) => event.id } },
] as const

const overForErrand = { guard: { type: 'isUrgentHead', params: aboutIt }, target: '.idle', actions: 'forgetUrgentHead' } as const

export const chatMachine = setup({
  types: { input: {} as ChatInput, context: {} as ChatContext, events: {} as ChatEvent },
  guards: {
    /** The policy lets this sender's message through here. */
    isAllowed: (_, received: Received) => decide(received.facts).action === 'process',
    /** A stranger: may ask to be let in, and waits. */
    needsPairing: (_, received: Received) => decide(received.facts).action === 'pairing',
    isHead: ({ context }, turn: { id: MessageId }) => turn.id === context.queue[0],
    isHeadIntoCustody: ({ context }, turn: { id: MessageId; custody?: true }) => turn.custody === true && turn.id === context.queue[0],
    isIntoCustody: (_, turn: { custody?: true }) => turn.custody === true,
    isInCustody: ({ context }, turn: { id: MessageId }) => context.custody.includes(turn.id),
    hasCustody: ({ context }) => context.custody.length > 0,
    hasNoCustody: ({ context }) => context.custody.length === 0,
    hasWaiting: ({ context }) => context.queue.length > 0,
    /** A command about the turn, or an answer that the turn waits for. */
    isUrgent: (_, message: Inbound) => message.urgent === true,
    hasUrgent: ({ context }) => context.urgent.length > 0,
    isUrgentHead: ({ context }, turn: { id: MessageId }) => turn.id === context.urgent[0],
    isUrgentAttempt: ({ context }, result: Attempt) => result.id === context.urgent[0] && result.attempt === URGENT_ATTEMPT,
    /** What an attempt that was given up still brings is dropped. */
    isCurrentAttempt: ({ context }, result: Attempt) => result.id === context.queue[0] && result.attempt === context.attempt,
    mayTryAgain: ({ context }, failure: Attempt & { attemptsMax: number }) =>
      failure.id === context.queue[0] && failure.attempt === context.attempt && failure.attempt < failure.attemptsMax,
    /** The newest are kept; the oldest must go. */
    holdsTooMany: ({ context }, held: { heldMax: number }) => context.held.length + 1 > held.heldMax,
    holdsNoMore: ({ context }, gone: { ids: readonly MessageId[] }) => context.held.every(id => gone.ids.includes(id)),
  },
  actions: {
    // Effects: data only. The host carries them out and answers with an event.
    commit: (_, _params: Commit) => {},
    dispatch: (_, _params: { chat: ChatId; urgent: boolean } & Attempt) => {},
    startBackoff: (_, _params: { chat: ChatId } & Attempt) => {},
    reclaim: (_, _params: { chat: ChatId; ids: readonly MessageId[] }) => {},
    /** `wrote`: a new message asks for it, not a restart. */
    openPairing: (_, _params: { chat: ChatId; wrote: boolean }) => {},
    // Context.
    // A dead letter may be tried again twice at once.
    enqueue: assign({ queue: ({ context }, id: MessageId) => (context.queue.includes(id) ? context.queue : context.queue.concat(id)) }),
    hold: assign({ held: ({ context }, id: MessageId) => context.held.concat(id) }),
    letGo: assign({ held: ({ context }, gone: { ids: readonly MessageId[] }) => context.held.filter(id => !gone.ids.includes(id)) }),
    releaseHeld: assign({ queue: ({ context }) => context.queue.concat(context.held), held: [] }),
    forgetHead: assign({ queue: ({ context }) => context.queue.slice(1), attempt: 1 }),
    forget: assign({
      queue: ({ context }, id: MessageId) => context.queue.filter(queued => queued !== id),
      custody: ({ context }, id: MessageId) => context.custody.filter(kept => kept !== id),
    }),
    keep: assign({ custody: ({ context }, id: MessageId) => context.custody.concat(id) }),
    /** In their old place: before whatever was accepted after them. */
    takeBack: assign({
      queue: ({ context }, lost: { ids: readonly MessageId[] }) =>
        context.custody.filter(id => lost.ids.includes(id)).concat(context.queue),
      custody: ({ context }, lost: { ids: readonly MessageId[] }) => context.custody.filter(id => !lost.ids.includes(id)),
      attempt: 1,
    }),
    hurry: assign({ urgent: ({ context }, id: MessageId) => context.urgent.concat(id) }),
    forgetUrgentHead: assign({ urgent: ({ context }) => context.urgent.slice(1) }),
    countAttempt: assign({ attempt: (_, failed: { attempt: number }) => failed.attempt + 1 }),
  },
}).createMachine({
  id: 'chat',
  description: 'One conversation: decides about each message, and has it answered, in order.',
  context: ({ input }) => ({ ...input, queue: [], held: [], attempt: 1, urgent: [], custody: [] }),
  type: 'parallel',
  states: {
    door: {
      description: 'Who may come in.',
      initial: 'deciding',
      on: {
        'message.received': [
          {
            guard: { type: 'isAllowed', params: ({ event }) => event },
            actions: {
              type: 'commit',
              params: ({ context, event: { message, facts, liveAtMs } }) => ({
                changes: [own(context, { type: 'message.accepted', message, facts, decision: decide(facts), liveAtMs })],
              }),
            },
          },
          {
            guard: { type: 'needsPairing', params: ({ event }) => event },
            actions: {
              type: 'commit',
              params: ({ context, event: { message, facts, liveAtMs, heldMax } }) => ({
                changes: [own(context, { type: 'message.held', message, facts, decision: decide(facts), liveAtMs, heldMax })],
              }),
            },
          },
          {
            description: 'Ignored, and remembered why.',
            actions: {
              type: 'commit',
              params: ({ context, event: { message, facts, liveAtMs } }) => ({
                changes: [
                  own(context, {
                    type: 'message.ignored',
                    message: { id: message.id, sender: message.sender, timeMs: message.timeMs },
                    facts,
                    decision: decide(facts),
                    liveAtMs,
                  }),
                ],
              }),
            },
          },
        ],
        'message.revived': {
          description: 'A dead letter, tried again by hand.',
          actions: { type: 'enqueue', params: ({ event }) => event.id },
        },
        'message.accepted': [
          {
            guard: { type: 'isUrgent', params: ({ event }) => event.message },
            actions: { type: 'hurry', params: ({ event }) => event.message.id },
          },
          { actions: { type: 'enqueue', params: ({ event }) => event.message.id } },
        ],
        'message.held': [
          {
            guard: { type: 'holdsTooMany', params: ({ event }) => event },
            target: '.awaiting pairing',
            actions: [
              {
                type: 'commit',
                params: ({ context, event }) => ({
                  changes: [
                    own(context, {
                      type: 'message.dropped',
                      // Just the one that this one displaces: those before it are on their way out already.
                      ids: [context.held[context.held.length - event.heldMax]!],
                      reason: 'pairing_overflow',
                    }),
                  ],
                }),
              },
              { type: 'hold', params: ({ event }) => event.message.id },
            ],
          },
          {
            target: '.awaiting pairing',
            actions: { type: 'hold', params: ({ event }) => event.message.id },
          },
        ],
        'message.released': { target: '.deciding', actions: 'releaseHeld' },
        'message.dropped': [
          {
            guard: { type: 'holdsNoMore', params: ({ event }) => event },
            target: '.deciding',
            actions: { type: 'letGo', params: ({ event }) => event },
          },
          {
            description: 'What was held meanwhile may have no request any more.',
            actions: [
              { type: 'letGo', params: ({ event }) => event },
              { type: 'openPairing', params: ({ context }) => ({ chat: context.chat, wrote: false }) },
            ],
          },
        ],
      },
      states: {
        deciding: { description: 'Each message is decided about as it comes.' },
        'awaiting pairing': {
          description: 'A stranger’s messages are held until somebody lets them in.',
          entry: { type: 'openPairing', params: ({ context }) => ({ chat: context.chat, wrote: true }) },
          on: { 'host.resumed': { actions: { type: 'openPairing', params: ({ context }) => ({ chat: context.chat, wrote: false }) } } },
        },
      },
    },
    turn: {
      description: 'Whose turn it is: the first in the queue.',
      initial: 'idle',
      on: {
        'turn.adopted': [
          {
            guard: { type: 'isHeadIntoCustody', params: ({ event }) => event },
            target: '.idle',
            actions: [{ type: 'keep', params: ({ event }) => event.id }, 'forgetHead'],
          },
          {
            description: 'Of a message that is not the first any more.',
            guard: { type: 'isIntoCustody', params: ({ event }) => event },
            actions: [
              { type: 'forget', params: ({ event }) => event.id },
              { type: 'keep', params: ({ event }) => event.id },
            ],
          },
          ...overForMessage,
        ],
        'turn.answered': overForMessage,
        'turn.abandoned': overForMessage,
        'turn.lost': { actions: { type: 'takeBack', params: ({ event }) => event } },
        'dispatch.over': {
          guard: { type: 'isInCustody', params: ({ event }) => event },
          actions: {
            type: 'commit',
            params: ({ context, event }) => ({ changes: [own(context, { type: 'turn.answered', id: event.id })] }),
          },
        },
        'host.resumed': { guard: 'hasCustody', target: '.reclaiming' },
      },
      states: {
        idle: { always: { guard: 'hasWaiting', target: 'answering' } },
        reclaiming: {
          description: 'What has become of the turns that were under way?',
          entry: { type: 'reclaim', params: ({ context }) => ({ chat: context.chat, ids: context.custody }) },
          always: { guard: 'hasNoCustody', target: 'idle' },
          on: {
            'custody.told': {
              actions: { type: 'commit', params: ({ context, event }) => ({ changes: settleCustody(context, event) }) },
            },
            'host.resumed': { target: 'reclaiming', reenter: true },
          },
        },
        answering: {
          initial: 'dispatching',
          on: {
            'turn.failed': {
              guard: { type: 'isHead', params: aboutIt },
              target: '.backing off',
              actions: { type: 'countAttempt', params: ({ event }) => event },
            },
          },
          states: {
            dispatching: {
              entry: { type: 'dispatch', params: ({ context }) => ({ chat: context.chat, ...head(context), urgent: false }) },
              on: {
                'dispatch.adopted': {
                  guard: { type: 'isCurrentAttempt', params: ({ event }) => event },
                  target: 'committing',
                  actions: {
                    type: 'commit',
                    params: ({ context, event }) => ({
                      changes: [own(context, { type: 'turn.adopted', id: head(context).id, ...(event.custody && { custody: true }) })],
                    }),
                  },
                },
                'dispatch.answered': {
                  guard: { type: 'isCurrentAttempt', params: ({ event }) => event },
                  target: 'committing',
                  actions: {
                    type: 'commit',
                    params: ({ context, event }) => ({
                      changes: [
                        own(context, { type: 'turn.answered', id: head(context).id }),
                        ...replies(context, head(context).id, event.parts),
                      ],
                    }),
                  },
                },
                'dispatch.failed': [
                  {
                    guard: { type: 'mayTryAgain', params: ({ event }) => event },
                    target: 'committing',
                    actions: {
                      type: 'commit',
                      params: ({ context, event }) => ({
                        changes: [own(context, { type: 'turn.failed', ...head(context), reason: event.reason })],
                      }),
                    },
                  },
                  {
                    guard: { type: 'isCurrentAttempt', params: ({ event }) => event },
                    target: 'committing',
                    actions: {
                      type: 'commit',
                      params: ({ context, event }) => ({
                        changes: [
                          own(context, { type: 'turn.abandoned', id: head(context).id, reason: event.reason }),
                          ...apologise(context, head(context).id, event.apology),
                        ],
                      }),
                    },
                  },
                ],
                'host.resumed': { guard: 'hasNoCustody', target: 'dispatching', reenter: true },
              },
            },
            committing: {
              description: 'The outcome is on its way to the disk.',
              on: { 'host.resumed': { guard: 'hasNoCustody', target: 'dispatching' } },
            },
            'backing off': {
              entry: { type: 'startBackoff', params: ({ context }) => ({ chat: context.chat, ...head(context) }) },
              on: {
                'backoff.over': 'dispatching',
                'host.resumed': { guard: 'hasNoCustody', target: 'backing off', reenter: true },
              },
            },
          },
        },
      },
    },
    errand: {
      description: 'What is about the turn that runs, dispatched beside it. What fails waits its turn like any other message.',
      initial: 'idle',
      on: { 'turn.adopted': overForErrand, 'turn.answered': overForErrand },
      states: {
        idle: { always: { guard: 'hasUrgent', target: 'under way' } },
        'under way': {
          initial: 'dispatching',
          on: {
            'turn.failed': {
              guard: { type: 'isUrgentHead', params: aboutIt },
              target: 'idle',
              actions: [{ type: 'enqueue', params: ({ event }) => event.id }, 'forgetUrgentHead'],
            },
          },
          states: {
            dispatching: {
              entry: {
                type: 'dispatch',
                params: ({ context }) => ({ chat: context.chat, id: context.urgent[0]!, attempt: URGENT_ATTEMPT, urgent: true }),
              },
              on: {
                'dispatch.adopted': {
                  guard: { type: 'isUrgentAttempt', params: ({ event }) => event },
                  target: 'committing',
                  actions: {
                    type: 'commit',
                    params: ({ context, event }) => ({ changes: [own(context, { type: 'turn.adopted', id: event.id })] }),
                  },
                },
                'dispatch.answered': {
                  guard: { type: 'isUrgentAttempt', params: ({ event }) => event },
                  target: 'committing',
                  actions: {
                    type: 'commit',
                    params: ({ context, event }) => ({
                      changes: [own(context, { type: 'turn.answered', id: event.id }), ...replies(context, event.id, event.parts)],
                    }),
                  },
                },
                'dispatch.failed': {
                  guard: { type: 'isUrgentAttempt', params: ({ event }) => event },
                  target: 'committing',
                  actions: {
                    type: 'commit',
                    params: ({ context, event: { id, attempt, reason } }) => ({
                      changes: [own(context, { type: 'turn.failed', id, attempt, reason })],
                    }),
                  },
                },
                'host.resumed': { target: 'dispatching', reenter: true },
              },
            },
            committing: {
              description: 'The outcome is on its way to the disk.',
              on: { 'host.resumed': 'dispatching' },
            },
          },
        },
      },
    },
  },
})
