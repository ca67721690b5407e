/**
 * One key of an account as a value: what is stored of it, and what comes in, give what is stored afterwards and what was asked for. For a
 * host that makes a step durable as a whole: what the charts commit about their own key is applied within the step; all the rest, what
 * they commit about other keys included, is the host's to carry out.
 */
import type { ChatEvent } from '../../machines/chat.ts'
import type { OutboxEvent } from '../../machines/outbox.ts'
import type { PairingEvent } from '../../machines/pairing.ts'
import type { Change } from '../../machines/records.ts'
import type { Json } from '../domain/json.ts'
import type { Limits } from '../domain/limits.ts'
import { type Asked, asData } from './effects.ts'
import { createNursery } from './nursery.ts'
import { keyOf, type Subject } from './parse-record.ts'
import { createRegistry } from './registry.ts'

export type Input =
  | { readonly to: 'chat'; readonly event: ChatEvent }
  | { readonly to: 'outbox'; readonly event: OutboxEvent }
  | { readonly to: 'pairing'; readonly event: PairingEvent }
  /** A request begins; there must be none. */
  | { readonly to: 'request' }
  | { readonly to: 'records'; readonly changes: readonly Change[] }

export type Step = {
  readonly subject: Subject
  /** As a snapshot has it; null = nothing yet. */
  readonly stored: Json
  readonly inputs: readonly Input[]
  /** Wall clock, ms: the moment of what is recorded. */
  readonly atMs: number
  readonly limits: Limits
}

/** `stored` null: nothing is left. */
export type Stepped = { readonly stored: Json; readonly asked: readonly Asked[] }

export function step({ subject, stored, inputs, atMs, limits }: Step): Stepped {
  const key = keyOf(subject)
  const asking: Asked[] = []
  const asked: Asked[] = []
  const failures: unknown[] = []
  const nursery = createNursery(key, (_, error) => failures.push(error))
  const registry = createRegistry({ nursery, limits, effects: asData(one => asking.push(one)) })
  if (stored !== null)
    registry.replay({ entries: new Map([[key, { seq: 0, json: JSON.stringify(stored) }]]), tail: [], lastSeq: 0, problems: [] })

  const tell = (input: Input) => {
    if (input.to === 'records') registry.apply(0, atMs, input.changes)
    else if (subject.at === 'chat' && input.to === 'chat') registry.tellChat(subject.chat, input.event)
    else if (subject.at === 'chat' && input.to === 'outbox') registry.tellOutbox(subject.chat, input.event)
    else if (subject.at === 'pairing' && input.to === 'pairing') registry.tellPairing(subject.user, input.event)
    else if (subject.at === 'pairing' && input.to === 'request') registry.openPairing(subject.user)
    else throw new Error(`What is stored under "${key}" has no chart "${input.to}".`)
  }
  const commit = (changes: readonly Change[]) => {
    const own = changes.filter(change => keyOf(change) === key)
    const others = changes.filter(change => keyOf(change) !== key)
    if (own.length > 0) registry.apply(0, atMs, own)
    if (others.length > 0) asked.push({ type: 'commit', params: { changes: others } })
  }

  for (const input of inputs) {
    tell(input)
    for (let one = asking.shift(); one; one = asking.shift()) {
      if (one.type === 'commit') commit(one.params.changes)
      else asked.push(one)
    }
  }
  const after = registry.beginFold().read(key) ?? null
  registry.stop()
  nursery.stop()
  // Nothing of a step in which a chart failed may become durable.
  if (failures.length > 0) throw failures[0]
  return { stored: after, asked }
}
