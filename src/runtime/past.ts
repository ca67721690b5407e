/** One chat's records through its charts again: in which states they were after each. */
import { createActor, transition } from 'xstate'
import { chatMachine } from '../../machines/chat.ts'
import { outboxMachine } from '../../machines/outbox.ts'
import { isOutboxRecord } from '../../machines/records.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { Store } from '../ports/store.ts'
import { parseChange } from './parse-record.ts'

export type PastStep = {
  /** Wall clock, ms. */
  readonly atMs: number
  /** The record. */
  readonly event: string
  readonly chat: Json
  readonly outbox: Json
}

/** The newest are kept. */
const STEPS_MAX = 500

/** As far back as the history goes, oldest first. A chat whose beginning is not kept any more starts as new. */
export async function pastOf(store: Pick<Store, 'history'>, chat: ChatId): Promise<readonly PastStep[]> {
  let door = createActor(chatMachine, { input: { chat } }).getSnapshot()
  let outbox = createActor(outboxMachine, { input: { chat } }).getSnapshot()
  const steps: PastStep[] = []
  for await (const { atMs, changes } of store.history()) {
    for (const raw of changes) {
      const change = raw.key === `chat:${chat}` ? parseChange(raw) : null
      if (change?.at !== 'chat') continue
      const { event } = change
      if (isOutboxRecord(event)) [outbox] = transition(outboxMachine, outbox, event)
      else [door] = transition(chatMachine, door, event)
      steps.push({ atMs, event: event.type, chat: door.value as Json, outbox: outbox.value as Json })
    }
    if (steps.length >= 2 * STEPS_MAX) steps.splice(0, steps.length - STEPS_MAX)
  }
  return steps.slice(-STEPS_MAX)
}
