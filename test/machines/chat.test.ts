import { describe, expect, test } from 'vitest'
import { type ChatContext, type ChatEvent, chatMachine } from '../../machines/chat.ts'
import { chartOf, untaken } from './kit.ts'
import { accepted, alice, atChat, commits, friend, held, ignored, received, stranger, unwanted } from './words.ts'

const chat = chartOf(chatMachine, { chat: alice })
const context = (changes: Partial<ChatContext> = {}): ChatContext => ({
  chat: alice,
  queue: [],
  held: [],
  attempt: 1,
  urgent: [],
  custody: [],
  ...changes,
})

const idle = { door: 'deciding', turn: 'idle', errand: 'idle' }
const waiting = { door: 'awaiting pairing', turn: 'idle', errand: 'idle' }
const answering = (turn: string, errand: string | object = 'idle') => ({ door: 'deciding', turn: { answering: turn }, errand })
const underWay = (errand: string) => ({ 'under way': errand })
const dispatches = (id: string, attempt = 1) => ({ type: 'dispatch', params: { chat: alice, id, attempt, urgent: false } })
const hurries = (id: string) => ({ type: 'dispatch', params: { chat: alice, id, attempt: 0, urgent: true } })
const urgent = (id: string): ChatEvent => ({ ...accepted(id), message: { ...accepted(id).message, urgent: true } })
const rests = (id: string, attempt: number) => ({ type: 'startBackoff', params: { chat: alice, id, attempt } })
const opensPairing = (wrote: boolean) => ({ type: 'openPairing', params: { chat: alice, wrote } })

const adopted = (id: string, attempt = 1, custody = false): ChatEvent => ({ type: 'dispatch.adopted', id, attempt, custody })
const answered = (id: string, parts: readonly string[], attempt = 1): ChatEvent => ({ type: 'dispatch.answered', id, attempt, parts })
const failed = (id: string, attempt: number, apology: string | null = null): ChatEvent => ({
  type: 'dispatch.failed',
  id,
  attempt,
  reason: 'it crashed',
  attemptsMax: 2,
  apology,
})
const released: ChatEvent = { type: 'message.released' }
const dropped = (...ids: readonly string[]): ChatEvent => ({ type: 'message.dropped', ids, reason: 'pairing_rejected' })
const turnFailed = (id: string, attempt: number) => ({ type: 'turn.failed', id, attempt, reason: 'it crashed' }) as const
const rested: ChatEvent = { type: 'backoff.over' }
const resumed: ChatEvent = { type: 'host.resumed' }

describe('a message that is received', () => {
  test('is recorded as accepted when the policy lets its sender through, and not dispatched before that is durable', () => {
    expect(chat.after(received('m1', friend))).toEqual({ value: idle, context: context(), effects: [commits(atChat(accepted('m1')))] })
  })

  test('is recorded as held when its sender has to be paired first', () => {
    expect(chat.after(received('m1', stranger))).toEqual({ value: idle, context: context(), effects: [commits(atChat(held('m1')))] })
  })

  test('is recorded as ignored, without its text and with the reason, otherwise', () => {
    expect(chat.after(received('m1', unwanted))).toEqual({ value: idle, context: context(), effects: [commits(atChat(ignored('m1')))] })
  })

  test('is decided and recorded while another one is being answered', () => {
    expect(chat.after(accepted('m1'), received('m2'))).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m1'] }),
      effects: [commits(atChat(accepted('m2')))],
    })
  })

  test('changes nothing in the chat when it is ignored', () => {
    expect(chat.after(ignored('m1'))).toEqual({ value: idle, context: context(), effects: [] })
  })
})

