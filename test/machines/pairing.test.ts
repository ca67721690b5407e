import { describe, expect, test } from 'vitest'
import { type PairingContext, type PairingEvent, pairingMachine } from '../../machines/pairing.ts'
import { replyKey } from '../../src/domain/ids.ts'
import { pairingNotice } from '../../src/domain/pairing-code.ts'
import { chartOf, untaken } from './kit.ts'
import { atChat, atPairing, commits } from './words.ts'

const pairing = chartOf(pairingMachine, { user: 'alice' })
const unknown: PairingContext = { user: 'alice', code: '', openedAtMs: 0, expiresAtMs: 0, remindedAtMs: 0 }
const known: PairingContext = { user: 'alice', code: 'ABCD', openedAtMs: 1_000, expiresAtMs: 5_000, remindedAtMs: 1_000 }

const asking = (state: string) => ({ asking: state })
const pending = (state: string) => ({ pending: state })
const requestsTicket = { type: 'requestTicket', params: { user: 'alice' } }
const waitsForDeadline = { type: 'startDeadline', params: { user: 'alice', atMs: 5_000 } }
const notice = (name: string, text: string) =>
  atChat({ type: 'reply.queued', replies: [{ key: replyKey(pairingNotice('ABCD', name), 0), text }] })
const drops = (reason: 'pairing_expired' | 'pairing_rejected' | 'pairing_overflow') =>
  atChat({ type: 'message.dropped', ids: ['m1', 'm2'], reason })
const held = ['m1', 'm2']

const issued: PairingEvent = { type: 'ticket.issued', code: 'ABCD', atMs: 1_000, expiresAtMs: 5_000, notice: 'Your code is ABCD.' }
const opened = { type: 'pairing.opened', code: 'ABCD', openedAtMs: 1_000, expiresAtMs: 5_000 } as const
const refused: PairingEvent = { type: 'ticket.refused', held }
const ticketFailed: PairingEvent = { type: 'ticket.failed' }
const rested: PairingEvent = { type: 'backoff.over' }
const resumed: PairingEvent = { type: 'host.resumed' }
const wrote = (atMs: number): PairingEvent => ({ type: 'stranger.wrote', atMs, reminderMs: 500, notice: 'Still waiting.' })
const reminded = (atMs: number) => ({ type: 'pairing.reminded', atMs }) as const
const approve = (remember: boolean): PairingEvent => ({ type: 'pairing.approve', remember, notice: 'Welcome.' })
const reject: PairingEvent = { type: 'pairing.reject', held }
const deadline = (nowMs: number): PairingEvent => ({ type: 'deadline.reached', nowMs, held })

describe('a request that asks for a code', () => {
  test('asks whoever keeps the truth about pairing', () => {
    expect(pairing.after()).toEqual({ value: asking('requesting'), context: unknown, effects: [requestsTicket] })
  })

  test('records the code together with the notice for the stranger', () => {
    expect(pairing.after(issued)).toEqual({
      value: asking('recording'),
      context: unknown,
      effects: [commits(atPairing(opened), notice('asked', 'Your code is ABCD.'))],
    })
  })

  test('is pending, until the date of its code, when that is durable', () => {
    expect(pairing.after(issued, opened)).toEqual({ value: pending('open'), context: known, effects: [waitsForDeadline] })
  })

  test('is refused when too many are pending, and what is held is dropped with it', () => {
    expect(pairing.after(refused)).toEqual({
      value: asking('recording'),
      context: unknown,
      effects: [commits(atPairing({ type: 'pairing.refused' }), drops('pairing_overflow'))],
    })
    expect(pairing.after(refused, { type: 'pairing.refused' })).toEqual({ value: 'refused', context: unknown, effects: [] })
  })

  test('asks again after a rest when it got no answer', () => {
    expect(pairing.after(ticketFailed)).toEqual({
      value: asking('backing off'),
      context: unknown,
      effects: [{ type: 'startBackoff', params: { user: 'alice' } }],
    })
    expect(pairing.after(ticketFailed, rested)).toEqual({ value: asking('requesting'), context: unknown, effects: [requestsTicket] })
  })

  test.each([
    ['is being asked for', []],
    ['is asked for again soon', [ticketFailed]],
  ])('ends when its user is let in while one %s: it needs no code for that', (_, events) => {
    expect(pairing.after(...events, approve(false))).toMatchObject({
      value: asking('recording'),
      effects: [
        {
          type: 'commit',
          params: {
            changes: [atPairing({ type: 'pairing.approved' }), { event: { type: 'reply.queued' } }, atChat({ type: 'message.released' })],
          },
        },
      ],
    })
    expect(pairing.after(...events, approve(false), { type: 'pairing.approved' })).toEqual({
      value: 'approved',
      context: unknown,
      effects: [],
    })
  })

  test.each([
    ['is being asked for', [], 'requesting'],
    ['is on its way to the disk', [issued], 'recording'],
    ['is asked for again soon', [ticketFailed], 'backing off'],
  ])('asks for no second code when the stranger writes while one %s', (_, events, state) => {
    expect(pairing.after(...events, wrote(9_000))).toEqual({ value: asking(state), context: unknown, effects: [] })
  })

  test.each([
    ['was asked for', []],
    ['was on its way to the disk', [issued]],
    ['was to be asked for again', [ticketFailed]],
  ])('asks again after a restart when its code %s', (_, events) => {
    expect(pairing.after(...events, resumed)).toEqual({ value: asking('requesting'), context: unknown, effects: [requestsTicket] })
  })
})

