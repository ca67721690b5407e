/**
 * Messages that a responder has adopted and not answered when the account stopped, or died. Some hosts say that they have a message before
 * it is safe with them, or lose an answer that is just made: what they have lost is dispatched again.
 */
import type { ChatEvent } from '../../machines/chat.ts'
import type { ChatId, MessageId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Log } from '../ports/log.ts'
import type { Responder } from '../ports/responder.ts'
import { APOLOGY } from './dispatcher.ts'
import type { Timers } from './timers.ts'

export interface Custody {
  /** Finds out, however long it takes, and tells the chat. */
  reclaim(chat: ChatId, ids: readonly MessageId[]): Promise<void>
}

export type CustodyOptions = {
  readonly settings: AccountSettings
  readonly responder: Pick<Responder, 'reclaim'>
  /** How often it was lost before; undefined when the message itself is not known, as after damage. */
  readonly losses: (chat: ChatId, id: MessageId) => number | undefined
  /** These are asked again, unless the mesh shows that they were answered. */
  readonly expect: (ids: readonly MessageId[]) => void
  readonly timers: Timers
  readonly log: Log
  readonly signal: AbortSignal
  readonly tell: (chat: ChatId, event: ChatEvent) => void
}

const REST_MS = 10_000

export function createCustody({ settings, responder, losses, expect, timers, log, signal, tell }: CustodyOptions): Custody {
  const { id: account, limits, notifyOnFailure } = settings

  async function reclaim(chat: ChatId, ids: readonly MessageId[]): Promise<void> {
    const lost = new Set<MessageId>()
    try {
      for (const id of (await responder.reclaim?.({ account, chat, messageIds: ids }, signal)) ?? []) lost.add(id)
    } catch (error) {
      if (signal.aborted) return
      log.warn({ chat, err: error }, 'the assistant cannot tell what has become of its messages; it is asked again')
      timers.set(`chat:${chat}/reclaim`, REST_MS, () => void reclaim(chat, ids))
      return
    }
    if (signal.aborted) return
    const mayBeAsked = (id: MessageId) => {
      const before = losses(chat, id)
      return before !== undefined && before + 1 < limits.dispatchAttempts
    }
    const known = ids.filter(id => lost.has(id) && losses(chat, id) !== undefined)
    if (known.length > 0) log.warn({ chat, ids: known }, 'the assistant has lost messages that it had adopted')
    expect(known)
    tell(chat, {
      type: 'custody.told',
      answered: ids.filter(id => !known.includes(id)),
      lost: known.filter(mayBeAsked),
      abandoned: known
        .filter(id => !mayBeAsked(id))
        .map(id => ({ id, reason: `The assistant adopted it and lost it, ${limits.dispatchAttempts} times.` })),
      apology: notifyOnFailure ? APOLOGY : null,
    })
  }

  return { reclaim }
}