describe('an accepted message', () => {
  test('is dispatched when its record is durable', () => {
    expect(chat.after(accepted('m1'))).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m1'] }),
      effects: [dispatches('m1')],
    })
  })

  test('waits while the one before it is being answered', () => {
    expect(chat.after(accepted('m1'), accepted('m2'))).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m1', 'm2'] }),
      effects: [],
    })
  })

  test('is ours no more when the responder has adopted it and that is durable', () => {
    expect(chat.after(accepted('m1'), adopted('m1'))).toEqual({
      value: answering('committing'),
      context: context({ queue: ['m1'] }),
      effects: [commits(atChat({ type: 'turn.adopted', id: 'm1' }))],
    })
    expect(chat.after(accepted('m1'), adopted('m1'), { type: 'turn.adopted', id: 'm1' })).toEqual({
      value: idle,
      context: context(),
      effects: [],
    })
  })

  test('is settled in one record with all parts of its answer, under keys that no retry changes', () => {
    expect(chat.after(accepted('m1'), answered('m1', ['one', 'two']))).toEqual({
      value: answering('committing'),
      context: context({ queue: ['m1'] }),
      effects: [
        commits(
          atChat({ type: 'turn.answered', id: 'm1' }),
          atChat({
            type: 'reply.queued',
            replies: [
              { key: 'm1#0', text: 'one' },
              { key: 'm1#1', text: 'two' },
            ],
          }),
        ),
      ],
    })
  })

  test('is settled without a reply when the responder has nothing to say', () => {
    expect(chat.after(accepted('m1'), answered('m1', []))).toEqual({
      value: answering('committing'),
      context: context({ queue: ['m1'] }),
      effects: [commits(atChat({ type: 'turn.answered', id: 'm1' }))],
    })
  })

  test('gives way to the next one when its outcome is durable', () => {
    expect(chat.after(accepted('m1'), accepted('m2'), answered('m1', []), { type: 'turn.answered', id: 'm1' })).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m2'] }),
      effects: [dispatches('m2')],
    })
  })
})

describe('an attempt that failed', () => {
  test('is recorded, and counts when that is durable', () => {
    expect(chat.after(accepted('m1'), failed('m1', 1))).toEqual({
      value: answering('committing'),
      context: context({ queue: ['m1'] }),
      effects: [commits(atChat(turnFailed('m1', 1)))],
    })
    expect(chat.after(accepted('m1'), failed('m1', 1), turnFailed('m1', 1))).toEqual({
      value: answering('backing off'),
      context: context({ queue: ['m1'], attempt: 2 }),
      effects: [rests('m1', 2)],
    })
  })

  test('is followed by another one after a rest', () => {
    expect(chat.after(accepted('m1'), failed('m1', 1), turnFailed('m1', 1), rested)).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m1'], attempt: 2 }),
      effects: [dispatches('m1', 2)],
    })
  })

  test('makes the message a dead letter when it was the last one, with an apology where that is wanted', () => {
    const abandoned = atChat({ type: 'turn.abandoned', id: 'm1', reason: 'it crashed' })
    const sorry = atChat({ type: 'reply.queued', replies: [{ key: 'm1/apology#0', text: 'Sorry.' }] })
    const second = [accepted('m1'), turnFailed('m1', 1), rested]

    expect(chat.after(...second, failed('m1', 2))).toEqual({
      value: answering('committing'),
      context: context({ queue: ['m1'], attempt: 2 }),
      effects: [commits(abandoned)],
    })
    expect(chat.after(...second, failed('m1', 2, 'Sorry.')).effects).toEqual([commits(abandoned, sorry)])
  })

  test('does not keep the next message from a first attempt of its own', () => {
    const lost = { type: 'turn.abandoned', id: 'm1', reason: 'it crashed' } as const

    expect(chat.after(accepted('m1'), accepted('m2'), turnFailed('m1', 1), rested, failed('m1', 2), lost)).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m2'] }),
      effects: [dispatches('m2')],
    })
  })

  test.each([
    ['an adoption', adopted('m1', 1)],
    ['an answer', answered('m1', ['late'], 1)],
    ['a failure', failed('m1', 1)],
    ['the answer to another message', answered('m0', ['late'], 2)],
    ['the failure of another message', failed('m0', 2)],
  ])('brings nothing more once it was given up: %s is dropped', (_, late) => {
    expect(chat.after(accepted('m1'), turnFailed('m1', 1), rested, late)).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m1'], attempt: 2 }),
      effects: [],
    })
  })
})

