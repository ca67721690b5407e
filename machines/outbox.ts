/**
 * The replies of one conversation that are decided and not yet confirmed: posts them in order, and looks for each on the
 * mesh until it is seen there.
 *
 * O1. Before every post there is a durable `reply.posting`: whatever dies afterwards, the reply is looked for, not repeated.
 * O2. A 201 is not a receipt; `reply.sent` comes from seeing the reply's key on the mesh.
 * O3. One unconfirmed post at a time; the next goes out early only when the confirmation of one that was answered with 201 lags, and the
 *     agent was there all the while: one that was away may have forgotten it, and what is posted again must not come behind the next.
 * O4. A post is made again only when `isLost` says so; until then it is `uncertain`, and shown.
 * O5. What is queued when a process starts is looked for on the mesh before its first post: damage may have taken the records of an earlier one.
 */
import { assign, setup } from 'xstate'
import type { ChatId, ReplyKey } from '../src/domain/ids.ts'
import { type Absence, isLost, isOverdue, isUncertain, type PostLimits } from '../src/domain/lost-post.ts'
import { type Change, type Commit, type OutboxRecord, toChat } from './records.ts'

export type Post = {
  key: ReplyKey
  phase: 'queued' | 'posted' | 'uncertain'
  /** Attempts, for the count of repeated posts. */
  attempts: number
  postedAtMs: number
  /** Monotonic, ms; null while the post is under way. Begins anew with each process: what was under way then is over. */
  answeredAtMs: number | null
  accepted: boolean
  /** Seen on the mesh; the record is on its way. Not kept over a restart. */
  seen: boolean
  /** Queued by an earlier process, and not looked for since this moment, monotonic, ms; null when nothing is to be looked for. */
  uncheckedSinceMs: number | null
}
export type OutboxInput = { chat: ChatId }
export type OutboxContext = OutboxInput & {
  posts: readonly Post[]
  posting: ReplyKey | null
  failures: number
  looks: number
  /** The next one need not wait for the newest. */
  lagging: boolean
  /** The newest one went out because the one before it lagged. */
  overtaking: boolean
  /** Since when the agent says that it does not know the chat, monotonic ms; begins anew with each process. */
  unknownSinceMs: number | null
}

/** Times are monotonic, ms, but for those of records and of the slot, which becomes one. */
export type OutboxEvent =
  | { type: 'slot.granted'; atMs: number }
  | { type: 'post.accepted'; key: ReplyKey; atMs: number }
  /** No answer, or one that does not tell whether it acted. */
  | { type: 'post.unknown'; key: ReplyKey; atMs: number }
  /** Proven not to have acted. */
  | { type: 'post.not-sent'; key: ReplyKey }
  /** `status` 0: the name cannot be written to. */
  | { type: 'post.refused'; key: ReplyKey; status: number; reason: string; atMs: number }
  | { type: 'backoff.over' }
  | { type: 'lag.over'; key: ReplyKey }
  /** Nobody listened to it for a while: it may have forgotten what it had answered with 201. */
  | { type: 'agent.lost' }
  | { type: 'look.due'; nowMs: number; limits: PostLimits }
  /** Keys of ours that somebody's fetch of this chat has shown. */
  | { type: 'reply.seen'; keys: readonly ReplyKey[] }
  | ({ type: 'ledger.absent'; key: ReplyKey; limits: PostLimits } & Absence)
  /** Nobody could tell: neither there nor not there. */
  | { type: 'ledger.failed'; key: ReplyKey; nowMs: number; limits: PostLimits }
  /** Of the queued replies that were looked for these are not on the mesh; those that are came with `reply.seen`. */
  | { type: 'unchecked.absent'; keys: readonly ReplyKey[] }
  /** Nobody could tell. `away`: the agent does not answer, so that waiting will help. */
  | { type: 'unchecked.unknown'; away: boolean; nowMs: number; limits: PostLimits }
  | { type: 'host.resumed'; atMs: number }
  | OutboxRecord

