/** A step on what is stored is as good as a registry that runs: cut anywhere, put away as JSON, and taken up again. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Change, toChat } from '../../machines/records.ts'
import type { Json } from '../../src/domain/json.ts'
import { LIMITS } from '../../src/domain/limits.ts'
import { type Input, step } from '../../src/runtime/cell.ts'
import { type Asked, asData } from '../../src/runtime/effects.ts'
import { createNursery } from '../../src/runtime/nursery.ts'
import { keyOf, type Subject } from '../../src/runtime/parse-record.ts'
import { createRegistry } from '../../src/runtime/registry.ts'
import type { Move, Name } from '../machines/conversation.ts'
import { choices, live } from '../machines/runs.ts'
import { accepted, alice, message, received } from '../machines/words.ts'

const CHAT: Subject = { at: 'chat', chat: alice }
const PAIRING: Subject = { at: 'pairing', user: 'alice' }
const ACCOUNT: Subject = { at: 'account' }
const AT_MS = 1_000_000
const runs = { numRuns: 200, seed: 70_412 }

const stepped = (subject: Subject, stored: Json, ...inputs: readonly Input[]) =>
  step({ subject, stored, inputs, atMs: AT_MS, limits: LIMITS })
const told = (...changes: readonly Change[]): Input => ({ to: 'records', changes })
const through = (value: Json): Json => JSON.parse(JSON.stringify(value))

/** What the registry and the cells have to show alike. */
interface Side {
  /** What was asked for, in order; commits about other keys were carried out. */
  give(subject: Subject, ...inputs: readonly Input[]): readonly Asked[]
  /** Whatever may be put away now is. */
  cut(): void
  stored(subject: Subject): Json
  stop(): void
}

function oneRegistry(): Side {
  const asking: Asked[] = []
  const nursery = createNursery('live', (_, error) => {
    throw error
  })
  const registry = createRegistry({ nursery, limits: LIMITS, effects: asData(one => asking.push(one)) })
  const tell = (subject: Subject, input: Input) => {
    if (input.to === 'records') registry.apply(0, AT_MS, input.changes)
    else if (input.to === 'chat') registry.tellChat(alice, input.event)
    else if (input.to === 'outbox') registry.tellOutbox(alice, input.event)
    else if (input.to === 'pairing') registry.tellPairing('alice', input.event)
    else if (subject.at === 'pairing') registry.openPairing(subject.user)
  }
  return {
    give(subject, ...inputs) {
      const asked: Asked[] = []
      for (const input of inputs) {
        tell(subject, input)
        for (let one = asking.shift(); one; one = asking.shift()) {
          if (one.type === 'commit') registry.apply(0, AT_MS, one.params.changes)
          else asked.push(one)
        }
      }
      return asked
    },
    cut: () => registry.sweep(),
    stored: subject => through(registry.beginFold().read(keyOf(subject)) ?? null),
    stop() {
      registry.stop()
      nursery.stop()
    },
  }
}

function cells(): Side {
  const kept = new Map<string, Json>()
  const give = (subject: Subject, ...inputs: readonly Input[]): readonly Asked[] => {
    const after = stepped(subject, kept.get(keyOf(subject)) ?? null, ...inputs)
    kept.set(keyOf(subject), through(after.stored))
    return after.asked.flatMap(one => (one.type === 'commit' ? one.params.changes.flatMap(change => give(change, told(change))) : one))
  }
  return { give, cut: () => {}, stored: subject => kept.get(keyOf(subject)) ?? null, stop: () => {} }
}

/** As a pairing desk does. */
function open(side: Side, { wrote }: { wrote: boolean }): readonly Asked[] {
  const approved = (side.stored(ACCOUNT) as { approved?: readonly string[] } | null)?.approved ?? []
  if (approved.includes('alice')) return side.give(CHAT, told(toChat(alice, { type: 'message.released' })))
  if (side.stored(PAIRING) === null) return side.give(PAIRING, { to: 'request' })
  return wrote
    ? side.give(PAIRING, { to: 'pairing', event: { type: 'stranger.wrote', atMs: AT_MS, reminderMs: 0, notice: 'still waiting' } })
    : []
}

function lived(side: Side, batches: readonly (readonly [Subject, readonly Input[]])[]) {
  const asked: Asked[] = []
  const carryOut = (some: readonly Asked[]) => {
    for (const one of some) {
      asked.push(one)
      if (one.type === 'openPairing') carryOut(open(side, one.params))
    }
  }
  for (const [subject, inputs] of batches) {
    carryOut(side.give(subject, ...inputs))
    side.cut()
  }
  const by = (owner: 'chat' | 'user') => asked.filter(({ params }) => owner in params)
  const found = { asked: { chat: by('chat'), pairing: by('user') }, chat: side.stored(CHAT), pairing: side.stored(PAIRING) }
  side.stop()
  return found
}

const inputOf = (move: Move): readonly [Subject, Input] | null => {
  if (move.type === 'tell' && move.to === 'pairing') return [PAIRING, { to: 'pairing', event: move.event }]
  if (move.type === 'tell') return [CHAT, move.to === 'chat' ? { to: 'chat', event: move.event } : { to: 'outbox', event: move.event }]
  return move.type === 'write' ? [CHAT, told(...move.changes)] : null
}