test('a dead letter that is revived by hand waits at the end of the queue, with all its attempts before it', () => {
  expect(chat.after({ type: 'message.revived', id: 'm1' })).toEqual({
    value: answering('dispatching'),
    context: context({ queue: ['m1'] }),
    effects: [dispatches('m1')],
  })
  expect(chat.after(accepted('m2'), turnFailed('m2', 1), { type: 'message.revived', id: 'm1' })).toEqual({
    value: answering('backing off'),
    context: context({ queue: ['m2', 'm1'], attempt: 2 }),
    effects: [],
  })
})

describe('a held message', () => {
  test('has a pairing request opened for it', () => {
    expect(chat.after(held('m1'))).toEqual({ value: waiting, context: context({ held: ['m1'] }), effects: [opensPairing(true)] })
  })

  test('tells the request each time that another one was written', () => {
    expect(chat.after(held('m1'), held('m2'))).toEqual({
      value: waiting,
      context: context({ held: ['m1', 'm2'] }),
      effects: [opensPairing(true)],
    })
  })

  test('makes room for a newer one beyond the bound', () => {
    expect(chat.after(held('m1'), held('m2'), held('m3'))).toEqual({
      value: waiting,
      context: context({ held: ['m1', 'm2', 'm3'] }),
      effects: [commits(atChat({ type: 'message.dropped', ids: ['m1'], reason: 'pairing_overflow' })), opensPairing(true)],
    })
  })

  test('does not disturb the message that is being answered', () => {
    expect(chat.after(accepted('m1'), held('m2'))).toEqual({
      value: { door: 'awaiting pairing', turn: { answering: 'dispatching' }, errand: 'idle' },
      context: context({ queue: ['m1'], held: ['m2'] }),
      effects: [opensPairing(true)],
    })
  })

  test('joins the queue, in order, when it is released', () => {
    expect(chat.after(held('m1'), held('m2'), released)).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m1', 'm2'] }),
      effects: [dispatches('m1')],
    })
  })

  test('is gone when it is dropped, and nobody is waited for when it was the last one', () => {
    expect(chat.after(held('m1'), held('m2'), dropped('m1', 'm2'))).toEqual({ value: idle, context: context(), effects: [] })
  })

  test('has a request opened anew when the one before it took only the older ones along', () => {
    expect(chat.after(held('m1'), held('m2'), dropped('m1'))).toEqual({
      value: waiting,
      context: context({ held: ['m2'] }),
      effects: [opensPairing(false)],
    })
  })
})

describe('a restored chat', () => {
  test('asks for nothing when it waits for nothing', () => {
    expect(chat.after(resumed)).toEqual({ value: idle, context: context(), effects: [] })
  })

  test('asks for the same dispatch again', () => {
    expect(chat.after(accepted('m1'), resumed)).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m1'] }),
      effects: [dispatches('m1')],
    })
  })

  test('asks for the same dispatch again when its outcome had not become durable', () => {
    expect(chat.after(accepted('m1'), answered('m1', ['one']), resumed)).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m1'] }),
      effects: [dispatches('m1')],
    })
  })

  test('rests again before the attempt that it was resting for', () => {
    expect(chat.after(accepted('m1'), turnFailed('m1', 1), resumed)).toEqual({
      value: answering('backing off'),
      context: context({ queue: ['m1'], attempt: 2 }),
      effects: [rests('m1', 2)],
    })
  })

  test('asks for the request of what it holds, which is no new message', () => {
    expect(chat.after(held('m1'), resumed)).toEqual({ value: waiting, context: context({ held: ['m1'] }), effects: [opensPairing(false)] })
  })
})