/** A chat that the agent says it does not know is gone when it has said so for this long: an agent that starts knows little at first. */
const UNKNOWN_CHAT_MS = 60_000

const nextQueued = (context: OutboxContext) => context.posts.find(post => post.phase === 'queued' && !post.seen)
const isUnchecked = (post: Post) => post.phase === 'queued' && !post.seen && post.uncheckedSinceMs !== null
const oldestUnconfirmed = (context: OutboxContext) => context.posts.find(post => post.phase !== 'queued')
const own = (context: OutboxContext, event: OutboxRecord): Change => toChat(context.chat, event)
const change = (context: OutboxContext, key: ReplyKey | undefined, to: Partial<Post>) => ({
  posts: context.posts.map(post => (post.key === key ? { ...post, ...to } : post)),
})
/** The one whose post is under way. */
const underWay = (context: OutboxContext) => context.posts.find(post => post.key === context.posting && post.phase === 'posted')
const isUnseen = (post: Post, keys: readonly ReplyKey[]) => keys.includes(post.key) && !post.seen

/** So that after a restart one look is enough, and no wait for its confirmation. */
const recordNotSent = {
  type: 'commit',
  params: ({ context, event }: { context: OutboxContext; event: { key: ReplyKey } }): Commit => ({
    changes: [own(context, { type: 'reply.requeued', key: event.key, reason: 'not sent', posted: false })],
  }),
} as const
/** Time alone decides. */
const NO_EVIDENCE = { laterConfirmed: false, otherUnconfirmed: 1 } as const
const repost = ({ context }: { context: OutboxContext }): Commit => ({
  changes: [own(context, { type: 'reply.requeued', key: oldestUnconfirmed(context)!.key, reason: 'lost on the way', posted: true })],
})
const reportUncertain = {
  type: 'reportUncertain',
  params: ({ context }: { context: OutboxContext }) => ({ chat: context.chat, key: oldestUnconfirmed(context)!.key }),
} as const
const freeSlot = { type: 'releaseSlot', params: ({ context }: { context: OutboxContext }) => ({ chat: context.chat }) } as const

