/**
 * One stranger who asked to be let in: gets a code, is reminded now and then, and ends approved, rejected, expired or refused.
 *
 * P1. One code at a time; a repeated message never makes a second one.
 * P2. At most one reminder in a while, however much the stranger writes.
 * P3. Every message held for this user gets its final record in the same step that ends the request.
 * P4. Expiry is a date that is kept, so it holds over a restart.
 */
import { assign, setup } from 'xstate'
import type { Decision, Reason } from '../src/domain/decision.ts'
import { peerChat, replyKey, type UserName } from '../src/domain/ids.ts'
import { pairingNotice } from '../src/domain/pairing-code.ts'
import { type Change, type Commit, type PairingRecord, toAccount, toChat, toPairing } from './records.ts'

export type PairingInput = { user: UserName }
export type PairingContext = PairingInput & { code: string; openedAtMs: number; expiresAtMs: number; remindedAtMs: number }
export type PairingEvent =
  /** The texts are outside facts: the host composes them. */
  | { type: 'ticket.issued'; code: string; atMs: number; expiresAtMs: number; notice: string }
  | { type: 'ticket.refused'; held: readonly string[] }
  | { type: 'ticket.failed' }
  | { type: 'stranger.wrote'; atMs: number; reminderMs: number; notice: string }
  /** `decision`: why, when nobody has approved it and it may come in all the same. */
  | { type: 'pairing.approve'; remember: boolean; notice: string; decision?: Decision }
  | { type: 'pairing.reject'; held: readonly string[] }
  | { type: 'deadline.reached'; nowMs: number; held: readonly string[] }
  | { type: 'backoff.over' }
  | { type: 'host.resumed' }
  | PairingRecord

type Ids = { held: readonly string[] }

const tell = (user: UserName, key: string, text: string): Change =>
  toChat(peerChat(user), { type: 'reply.queued', replies: [{ key: replyKey(key, 0), text }] })
const drop = (user: UserName, { held }: Ids, reason: Reason): readonly Change[] =>
  held.length ? [toChat(peerChat(user), { type: 'message.dropped', ids: held, reason })] : []

type Approval = { context: PairingContext; event: { remember: boolean; notice: string; decision?: Decision } }

const letIn = {
  type: 'commit',
  params: ({ context: { user, code }, event: { remember, notice, decision } }: Approval) => ({
    changes: [
      toPairing(user, { type: 'pairing.approved', ...(decision && { letIn: true as const }) }),
      ...(remember ? [toAccount({ type: 'user.approved', user })] : []),
      tell(user, pairingNotice(code, 'approved'), notice),
      toChat(peerChat(user), { type: 'message.released', ...(decision && { decision }) }),
    ],
  }),
} as const

const waitForDeadline = {
  type: 'startDeadline',
  params: ({ context }: { context: PairingContext }) => ({ user: context.user, atMs: context.expiresAtMs }),
} as const