describe('the end of a turn whose beginning a damaged journal has lost', () => {
  test.each(['turn.adopted', 'turn.answered'] as const)('%s takes that message out of the queue, and no other', type => {
    expect(chat.after(accepted('m1'), accepted('m2'), { type, id: 'm2' })).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m1'] }),
      effects: [],
    })
  })

  test('as a dead letter does the same, while nothing is being answered', () => {
    expect(chat.after({ type: 'turn.abandoned', id: 'm1', reason: 'it crashed' })).toEqual({ value: idle, context: context(), effects: [] })
  })
})

describe('a message that is adopted into custody', () => {
  const intoCustody = (id: string) => ({ type: 'turn.adopted', id, custody: true }) as const
  const told = (changes: Partial<Extract<ChatEvent, { type: 'custody.told' }>>): ChatEvent => ({
    type: 'custody.told',
    answered: [],
    lost: [],
    abandoned: [],
    apology: null,
    ...changes,
  })
  const reclaims = (...ids: readonly string[]) => ({ type: 'reclaim', params: { chat: alice, ids } })
  const reclaiming = { ...idle, turn: 'reclaiming' }

  test('is recorded so, and the next one is dispatched', () => {
    expect(chat.after(accepted('m1'), adopted('m1', 1, true)).effects).toEqual([commits(atChat(intoCustody('m1')))])
    expect(chat.after(accepted('m1'), accepted('m2'), intoCustody('m1'))).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m2'], custody: ['m1'] }),
      effects: [dispatches('m2')],
    })
  })

  test('stays there although a damaged journal has lost the beginning of its turn', () => {
    expect(chat.after(accepted('m1'), accepted('m2'), intoCustody('m2'))).toEqual({
      value: answering('dispatching'),
      context: context({ queue: ['m1'], custody: ['m2'] }),
      effects: [],
    })
  })

  test('is recorded as answered when its turn is over', () => {
    expect(chat.after(accepted('m1'), intoCustody('m1'), { type: 'dispatch.over', id: 'm1' }).effects).toEqual([
      commits(atChat({ type: 'turn.answered', id: 'm1' })),
    ])
    expect(chat.after(accepted('m1'), intoCustody('m1'), { type: 'turn.answered', id: 'm1' }).context).toEqual(context())
  })

  test('of which no more is known is nobody’s concern when its turn ends', () => {
    expect(chat.after({ type: 'dispatch.over', id: 'm1' }).effects).toEqual([])
  })

  test.each([
    ['nothing waits', []],
    ['the next is being dispatched', [accepted('m2')]],
    ['its outcome is on its way', [accepted('m2'), adopted('m2')]],
    ['it rests after a failure', [accepted('m2'), turnFailed('m2', 1)]],
  ] as const)('is asked about after a restart before anything else is dispatched: %s', (_, events) => {
    expect(chat.after(accepted('m1'), intoCustody('m1'), ...events, resumed)).toMatchObject({
      value: reclaiming,
      effects: [reclaims('m1')],
    })
  })

  test('is asked about again when the answer does not survive, either', () => {
    expect(chat.after(accepted('m1'), intoCustody('m1'), resumed, resumed).effects).toEqual([reclaims('m1')])
  })

  test('is left alone when it was answered', () => {
    const events = [accepted('m1'), intoCustody('m1'), accepted('m2'), resumed, told({ answered: ['m1'] })] as const
    expect(chat.after(...events).effects).toEqual([commits(atChat({ type: 'turn.answered', id: 'm1' }))])
    expect(chat.after(...events, { type: 'turn.answered', id: 'm1' })).toMatchObject({
      value: answering('dispatching'),
      context: context({ queue: ['m2'] }),
      effects: [dispatches('m2')],
    })
  })

  test('is dispatched again when it was lost, before what came after it, and with all its attempts', () => {
    const events = [accepted('m1'), accepted('m2'), intoCustody('m1'), intoCustody('m2'), accepted('m3'), resumed] as const
    const lost = { type: 'turn.lost', ids: ['m1', 'm2'] } as const
    expect(chat.after(...events, told({ lost: ['m1', 'm2'] })).effects).toEqual([commits(atChat(lost))])
    expect(chat.after(...events, told({ lost: ['m1', 'm2'] }), lost)).toMatchObject({
      value: answering('dispatching'),
      context: context({ queue: ['m1', 'm2', 'm3'] }),
      effects: [dispatches('m1')],
    })
  })

  test('is a dead letter when it was lost too often, and its sender is told', () => {
    const abandoned = { type: 'turn.abandoned', id: 'm1', reason: 'lost three times' } as const
    expect(
      chat.after(
        accepted('m1'),
        intoCustody('m1'),
        resumed,
        told({ abandoned: [{ id: 'm1', reason: 'lost three times' }], apology: 'sorry' }),
      ).effects,
    ).toEqual([commits(atChat(abandoned), atChat({ type: 'reply.queued', replies: [{ key: 'm1/apology#0', text: 'sorry' }] }))])
    expect(chat.after(accepted('m1'), intoCustody('m1'), resumed, abandoned)).toMatchObject({ value: idle, context: context() })
  })
})