export const outboxMachine = setup({
  types: { input: {} as OutboxInput, context: {} as OutboxContext, events: {} as OutboxEvent },
  guards: {
    /** Something waits, and nothing is unconfirmed, or its confirmation lags. */
    mayPost: ({ context }) =>
      nextQueued(context) !== undefined && (context.lagging || !context.posts.some(post => post.phase === 'posted')),
    /** Nothing was posted after it. */
    isNewest: ({ context }, { key }: { key: ReplyKey }) => context.posting === key,
    /** The answer to a post that was given up: it says nothing about the one under way. */
    isStale: ({ context }, { key }: { key: ReplyKey }) => underWay(context)?.key !== key,
    hasUnchecked: ({ context }) => context.posts.some(isUnchecked),
    /** The agent answers, and yet nobody could tell for so long that we would rather repeat it. */
    isDoubtfulForLong: ({ context }, { away, nowMs, limits }: { away: boolean; nowMs: number; limits: PostLimits }) =>
      !away && context.posts.some(post => isUnchecked(post) && nowMs - post.uncheckedSinceMs! >= limits.uncertainRepostMs),
    hasUnconfirmed: ({ context }) => oldestUnconfirmed(context) !== undefined,
    /** Seen on the mesh before the agent had answered. */
    hasNothingUnderWay: ({ context }) => underWay(context) === undefined,
    hasNoUnconfirmed: ({ context }) => oldestUnconfirmed(context) === undefined,
    /** So long unseen that our own files are asked. */
    isOverdue: ({ context }, look: { nowMs: number; limits: PostLimits }) =>
      isOverdue(oldestUnconfirmed(context)!, look.nowMs, look.limits),
    isProvenLost: ({ context }, absence: Absence & { key: ReplyKey; limits: PostLimits }) =>
      oldestUnconfirmed(context)?.key === absence.key && isLost(oldestUnconfirmed(context)!, absence, absence.limits),
    /** So long without evidence either way that the next must not wait for it any more. */
    isUncertain: ({ context }, { key, nowMs, limits }: Absence & { key: ReplyKey; limits: PostLimits }) =>
      context.posts.some(post => post.key === key && post.phase === 'posted') &&
      oldestUnconfirmed(context)?.key === key &&
      isUncertain(oldestUnconfirmed(context)!, nowMs, limits),
    /** Trying again cannot help: we may not, or the chat is gone for good. */
    isDefinite: ({ context }, { status, atMs }: { status: number; atMs: number }) =>
      status === 0 ||
      status === 403 ||
      (status === 404 && context.unknownSinceMs !== null && atMs - context.unknownSinceMs >= UNKNOWN_CHAT_MS),
    isNews: ({ context }, seen: { keys: readonly ReplyKey[] }) => context.posts.some(post => isUnseen(post, seen.keys)),
    isWanted: ({ context }, { key }: { key: ReplyKey }) => context.posts.some(post => post.key === key && !post.seen),
  },
  actions: {
    // Effects.
    commit: (_, _params: Commit) => {},
    requestSlot: (_, _params: { chat: ChatId }) => {},
    releaseSlot: (_, _params: { chat: ChatId }) => {},
    post: (_, _params: { chat: ChatId; key: ReplyKey }) => {},
    startBackoff: (_, _params: { chat: ChatId; failures: number }) => {},
    startLag: (_, _params: { chat: ChatId; key: ReplyKey }) => {},
    reportUncertain: (_, _params: { chat: ChatId; key: ReplyKey }) => {},
    stopLag: (_, _params: { chat: ChatId }) => {},
    startLook: (_, _params: { chat: ChatId; looks: number }) => {},
    look: (_, _params: { chat: ChatId }) => {},
    checkLedger: (_, _params: { chat: ChatId; key: ReplyKey; answeredAtMs: number | null }) => {},
    checkQueued: (_, _params: { chat: ChatId; keys: readonly ReplyKey[] }) => {},
    // Context.
    append: assign({
      posts: ({ context }, replies: readonly { key: ReplyKey }[]) =>
        // The same key again is the same reply.
        context.posts.concat(
          replies
            .filter(({ key }) => !context.posts.some(post => post.key === key))
            .map(({ key }) => ({
              key,
              phase: 'queued' as const,
              attempts: 0,
              postedAtMs: 0,
              answeredAtMs: null,
              accepted: true,
              seen: false,
              uncheckedSinceMs: null,
            })),
        ),
    }),
    notePosting: assign(({ context }, { key, atMs }: { key: ReplyKey; atMs: number }) => ({
      ...change(context, key, {
        phase: 'posted',
        postedAtMs: atMs,
        answeredAtMs: null,
        accepted: true,
        attempts: (context.posts.find(post => post.key === key)?.attempts ?? 0) + 1,
      }),
      posting: key,
      overtaking: context.lagging,
      lagging: false,
      looks: 0,
    })),
    noteAnswered: assign(({ context }, { atMs, accepted }: { atMs: number; accepted: boolean }) =>
      change(context, underWay(context)?.key, { answeredAtMs: atMs, accepted }),
    ),
    /** Whatever was under way has ended with the process before this one, or was given up with the chart before this one. */
    noteResumed: assign({
      posts: ({ context }, { atMs }: { atMs: number }) =>
        context.posts.map(post =>
          post.phase === 'queued' ? { ...post, uncheckedSinceMs: atMs } : { ...post, answeredAtMs: atMs, uncheckedSinceMs: null },
        ),
      unknownSinceMs: null,
      // Nobody knows whether the agent was there meanwhile.
      lagging: false,
      overtaking: false,
    }),
    noteChecked: assign({
      posts: ({ context }, keys: readonly ReplyKey[]) =>
        context.posts.map(post => (keys.includes(post.key) ? { ...post, uncheckedSinceMs: null } : post)),
    }),
    /** Only while it answers can it be in doubt. */
    noteAway: assign({
      posts: ({ context }, { away, nowMs }: { away: boolean; nowMs: number }) =>
        away ? context.posts.map(post => (isUnchecked(post) ? { ...post, uncheckedSinceMs: nowMs } : post)) : context.posts,
    }),
    noteNotSent: assign(({ context }) => ({
      ...change(context, underWay(context)?.key, { phase: 'queued' }),
      lagging: context.overtaking,
      overtaking: false,
    })),
    noteUncertain: assign(({ context }) => change(context, oldestUnconfirmed(context)?.key, { phase: 'uncertain' })),
    noteRequeued: assign(({ context }, { key }: { key: ReplyKey }) => change(context, key, { phase: 'queued', answeredAtMs: null })),
    remove: assign(({ context }, keys: readonly ReplyKey[]) => ({
      posts: context.posts.filter(post => !keys.includes(post.key)),
      looks: 0,
    })),
    noteSeen: assign({
      posts: ({ context }, keys: readonly ReplyKey[]) =>
        context.posts.map(post => (keys.includes(post.key) ? { ...post, seen: true } : post)),
    }),
    forgetSeen: assign({ posts: ({ context }) => context.posts.map(post => (post.seen ? { ...post, seen: false } : post)) }),
    noteLag: assign({ lagging: true }),
    forgetLag: assign({ lagging: false, overtaking: false }),
    /** It went out because the one before lagged, which it still does. */
    restoreLag: assign({ lagging: ({ context }) => context.overtaking, overtaking: false }),
    countLook: assign({ looks: ({ context }) => context.looks + 1 }),
    noteRefusal: assign({
      unknownSinceMs: ({ context }, { status, atMs }: { status: number; atMs: number }) =>
        status === 404 ? (context.unknownSinceMs ?? atMs) : null,
    }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0, unknownSinceMs: null }),
  },
}).createMachine({
  id: 'outbox',
  description: 'The replies of one conversation, until each is seen on the mesh.',
  context: ({ input }) => ({
    ...input,
    posts: [],
    posting: null,
    failures: 0,
    unknownSinceMs: null,
    looks: 0,
    lagging: false,
    overtaking: false,
  }),
  type: 'parallel',
  on: {
    'reply.queued': { actions: { type: 'append', params: ({ event }) => event.replies } },
    'reply.revived': { description: 'A dead letter, tried again by hand.', actions: { type: 'append', params: ({ event }) => [event] } },
    'agent.lost': {
      description: 'What waits must not overtake what may be gone.',
      actions: ['forgetLag', { type: 'stopLag', params: ({ context }) => ({ chat: context.chat }) }],
    },
    'reply.seen': {
      guard: { type: 'isNews', params: ({ event }) => event },
      actions: [
        {
          type: 'commit',
          params: ({ context, event }) => {
            const seen = context.posts.filter(post => isUnseen(post, event.keys))
            const postedAtMs = Math.max(...seen.map(post => post.postedAtMs))
            return { changes: [own(context, { type: 'reply.sent', keys: seen.map(post => post.key), postedAtMs })] }
          },
        },
        { type: 'noteSeen', params: ({ event }) => event.keys },
      ],
    },
  },
  states: {
    sending: {
      description: 'In order, one unconfirmed post at a time.',
      initial: 'resting',
      on: {
        'reply.sent': { actions: [{ type: 'remove', params: ({ event }) => event.keys }, freeSlot, 'forgetFailures'] },
        'reply.requeued': { actions: [{ type: 'noteRequeued', params: ({ event }) => event }, freeSlot] },
        'reply.failed': {
          description: 'A dead letter.',
          actions: [{ type: 'remove', params: ({ event }) => [event.key] }, freeSlot, 'forgetFailures'],
        },
        'reply.posting': [
          {
            guard: { type: 'isWanted', params: ({ event }) => event },
            target: '.posting',
            actions: { type: 'notePosting', params: ({ event }) => event },
          },
          { description: 'It was seen on the mesh meanwhile.', target: '.resting' },
        ],
      },
      states: {
        resting: {
          always: [
            { guard: 'hasUnchecked', target: 'checking ledger' },
            { guard: 'mayPost', target: 'waiting' },
          ],
          on: {
            'lag.over': [
              { guard: { type: 'isNewest', params: ({ event }) => event }, actions: 'noteLag' },
              { description: 'Of a post that has been dealt with.' },
            ],
          },
        },
        'checking ledger': {
          description: 'What was queued before this process: is it on the mesh?',
          entry: {
            type: 'checkQueued',
            params: ({ context }) => ({ chat: context.chat, keys: context.posts.filter(isUnchecked).map(({ key }) => key) }),
          },
          on: {
            'unchecked.absent': {
              target: 'resting',
              actions: [{ type: 'noteChecked', params: ({ event }) => event.keys }, 'forgetFailures'],
            },
            'unchecked.unknown': [
              {
                guard: { type: 'isDoubtfulForLong', params: ({ event }) => event },
                target: 'resting',
                actions: { type: 'noteChecked', params: ({ context }) => context.posts.map(({ key }) => key) },
              },
              {
                description: 'Asked again.',
                target: 'backing off',
                actions: [{ type: 'noteAway', params: ({ event }) => event }, 'countFailure'],
              },
            ],
            'host.resumed': { target: 'checking ledger', reenter: true },
          },
        },
        waiting: {
          description: 'For one of the account’s slots for unconfirmed posts.',
          entry: { type: 'requestSlot', params: ({ context }) => ({ chat: context.chat }) },
          on: {
            'slot.granted': [
              {
                guard: 'mayPost',
                target: 'committing',
                actions: {
                  type: 'commit',
                  params: ({ context, event }) => ({
                    changes: [own(context, { type: 'reply.posting', key: nextQueued(context)!.key, atMs: event.atMs })],
                  }),
                },
              },
              { description: 'The one that waited was seen on the mesh, or has to wait after all.', target: 'resting', actions: freeSlot },
            ],
            'reply.sent': {
              description: 'It may have been the very one that waited.',
              target: 'resting',
              actions: [{ type: 'remove', params: ({ event }) => event.keys }, freeSlot, 'forgetFailures'],
            },
            'reply.failed': {
              description: 'A refusal that crossed its being taken for lost.',
              target: 'resting',
              actions: [{ type: 'remove', params: ({ event }) => [event.key] }, freeSlot, 'forgetFailures'],
            },
            'host.resumed': 'resting',
          },
        },
        committing: { description: 'That it is posted is on its way to the disk, before the post.', on: { 'host.resumed': 'resting' } },
        posting: {
          always: { guard: 'hasNothingUnderWay', target: 'resting' },
          entry: { type: 'post', params: ({ context }) => ({ chat: context.chat, key: underWay(context)!.key }) },
          on: {
            'post.accepted': [
              { guard: { type: 'isStale', params: ({ event }) => event }, description: 'Of a post that was given up.' },
              {
                target: 'resting',
                actions: [
                  { type: 'noteAnswered', params: ({ event }) => ({ atMs: event.atMs, accepted: true }) },
                  { type: 'startLag', params: ({ context, event }) => ({ chat: context.chat, key: event.key }) },
                ],
              },
            ],
            'post.unknown': [
              { guard: { type: 'isStale', params: ({ event }) => event }, description: 'Of a post that was given up.' },
              {
                description: 'The next waits until this one is found, or taken for lost: it would overtake it.',
                target: 'resting',
                actions: { type: 'noteAnswered', params: ({ event }) => ({ atMs: event.atMs, accepted: false }) },
              },
            ],
            'post.not-sent': [
              { guard: { type: 'isStale', params: ({ event }) => event }, description: 'Of a post that was given up.' },
              { target: 'backing off', actions: [recordNotSent, 'noteNotSent', 'countFailure'] },
            ],
            'post.refused': [
              { guard: { type: 'isStale', params: ({ event }) => event }, description: 'Of a post that was given up.' },
              {
                guard: { type: 'isDefinite', params: ({ event }) => event },
                target: 'resting',
                actions: [
                  {
                    type: 'commit',
                    params: ({ context, event }) => ({
                      changes: [own(context, { type: 'reply.failed', key: event.key, reason: event.reason })],
                    }),
                  },
                  'restoreLag',
                ],
              },
              {
                target: 'backing off',
                actions: [recordNotSent, 'noteNotSent', 'countFailure', { type: 'noteRefusal', params: ({ event }) => event }],
              },
            ],
            'host.resumed': {
              description: 'It may have been posted: looked for, not repeated.',
              target: 'resting',
            },
          },
        },
        'backing off': {
          entry: [freeSlot, { type: 'startBackoff', params: ({ context }) => ({ chat: context.chat, failures: context.failures }) }],
          on: { 'backoff.over': 'resting', 'host.resumed': 'resting' },
        },
      },
    },
    confirming: {
      description: 'Is what was posted on the mesh?',
      initial: 'quiet',
      states: {
        quiet: {
          always: { guard: 'hasUnconfirmed', target: 'watching' },
          on: { 'host.resumed': { actions: ['forgetSeen', { type: 'noteResumed', params: ({ event }) => event }] } },
        },
        watching: {
          always: { guard: 'hasNoUnconfirmed', target: 'quiet' },
          entry: { type: 'startLook', params: ({ context }) => ({ chat: context.chat, looks: context.looks }) },
          on: {
            'look.due': [
              { guard: { type: 'isOverdue', params: ({ event }) => event }, target: 'checking', actions: 'countLook' },
              {
                target: 'watching',
                reenter: true,
                actions: ['countLook', { type: 'look', params: ({ context }) => ({ chat: context.chat }) }],
              },
            ],
            'host.resumed': {
              target: 'watching',
              reenter: true,
              actions: [
                'forgetSeen',
                { type: 'noteResumed', params: ({ event }) => event },
                { type: 'look', params: ({ context }) => ({ chat: context.chat }) },
              ],
            },
          },
        },
        checking: {
          description: 'Our own files are listed afresh and read: is the reply there?',
          always: { guard: 'hasNoUnconfirmed', target: 'quiet' },
          entry: {
            type: 'checkLedger',
            params: ({ context }) => {
              const { key, answeredAtMs } = oldestUnconfirmed(context)!
              return { chat: context.chat, key, answeredAtMs }
            },
          },
          on: {
            'reply.sent': { description: 'Whichever it was, the next look begins anew.', target: 'watching' },
            'ledger.absent': [
              {
                guard: { type: 'isProvenLost', params: ({ event }) => event },
                target: 'committing',
                actions: { type: 'commit', params: repost },
              },
              {
                guard: { type: 'isUncertain', params: ({ event }) => event },
                target: 'watching',
                actions: [reportUncertain, 'noteUncertain', freeSlot],
              },
              { description: 'Too early to say, or about a reply that has been dealt with.', target: 'watching' },
            ],
            'ledger.failed': [
              {
                guard: { type: 'isProvenLost', params: ({ event }) => ({ ...event, ...NO_EVIDENCE }) },
                target: 'committing',
                actions: { type: 'commit', params: repost },
              },
              {
                guard: { type: 'isUncertain', params: ({ event }) => ({ ...event, ...NO_EVIDENCE }) },
                target: 'watching',
                actions: [reportUncertain, 'noteUncertain', freeSlot],
              },
              { description: 'Looked for again.', target: 'watching' },
            ],
            'host.resumed': { target: 'watching', actions: ['forgetSeen', { type: 'noteResumed', params: ({ event }) => event }] },
          },
        },
        committing: {
          on: {
            'reply.requeued': 'watching',
            'reply.sent': 'watching',
            'host.resumed': { target: 'watching', actions: ['forgetSeen', { type: 'noteResumed', params: ({ event }) => event }] },
          },
        },
      },
    },
  },
})
