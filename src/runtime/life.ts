/** What became of a message, read from the records: pure, one pass, whatever their number. */
import type { Change, ChatRecord, OutboxRecord } from '../../machines/records.ts'
import type { Decision, Facts } from '../domain/decision.ts'
import { type Explanation, explain, explainEnd } from '../domain/explain.ts'
import type { ChatId, MessageId, ReplyKey, UserName } from '../domain/ids.ts'
import { BY_PAIRING } from '../domain/policy.ts'

export type Moment = {
  /** Wall clock, ms. */
  readonly atMs: number
  readonly what:
    | 'accepted'
    | 'held'
    | 'ignored'
    | 'released'
    | 'dropped'
    | 'adopted'
    | 'answered'
    | 'lost'
    | 'failed'
    | 'dead letter'
    | 'tried again by hand'
    | 'given up by hand'
    | 'reply queued'
    | 'reply posted'
    | 'reply posted again'
    | 'reply confirmed'
  /** Of a reply. */
  readonly key?: ReplyKey
  /** Which attempt, or why; of a queued reply the beginning of its text. */
  readonly detail?: string
}

export interface Life {
  readonly id: MessageId
  readonly chat: ChatId
  readonly sender: UserName
  /** The sender's clock, ms; null when it is not kept. */
  readonly timeMs: number | null
  /** The beginning of it; null when it is not kept, as of messages that were ignored. */
  readonly text: string | null
  readonly decision: Decision
  /** Null when only the outcome is still known, and not what it was based on. */
  readonly explanation: Explanation | null
  readonly moments: readonly Moment[]
}

/** All messages whose id begins like this, or the newest of one chat. */
export type Wanted = { readonly id: string } | { readonly chat: ChatId; readonly last: number }

const TEXT_CHARACTERS = 120
/** Of one message: a retry storm must not fill the memory. The first and the newest stay. */
const MOMENTS_MAX = 200
/** An id may be shortened, and then fit several. */
const LIVES_MAX = 1_000

type Kept = { life: Omit<Life, 'moments'>; moments: Moment[]; isHeld: boolean; posts: Map<ReplyKey, number> }

export interface LifeReader {
  read(change: Change, atMs: number): void
  /** Oldest first. */
  lives(): readonly Life[]
}