describe('a stranger who writes again', () => {
  test('gets no word while the last one is fresh', () => {
    expect(pairing.after(opened, wrote(1_499))).toEqual({ value: pending('open'), context: known, effects: [] })
  })

  test('is reminded when the last word is long enough ago', () => {
    expect(pairing.after(opened, wrote(1_500))).toEqual({
      value: pending('reminding'),
      context: known,
      effects: [commits(atPairing(reminded(1_500)), notice('reminded-1500', 'Still waiting.'))],
    })
  })

  test('gets no second reminder while the first is on its way to the disk', () => {
    expect(pairing.after(opened, wrote(1_500), wrote(1_501))).toEqual({ value: pending('reminding'), context: known, effects: [] })
  })

  test('is reminded again only after as long a while', () => {
    const once = { ...known, remindedAtMs: 1_500 }

    expect(pairing.after(opened, wrote(1_500), reminded(1_500))).toEqual({ value: pending('open'), context: once, effects: [] })
    expect(pairing.after(opened, wrote(1_500), reminded(1_500), wrote(1_999))).toEqual({
      value: pending('open'),
      context: once,
      effects: [],
    })
    expect(pairing.after(opened, wrote(1_500), reminded(1_500), wrote(2_000)).value).toEqual(pending('reminding'))
  })
})

describe('a pending request', () => {
  test('is approved in one step with a notice and the release of what is held', () => {
    expect(pairing.after(opened, approve(false))).toEqual({
      value: pending('ending'),
      context: known,
      effects: [commits(atPairing({ type: 'pairing.approved' }), notice('approved', 'Welcome.'), atChat({ type: 'message.released' }))],
    })
    expect(pairing.after(opened, approve(false), { type: 'pairing.approved' })).toEqual({ value: 'approved', context: known, effects: [] })
  })

  test('has the user remembered by the account when nobody else keeps the approvals', () => {
    expect(pairing.after(opened, approve(true)).effects).toEqual([
      commits(
        atPairing({ type: 'pairing.approved' }),
        { at: 'account', event: { type: 'user.approved', user: 'alice' } },
        notice('approved', 'Welcome.'),
        atChat({ type: 'message.released' }),
      ),
    ])
  })

  test('is rejected in one step with the drop of what is held', () => {
    expect(pairing.after(opened, reject)).toEqual({
      value: pending('ending'),
      context: known,
      effects: [commits(atPairing({ type: 'pairing.rejected' }), drops('pairing_rejected'))],
    })
    expect(pairing.after(opened, reject, { type: 'pairing.rejected' })).toEqual({ value: 'rejected', context: known, effects: [] })
  })

  test('drops nothing when nothing is held', () => {
    expect(pairing.after(opened, { type: 'pairing.reject', held: [] }).effects).toEqual([commits(atPairing({ type: 'pairing.rejected' }))])
  })

  test('expires at its date in one step with the drop of what is held', () => {
    expect(pairing.after(opened, deadline(5_000))).toEqual({
      value: pending('ending'),
      context: known,
      effects: [commits(atPairing({ type: 'pairing.expired' }), drops('pairing_expired'))],
    })
    expect(pairing.after(opened, deadline(5_000), { type: 'pairing.expired' })).toEqual({ value: 'expired', context: known, effects: [] })
  })

  test('waits for what is left when the wall clock went back', () => {
    expect(pairing.after(opened, deadline(4_999))).toEqual({ value: pending('open'), context: known, effects: [waitsForDeadline] })
  })

  test.each([
    ['open', []],
    ['being reminded', [wrote(1_500)]],
    ['ending, of which no record was kept', [reject]],
  ])('waits for its date after a restart when it was %s', (_, events) => {
    expect(pairing.after(opened, ...events, resumed)).toEqual({ value: pending('open'), context: known, effects: [waitsForDeadline] })
  })

  test.each([
    ['approved', approve(false)],
    ['rejected', reject],
    ['expired', deadline(5_000)],
  ])('can be %s while a reminder is on its way', (_, end) => {
    expect(pairing.after(opened, wrote(1_500), end).value).toEqual(pending('ending'))
  })
})

describe('a request whose end is on its way to the disk', () => {
  test.each([
    ['approved', approve(true)],
    ['rejected', reject],
    ['expired', deadline(5_000)],
    ['written to', wrote(9_000)],
  ])('ends one way only: it cannot be %s any more', (_, late) => {
    expect(pairing.after(opened, reject, late)).toEqual({ value: pending('ending'), context: known, effects: [] })
  })

  test('still notes the reminder that was on its way before it', () => {
    expect(pairing.after(opened, wrote(1_500), reject, reminded(1_500))).toEqual({
      value: pending('ending'),
      context: { ...known, remindedAtMs: 1_500 },
      effects: [],
    })
  })
})

test('every transition of the pairing chart was taken by the tests above', () => {
  expect(untaken(pairing)).toEqual([])
})