describe('an urgent message', () => {
  test('is dispatched beside the turn that it is about', () => {
    expect(chat.after(accepted('m1'), urgent('stop'))).toEqual({
      value: answering('dispatching', underWay('dispatching')),
      context: context({ queue: ['m1'], urgent: ['stop'] }),
      effects: [hurries('stop')],
    })
  })

  test('waits for the urgent one before it', () => {
    expect(chat.after(urgent('u1'), urgent('u2')).effects).toEqual([])
    expect(chat.after(urgent('u1'), urgent('u2'), { type: 'turn.adopted', id: 'u1' })).toEqual({
      value: { door: 'deciding', turn: 'idle', errand: underWay('dispatching') },
      context: context({ urgent: ['u2'] }),
      effects: [hurries('u2')],
    })
  })

  test.each([
    ['adopted', adopted('stop', 0), { type: 'turn.adopted', id: 'stop' }],
    ['answered', answered('stop', [], 0), { type: 'turn.answered', id: 'stop' }],
    ['failed', failed('stop', 0), turnFailed('stop', 0)],
  ] as const)('is recorded when it is %s, and the turn beside it goes on', (_, event, record) => {
    expect(chat.after(accepted('m1'), urgent('stop'), event)).toEqual({
      value: answering('dispatching', underWay('committing')),
      context: context({ queue: ['m1'], urgent: ['stop'] }),
      effects: [commits(atChat(record))],
    })
    expect(chat.after(accepted('m1'), urgent('stop'), event, record)).toMatchObject({ value: answering('dispatching'), effects: [] })
  })

  test('is recorded together with its answer', () => {
    expect(chat.after(urgent('u1'), answered('u1', ['idle'], 0)).effects).toEqual([
      commits(atChat({ type: 'turn.answered', id: 'u1' }), atChat({ type: 'reply.queued', replies: [{ key: 'u1#0', text: 'idle' }] })),
    ])
  })

  test('that failed waits like any other message', () => {
    expect(chat.after(accepted('m1'), urgent('u1'), turnFailed('u1', 0)).context).toEqual(context({ queue: ['m1', 'u1'] }))
  })

  test('is asked for again after a restart', () => {
    expect(chat.after(urgent('u1'), resumed).effects).toEqual([hurries('u1')])
    expect(chat.after(urgent('u1'), adopted('u1', 0), resumed).effects).toEqual([hurries('u1')])
  })
})

test('every transition of the chat chart was taken by the tests above', () => {
  expect(untaken(chat)).toEqual([])
})