export function createLifeReader(wanted: Wanted): LifeReader {
  const kept = new Map<MessageId, Kept>()
  const max = 'last' in wanted ? wanted.last : LIVES_MAX
  const isWanted = (chat: ChatId, id: MessageId) => ('id' in wanted ? id.startsWith(wanted.id) : chat === wanted.chat)

  const begin = (chat: ChatId, atMs: number, event: Extract<ChatRecord, { facts: Facts }>, what: Moment['what']) => {
    const { id, sender, timeMs } = event.message
    const text = 'text' in event.message ? shorten(event.message.text) : null
    const { decision, facts } = event
    kept.set(id, {
      life: { id, chat, sender, timeMs, text, decision, explanation: explain(facts, decision) },
      moments: [{ atMs, what }],
      isHeld: what === 'held',
      posts: new Map(),
    })
    const [oldest] = kept.keys()
    if (kept.size > max && oldest !== undefined) kept.delete(oldest)
  }
  /** What was kept back is so no more: what is told of it is how that ended. */
  const end = (one: Kept, decision: Decision) => {
    const { sender, explanation } = one.life
    one.isHeld = false
    one.life = { ...one.life, decision, explanation: explanation && explainEnd(explanation, sender, decision) }
  }
  const add = (one: Kept | undefined, moment: Moment) => {
    if (!one) return
    if (one.moments.length >= MOMENTS_MAX) one.moments.splice(MOMENTS_MAX / 2, 1)
    one.moments.push(moment)
  }
  /** Keys are `MESSAGE#PART`, and `MESSAGE/apology#0`. */
  const ownerOf = (key: ReplyKey) => kept.get(/^[^#/]+/.exec(key)?.[0] ?? '')

  const readChat = (chat: ChatId, event: ChatRecord, atMs: number) => {
    switch (event.type) {
      case 'message.accepted':
      case 'message.held':
      case 'message.ignored':
        if (isWanted(chat, event.message.id)) begin(chat, atMs, event, KINDS[event.type])
        return
      case 'message.released':
        for (const one of kept.values()) {
          if (one.life.chat !== chat || !one.isHeld) continue
          end(one, event.decision ?? BY_PAIRING)
          add(one, { atMs, what: 'released', detail: 'its writer was let in' })
        }
        return
      case 'message.dropped':
        for (const id of event.ids) {
          const one = kept.get(id)
          if (one) end(one, { action: 'ignore', reason: event.reason, detail: 'held for pairing, which ended' })
          add(one, { atMs, what: 'dropped', detail: event.reason })
        }
        return
      case 'turn.adopted':
        return add(kept.get(event.id), { atMs, what: 'adopted' })
      case 'turn.answered':
        return add(kept.get(event.id), { atMs, what: 'answered' })
      case 'turn.lost':
        for (const id of event.ids) add(kept.get(id), { atMs, what: 'lost' })
        return
      case 'turn.failed':
        return add(kept.get(event.id), { atMs, what: 'failed', detail: `attempt ${event.attempt}: ${event.reason}` })
      case 'turn.abandoned':
        return add(kept.get(event.id), { atMs, what: 'dead letter', detail: event.reason })
      case 'message.revived':
        return add(kept.get(event.id), { atMs, what: 'tried again by hand' })
      case 'message.discarded':
        return add(kept.get(event.id), { atMs, what: 'given up by hand' })
      case 'chat.opened':
      case 'chat.unread':
      case 'chat.read':
        return
      default:
        event satisfies never
    }
  }
  const readOutbox = (event: OutboxRecord, atMs: number) => {
    switch (event.type) {
      case 'reply.queued':
        for (const { key, text } of event.replies) add(ownerOf(key), { atMs, what: 'reply queued', key, detail: shorten(text) })
        return
      case 'reply.posting': {
        const owner = ownerOf(event.key)
        const posts = (owner?.posts.get(event.key) ?? 0) + 1
        owner?.posts.set(event.key, posts)
        return add(owner, { atMs: event.atMs, what: posts > 1 ? 'reply posted again' : 'reply posted', key: event.key })
      }
      case 'reply.sent':
        for (const key of event.keys) add(ownerOf(key), { atMs, what: 'reply confirmed', key })
        return
      case 'reply.requeued':
        return add(ownerOf(event.key), { atMs, what: 'reply queued', key: event.key, detail: event.reason })
      case 'reply.failed':
        return add(ownerOf(event.key), { atMs, what: 'dead letter', key: event.key, detail: event.reason })
      case 'reply.revived':
        return add(ownerOf(event.key), { atMs, what: 'tried again by hand', key: event.key })
      case 'reply.discarded':
        return add(ownerOf(event.key), { atMs, what: 'given up by hand', key: event.key })
      default:
        event satisfies never
    }
  }

  return {
    read(change, atMs) {
      if (change.at !== 'chat') return
      const { chat, event } = change
      if (isReply(event)) readOutbox(event, atMs)
      else readChat(chat, event, atMs)
    },
    lives: () => [...kept.values()].map(({ life, moments }) => ({ ...life, moments })),
  }
}

const KINDS = { 'message.accepted': 'accepted', 'message.held': 'held', 'message.ignored': 'ignored' } as const
const isReply = (event: ChatRecord | OutboxRecord): event is OutboxRecord => event.type.startsWith('reply.')

/** As much of a text as its life depends on: one character more than is told says that there is more. Never half a character. */
export const beginningOf = (text: string): string => [...text.slice(0, 2 * (TEXT_CHARACTERS + 1))].slice(0, TEXT_CHARACTERS + 1).join('')

const shorten = (text: string): string => {
  const characters = [...beginningOf(text)]
  return characters.length > TEXT_CHARACTERS ? `${characters.slice(0, TEXT_CHARACTERS).join('')}…` : characters.join('')
}
