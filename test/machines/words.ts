/** Messages, facts and records that the tests of the charts speak of. */
import type { ChatEvent } from '../../machines/chat.ts'
import type { Change, ChatRecord, Inbound, OutboxRecord, PairingRecord } from '../../machines/records.ts'
import type { DirectFacts, Facts } from '../../src/domain/decision.ts'
import type { ChatId, MessageId } from '../../src/domain/ids.ts'
import { decide } from '../../src/domain/policy.ts'
import type { Effect } from './kit.ts'

export const alice: ChatId = 'peer:alice'
export const liveAtMs = 1_000

export const message = (id: MessageId): Inbound => ({ id, sender: 'alice', timeMs: 2_000, text: `text of ${id}`, files: [] })

const direct = (facts: Partial<DirectFacts>): Facts => ({
  gate: null,
  looping: false,
  conversation: { kind: 'direct', sender: 'alice', policy: 'pairing', listed: false, paired: false, ...facts },
})
export const friend = direct({ listed: true })
export const stranger = direct({})
export const unwanted = direct({ policy: 'disabled' })

type Received = Extract<ChatEvent, { type: 'message.received' }>
type Of<Union, Type> = Extract<Union, { type: Type }>

export const received = (id: MessageId, facts: Facts = friend, heldMax = 2): Received => ({
  type: 'message.received',
  message: message(id),
  facts,
  liveAtMs,
  heldMax,
})
export const hurrying = (id: MessageId, heldMax = 2): Received => {
  const event = received(id, friend, heldMax)
  return { ...event, message: { ...event.message, urgent: true } }
}
export const accepted = (id: MessageId, facts: Facts = friend): Of<ChatRecord, 'message.accepted'> => ({
  type: 'message.accepted',
  message: message(id),
  facts,
  decision: decide(facts),
  liveAtMs,
})
export const held = (id: MessageId, heldMax = 2): Of<ChatRecord, 'message.held'> => ({
  ...accepted(id, stranger),
  type: 'message.held',
  heldMax,
})
export const ignored = (id: MessageId, facts: Facts = unwanted): Of<ChatRecord, 'message.ignored'> => ({
  ...accepted(id, facts),
  type: 'message.ignored',
  message: { id, sender: 'alice', timeMs: 2_000 },
})

export const atChat = (event: ChatRecord | OutboxRecord): Change => ({ at: 'chat', chat: alice, event })
export const atPairing = (event: PairingRecord): Change => ({ at: 'pairing', user: 'alice', event })
export const commits = (...changes: readonly Change[]): Effect => ({ type: 'commit', params: { changes } })
export const queued = (...keys: readonly string[]): Of<OutboxRecord, 'reply.queued'> => ({
  type: 'reply.queued',
  replies: keys.map(key => ({ key, text: `text of ${key}` })),
})
