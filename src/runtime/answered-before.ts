/**
 * What an earlier life had accepted and not answered, as far as our state tells, may have been answered by a life of which it knows
 * nothing: the state is a copy that was put back. The mesh is asked before the responder is.
 */
import type { ChatEvent } from '../../machines/chat.ts'
import { type ChatId, type MessageId, type ReplyKey, replyKey } from '../domain/ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { Dispatcher } from './dispatcher.ts'
import { isAway, type Ledger } from './ledger.ts'
import type { Timers } from './timers.ts'

type Job = Parameters<Dispatcher['submit']>[0]

export interface AnsweredBefore {
  /** Accepted or held when the state was loaded; or adopted then, and lost. */
  expect(ids: Iterable<MessageId>): void
  /** Hands the job on: at once, or when nobody has answered it before. */
  submit(job: Job): void
  /** The mesh has shown replies to these. */
  saw(ids: ReadonlySet<MessageId>): void
  /** Jobs of which it is not known yet. */
  waiting(): number
}

export type AnsweredBeforeOptions = {
  readonly ledger: () => Pick<Ledger, 'reveal'>
  readonly dispatcher: () => Pick<Dispatcher, 'submit'>
  readonly clock: Clock
  readonly timers: Timers
  readonly signal: AbortSignal
  /** How long to wait before the mesh is asked again. */
  readonly restMs: (failures: number) => number
  /** While the agent answers, and yet nobody can tell, it is asked for so long; then the responder is. */
  readonly doubtMs: number
  /** What an earlier life has posted shows by then, or never: a chat that is looked into later than that needs no other look. */
  readonly lostPostMs: number
  readonly tell: (chat: ChatId, event: ChatEvent) => void
  /** One was answered, and this is the reply. */
  readonly onAnswered: (chat: ChatId, key: ReplyKey) => void
}

/** A look tells so long of all that waits in its chat: one for each message would read the whole conversation for each. */
const LOOK_HOLDS_MS = 5_000

export function createAnsweredBefore(options: AnsweredBeforeOptions): AnsweredBefore {
  const { ledger, dispatcher, clock, timers, signal, restMs, doubtMs, lostPostMs, tell, onAnswered } = options
  const open = new Set<MessageId>()
  const shown = new Set<MessageId>()
  /** Jobs of the chats that are looked into, in the order in which they came. */
  const looking = new Map<ChatId, Map<MessageId, Job>>()
  /** When the last look into a chat began that could tell. */
  const lookedAtMs = new Map<ChatId, number>()
  /** Since when nobody can tell. */
  const doubtedSinceMs = new Map<ChatId, number>()
  const bornAtMs = clock.monotonic()

  const isKnown = (chat: ChatId): boolean => {
    const atMs = lookedAtMs.get(chat)
    return atMs !== undefined && (atMs - bornAtMs > lostPostMs || clock.monotonic() - atMs < LOOK_HOLDS_MS)
  }

  const decide = (job: Job) => {
    const { chat, id, attempt } = job
    open.delete(id)
    if (open.size === 0) lookedAtMs.clear()
    if (!shown.delete(id)) return dispatcher().submit(job)
    onAnswered(chat, replyKey(id, 0))
    tell(chat, { type: 'dispatch.answered', id, attempt, parts: [] })
  }

  const decideAll = (chat: ChatId, isDue: (job: Job) => boolean) => {
    const jobs = [...(looking.get(chat)?.values() ?? [])]
    const later = jobs.filter(job => !isDue(job))
    if (later.length > 0) looking.set(chat, new Map(later.map(job => [job.id, job])))
    else looking.delete(chat)
    for (const job of jobs) if (!later.includes(job)) decide(job)
  }

  const look = async (chat: ChatId, failures: number): Promise<void> => {
    if (signal.aborted) return
    const beganAtMs = clock.monotonic()
    try {
      await ledger().reveal(chat, signal)
      lookedAtMs.set(chat, beganAtMs)
      doubtedSinceMs.delete(chat)
    } catch (error) {
      if (signal.aborted) return
      const nowMs = clock.monotonic()
      const sinceMs = isAway(error) ? nowMs : (doubtedSinceMs.get(chat) ?? beganAtMs)
      doubtedSinceMs.set(chat, sinceMs)
      if (nowMs - sinceMs < doubtMs) {
        // What has been shown all the same needs no more.
        decideAll(chat, ({ id }) => shown.has(id))
        if (looking.has(chat)) timers.set(`answered:${chat}`, restMs(failures), () => void look(chat, failures + 1))
        return
      }
    }
    if (!signal.aborted) decideAll(chat, () => true)
  }

  return {
    expect(ids) {
      for (const id of ids) open.add(id)
    },
    submit(job) {
      const { chat, id } = job
      if (!open.has(id)) return dispatcher().submit(job)
      const others = looking.get(chat)
      // Asked again by a chart that was put back, or beside another: one look is enough.
      if (others) return void others.set(id, job)
      if (isKnown(chat)) return decide(job)
      looking.set(chat, new Map([[id, job]]))
      void look(chat, 1)
    },
    saw(ids) {
      for (const id of ids) if (open.has(id)) shown.add(id)
    },
    waiting: () => [...looking.values()].reduce((sum, jobs) => sum + jobs.size, 0),
  }
}
