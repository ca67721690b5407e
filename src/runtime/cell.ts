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
  /** It comes from another host: whatever it waits for is asked for again, as after a restart. */
  | { readonly to: 'resume' }

export type CellOptions = {
  readonly subject: Subject
  /** As a snapshot has it; null = nothing yet. */
  readonly stored: Json
  /** Wall clock, ms: the moment of what is recorded. */
  readonly atMs: number
  readonly limits: Limits
}

export interface Cell {
  /** What came in, one by one; gives back what was asked for. @throws when a chart failed: then nothing of this cell may become durable. */
  tell(inputs: readonly Input[]): readonly Asked[]
  /** What is stored now; null: nothing is left. */
  read(): Json
  /** The records of this key so far, in order: what has led from what was stored to what is stored now. */
  applied(): readonly Change[]
  close(): void
}

export function openCell({ subject, stored, atMs, limits }: CellOptions): Cell {
  const key = keyOf(subject)
  const asking: Asked[] = []
  const failures: unknown[] = []
  const applied: Change[] = []
  const nursery = createNursery(key, (_, error) => failures.push(error))
  const registry = createRegistry({ nursery, limits, effects: asData(one => asking.push(one)) })
  if (stored !== null)
    registry.replay({ entries: new Map([[key, { seq: 0, json: JSON.stringify(stored) }]]), tail: [], lastSeq: 0, problems: [] })

  const apply = (changes: readonly Change[]) => {
    registry.apply(0, atMs, changes)
    applied.push(...changes)
  }
  const tellOne = (input: Input) => {
    if (input.to === 'records') apply(input.changes)
    else if (input.to === 'resume') registry.resume(atMs)
    else if (subject.at === 'chat' && input.to === 'chat') registry.tellChat(subject.chat, input.event)
    else if (subject.at === 'chat' && input.to === 'outbox') registry.tellOutbox(subject.chat, input.event)
    else if (subject.at === 'pairing' && input.to === 'pairing') registry.tellPairing(subject.user, input.event)
    else if (subject.at === 'pairing' && input.to === 'request') registry.openPairing(subject.user)
    else throw new Error(`What is stored under "${key}" has no chart "${input.to}".`)
  }
  /** What is about other keys is the host's to carry out. */
  const commit = (changes: readonly Change[]): readonly Asked[] => {
    const own = changes.filter(change => keyOf(change) === key)
    const others = changes.filter(change => keyOf(change) !== key)
    if (own.length > 0) apply(own)
    return others.length > 0 ? [{ type: 'commit', params: { changes: others } }] : []
  }

  return {
    tell(inputs) {
      const asked: Asked[] = []
      for (const input of inputs) {
        tellOne(input)
        for (let one = asking.shift(); one; one = asking.shift()) {
          if (one.type === 'commit') asked.push(...commit(one.params.changes))
          else asked.push(one)
        }
      }
      if (failures.length > 0) throw failures[0]
      return asked
    },
    read: () => registry.beginFold().read(key) ?? null,
    applied: () => applied,
    close() {
      registry.stop()
      nursery.stop()
    },
  }
}

export type Step = CellOptions & { readonly inputs: readonly Input[] }

/** A cell for as long as it takes to be told this. */
export function step({ inputs, ...options }: Step): {
  readonly stored: Json
  readonly asked: readonly Asked[]
  readonly applied: readonly Change[]
} {
  const cell = openCell(options)
  try {
    const asked = cell.tell(inputs)
    return { stored: cell.read(), asked, applied: cell.applied() }
  } finally {
    cell.close()
  }
}
