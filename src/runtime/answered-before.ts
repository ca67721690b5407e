/**
 * What an earlier life had accepted and not answered, as far as our state tells, may have been answered by a life of which it knows
 * nothing: the state is a copy that was put back. The mesh is asked before the responder is.
 */
import type { ChatEvent } from '../../machines/chat.ts'
import { answeredBy, type ChatId, type MessageId, type ReplyKey, replyKey } from '../domain/ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { Dispatcher } from './dispatcher.ts'
import { isAway, type Ledger } from './ledger.ts'
import type { Timers } from './timers.ts'

type Job = Parameters<Dispatcher['submit']>[0]

export interface AnsweredBefore {
  /** Accepted or held when the state was loaded. */
  expect(ids: Iterable<MessageId>): void
  /** Hands the job on: at once, or when nobody has answered it before. */
  submit(job: Job): void
  /** The mesh has shown replies to these. */
  saw(ids: ReadonlySet<MessageId>): void
  /** Null: this reply is not one that is looked for here. */
  wasSeen(key: ReplyKey): boolean | null
  /** Jobs of which it is not known yet. */
  waiting(): number
}

export type AnsweredBeforeOptions = {
  readonly ledger: () => Pick<Ledger, 'find'>
  readonly dispatcher: () => Pick<Dispatcher, 'submit'>
  readonly clock: Clock
  readonly timers: Timers
  readonly signal: AbortSignal
  /** How long to wait before the mesh is asked again. */
  readonly restMs: (failures: number) => number
  /** While the agent answers, and yet nobody can tell, it is asked for so long; then the responder is. */
  readonly doubtMs: number
  readonly tell: (chat: ChatId, event: ChatEvent) => void
  /** One was answered, and this is the reply. */
  readonly onAnswered: (chat: ChatId, key: ReplyKey) => void
}

export function createAnsweredBefore(options: AnsweredBeforeOptions): AnsweredBefore {
  const { ledger, dispatcher, clock, timers, signal, restMs, doubtMs, tell, onAnswered } = options
  const open = new Set<MessageId>()
  const shown = new Set<MessageId>()
  const looking = new Map<ReplyKey, Job>()

  const end = (key: ReplyKey, id: MessageId) => {
    looking.delete(key)
    open.delete(id)
    shown.delete(id)
  }

  const look = async (key: ReplyKey, failures: number, doubtedSinceMs: number): Promise<void> => {
    const job = looking.get(key)
    if (!job || signal.aborted) return
    const { chat, id, attempt } = job
    let there: readonly ReplyKey[]
    try {
      there = await ledger().find(chat, [key], signal)
    } catch (error) {
      if (signal.aborted) return
      const nowMs = clock.monotonic()
      const sinceMs = isAway(error) ? nowMs : doubtedSinceMs
      if (nowMs - sinceMs < doubtMs) return timers.set(`answered:${key}`, restMs(failures), () => void look(key, failures + 1, sinceMs))
      there = []
    }
    if (signal.aborted) return
    end(key, id)
    if (there.length === 0) return dispatcher().submit(job)
    onAnswered(chat, key)
    tell(chat, { type: 'dispatch.answered', id, attempt, parts: [] })
  }

  return {
    expect(ids) {
      for (const id of ids) open.add(id)
    },
    submit(job) {
      if (!open.has(job.id)) return dispatcher().submit(job)
      const key = replyKey(job.id, 0)
      // Asked again by a chart that was put back: one look is enough.
      if (looking.has(key)) return
      looking.set(key, job)
      void look(key, 1, clock.monotonic())
    },
    saw(ids) {
      for (const id of ids) if (open.has(id)) shown.add(id)
    },
    wasSeen: key => (looking.has(key) ? shown.has(answeredBy(key)) : null),
    waiting: () => looking.size,
  }
}