export const pairingMachine = setup({
  types: { input: {} as PairingInput, context: {} as PairingContext, events: {} as PairingEvent },
  guards: {
    /** A code typed late is as good as no code: the stranger must ask again. */
    isCodeExpired: ({ context }, at: { nowMs: number }) => at.nowMs >= context.expiresAtMs,
    /** The last word to this stranger is long enough ago. */
    isReminderDue: ({ context }, at: { atMs: number; reminderMs: number }) => at.atMs - context.remindedAtMs >= at.reminderMs,
  },
  actions: {
    // Effects.
    commit: (_, _params: Commit) => {},
    requestTicket: (_, _params: { user: UserName }) => {},
    startBackoff: (_, _params: { user: UserName }) => {},
    startDeadline: (_, _params: { user: UserName; atMs: number }) => {},
    // Context.
    noteTicket: assign((_, ticket: { code: string; openedAtMs: number; expiresAtMs: number }) => ({
      code: ticket.code,
      openedAtMs: ticket.openedAtMs,
      expiresAtMs: ticket.expiresAtMs,
      remindedAtMs: ticket.openedAtMs,
    })),
    noteReminder: assign({ remindedAtMs: (_, at: { atMs: number }) => at.atMs }),
  },
}).createMachine({
  id: 'pairing',
  description: 'One stranger who asked to be let in.',
  context: ({ input }) => ({ ...input, code: '', openedAtMs: 0, expiresAtMs: 0, remindedAtMs: 0 }),
  initial: 'asking',
  states: {
    asking: {
      description: 'Gets a code from whoever keeps the truth about pairing.',
      initial: 'requesting',
      states: {
        requesting: {
          entry: { type: 'requestTicket', params: ({ context }) => ({ user: context.user }) },
          on: {
            'ticket.issued': {
              target: 'recording',
              actions: {
                type: 'commit',
                params: ({ context, event }) => ({
                  changes: [
                    toPairing(context.user, {
                      type: 'pairing.opened',
                      code: event.code,
                      openedAtMs: event.atMs,
                      expiresAtMs: event.expiresAtMs,
                    }),
                    tell(context.user, pairingNotice(event.code, 'asked'), event.notice),
                  ],
                }),
              },
            },
            'ticket.refused': {
              target: 'recording',
              actions: {
                type: 'commit',
                params: ({ context, event }) => ({
                  changes: [toPairing(context.user, { type: 'pairing.refused' }), ...drop(context.user, event, 'pairing_overflow')],
                }),
              },
            },
            'ticket.failed': 'backing off',
            'pairing.approve': { target: 'recording', actions: letIn },
          },
        },
        recording: {},
        'backing off': {
          entry: { type: 'startBackoff', params: ({ context }) => ({ user: context.user }) },
          on: { 'backoff.over': 'requesting', 'pairing.approve': { target: 'recording', actions: letIn } },
        },
      },
      on: {
        'stranger.wrote': { description: 'The message is held; the notice is on its way.' },
        'host.resumed': '.requesting',
        'pairing.opened': { target: 'pending', actions: { type: 'noteTicket', params: ({ event }) => event } },
        'pairing.refused': 'refused',
        'pairing.approved': { description: 'Nobody need approve it any more.', target: 'approved' },
      },
    },
    pending: {
      entry: waitForDeadline,
      initial: 'open',
      states: {
        open: {
          on: {
            'stranger.wrote': [
              {
                guard: { type: 'isReminderDue', params: ({ event }) => event },
                target: 'reminding',
                actions: {
                  type: 'commit',
                  params: ({ context, event }) => ({
                    changes: [
                      toPairing(context.user, { type: 'pairing.reminded', atMs: event.atMs }),
                      tell(context.user, pairingNotice(context.code, `reminded-${event.atMs}`), event.notice),
                    ],
                  }),
                },
              },
              { description: 'Held without a word.' },
            ],
          },
        },
        reminding: {
          description: 'The reminder is on its way to the disk.',
          on: { 'stranger.wrote': { description: 'One reminder is enough.' } },
        },
        ending: {
          description: 'The end is on its way to the disk; it ends one way only.',
          on: {
            'stranger.wrote': { description: 'The message is held; the chat asks again.' },
            'pairing.approve': { description: 'Too late, or already done.' },
            'pairing.reject': { description: 'Too late, or already done.' },
            'deadline.reached': { description: 'It ends already.' },
            'pairing.reminded': { actions: { type: 'noteReminder', params: ({ event }) => event } },
          },
        },
      },
      on: {
        'pairing.reminded': { target: '.open', actions: { type: 'noteReminder', params: ({ event }) => event } },
        'pairing.approve': { target: '.ending', actions: letIn },
        'pairing.reject': {
          target: '.ending',
          actions: {
            type: 'commit',
            params: ({ context, event }) => ({
              changes: [toPairing(context.user, { type: 'pairing.rejected' }), ...drop(context.user, event, 'pairing_rejected')],
            }),
          },
        },
        'deadline.reached': [
          {
            guard: { type: 'isCodeExpired', params: ({ event }) => event },
            target: '.ending',
            actions: {
              type: 'commit',
              params: ({ context, event }) => ({
                changes: [toPairing(context.user, { type: 'pairing.expired' }), ...drop(context.user, event, 'pairing_expired')],
              }),
            },
          },
          {
            description: 'The wall clock went back: wait for what is left.',
            actions: waitForDeadline,
          },
        ],
        'host.resumed': {
          target: '.open',
          actions: waitForDeadline,
        },
        'pairing.approved': 'approved',
        'pairing.rejected': 'rejected',
        'pairing.expired': 'expired',
      },
    },
    approved: { type: 'final' },
    rejected: { type: 'final' },
    expired: { type: 'final' },
    refused: { type: 'final', description: 'Too many requests were pending; the stranger may write again later.' },
  },
})