/** As many as fit in one step, by chance: what is told to another key begins a new one. */
function batched(moves: readonly Move[], cuts: readonly boolean[]): readonly (readonly [Subject, readonly Input[]])[] {
  const batches: [Subject, Input[]][] = []
  for (const [index, move] of moves.entries()) {
    const found = inputOf(move)
    if (found === null) continue
    const [subject, input] = found
    const last = batches.at(-1)
    if (last && last[0] === subject && !cuts[index]) last[1].push(input)
    else batches.push([subject, [input]])
  }
  return batches
}

describe.each<readonly [string, readonly Name[]]>([
  ['a chat', ['chat']],
  ['an outbox', ['outbox']],
  ['a conversation', ['chat', 'outbox']],
  ['a conversation with a stranger', ['chat', 'outbox', 'pairing']],
])('%s', { timeout: 60_000 }, (_, has) => {
  test('asks for the same and is the same whether it runs on, or is put away as JSON after any of its steps', () => {
    fc.assert(
      fc.property(choices, fc.array(fc.boolean(), { maxLength: 80 }), (numbers, cuts) => {
        const batches = batched(live(has, numbers).moves, cuts)

        expect(lived(cells(), batches)).toEqual(lived(oneRegistry(), batches))
      }),
      runs,
    )
  })
})

describe('a step', () => {
  test('applies at once what a chart commits about its own key, and then asks for what follows from it', () => {
    const { stored, asked } = stepped(CHAT, null, { to: 'chat', event: received('m1') })

    expect(asked).toEqual([{ type: 'dispatch', params: { chat: alice, id: 'm1', attempt: 1, urgent: false } }])
    expect(stored).toMatchObject({
      messages: [message('m1')],
      decisions: [{ id: 'm1', action: 'process' }],
      chat: { context: { queue: ['m1'] } },
    })
  })

  test('tells the records that have led there, of its own key only, whoever made them', () => {
    const first = stepped(CHAT, null, told(toChat(alice, accepted('m1'))), { to: 'chat', event: received('m2') })
    const again = stepped(CHAT, null, told(...first.applied))
    const request = stepped(PAIRING, null, { to: 'request' })
    const event = { type: 'ticket.issued', code: 'ABCD2345', atMs: AT_MS, expiresAtMs: AT_MS + 1, notice: 'a code' } as const
    const opened = stepped(PAIRING, request.stored, { to: 'pairing', event })

    expect(first.applied).toEqual([toChat(alice, accepted('m1')), toChat(alice, accepted('m2'))])
    expect(again.stored).toEqual(first.stored)
    expect(opened.applied.map(({ event: { type } }) => type)).toEqual(['pairing.opened'])
  })

  test('hands on what is committed about other keys, all of it in one piece', () => {
    const asking = stepped(PAIRING, null, { to: 'request' })
    const opened = stepped(PAIRING, asking.stored, {
      to: 'pairing',
      event: { type: 'ticket.issued', code: 'ABCD2345', atMs: AT_MS, expiresAtMs: AT_MS + 1, notice: 'a code' },
    })
    const { stored, asked } = stepped(PAIRING, opened.stored, {
      to: 'pairing',
      event: { type: 'pairing.approve', remember: true, notice: 'approved' },
    })

    expect(stored).toBeNull()
    expect(asked.map(({ type }) => type)).toEqual(['commit'])
    expect(
      asked.flatMap(({ params }) => ('changes' in params ? params.changes : [])).map(change => [keyOf(change), change.event.type]),
    ).toEqual([
      ['account', 'user.approved'],
      ['chat:peer:alice', 'reply.queued'],
      ['chat:peer:alice', 'message.released'],
    ])
  })

  test('of the account keeps who was approved, and forgets whom it was taken back from', () => {
    const approved = stepped(ACCOUNT, null, told({ at: 'account', event: { type: 'user.approved', user: 'alice' } }))
    const revoked = stepped(ACCOUNT, approved.stored, told({ at: 'account', event: { type: 'user.revoked', user: 'alice' } }))

    expect([approved.stored, revoked.stored]).toMatchObject([{ approved: ['alice'] }, { approved: [] }])
  })

  test('leaves no chart behind for a conversation that rests', () => {
    const { stored } = stepped(CHAT, null, told(toChat(alice, accepted('m1'))), told(toChat(alice, { type: 'turn.answered', id: 'm1' })))

    expect(stored).toMatchObject({ chat: null, outbox: null, messages: [], cursor: { senders: { '=alice': { seen: [[2_000, 'm1']] } } } })
  })

  test('refuses what is for a chart that its key does not have', () => {
    expect(() => stepped(PAIRING, null, { to: 'chat', event: received('m1') })).toThrow(
      'What is stored under "pairing:alice" has no chart "chat".',
    )
    expect(() => stepped(ACCOUNT, null, { to: 'request' })).toThrow('What is stored under "account" has no chart "request".')
  })

  test('in which a chart fails gives nothing that could be stored', () => {
    const broken = { to: 'chat', event: { type: 'message.received', message: message('m1'), facts: null } } as unknown as Input

    expect(() => stepped(CHAT, null, broken)).toThrow("Unable to evaluate guard 'isAllowed'")
  })
})
