/**
 * The newest records of a chat, in a key of their own beside what is kept of it, since there is no journal to read: what became of its
 * messages, for `explain` and the inspector. Nothing is decided by them. They are written in the invocation that made them: all of it
 * becomes durable, or nothing.
 */
import type { ObjectContext } from '@restatedev/restate-sdk'
import type { Change, ChatRecord, OutboxRecord } from '../../machines/records.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { Store } from '../ports/store.ts'
import { beginningOf } from '../runtime/life.ts'

/** `atMs` comes right behind the version, so that what is kept of many chats is in order of time when it is in order as text. */
export type Past = {
  readonly version: number
  /** Wall clock, ms: of the newest record. */
  readonly atMs: number
  /** Oldest first. */
  readonly records: readonly (readonly [atMs: number, event: ChatRecord | OutboxRecord])[]
}

/** The key of the state. */
export const PAST = 'past'
const VERSION = 1
/** It is written with each step of the chat, beside an entry of about as much; some four messages and all that became of them. */
export const PAST_BYTES_MAX = 4_096
export const PAST_RECORDS_MAX = 64

/** Of a chat, when it has records. What is read of the state has come with the invocation: it asks nobody. */
export async function keepPast(ctx: Pick<ObjectContext, 'get' | 'set'>, applied: readonly Change[], atMs: number): Promise<void> {
  const events = applied.flatMap(change => (change.at === 'chat' ? change.event : []))
  if (events.length > 0) ctx.set(PAST, pastWith(await ctx.get<Past>(PAST), events, atMs))
}

/** The oldest go; so does everything when the newest alone is too large, for a gap in the middle would tell of another course of things. */
export function pastWith(kept: Past | null, events: readonly (ChatRecord | OutboxRecord)[], atMs: number): Past {
  const all = [...recordsIn(kept), ...events.map(event => [atMs, withoutBulk(event)] as const)].slice(-PAST_RECORDS_MAX)
  let bytes = sizeOf({ version: VERSION, atMs, records: [] })
  let first = all.length
  for (const record of all.toReversed()) {
    bytes += sizeOf(record) + ','.length
    if (bytes > PAST_BYTES_MAX) break
    first -= 1
  }
  return { version: VERSION, atMs, records: all.slice(first) }
}

/** As the journal of the embedded host tells it. */
export const historyOf = (kept: Past | null, chat: ChatId): Pick<Store, 'history'> => ({
  async *history() {
    for (const [index, [atMs, event]] of recordsIn(kept).entries())
      yield { seq: index + 1, atMs, changes: [{ key: `chat:${chat}`, event: event as unknown as Json }] }
  },
})

/** None of another version: they are only for looking at. */
export const recordsIn = (past: Past | null): Past['records'] => (past?.version === VERSION ? past.records : [])

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

/** What neither a life nor a chart's state depends on. */
function withoutBulk(event: ChatRecord | OutboxRecord): ChatRecord | OutboxRecord {
  switch (event.type) {
    case 'chat.opened':
      return { ...event, history: [] }
    case 'message.accepted':
    case 'message.held':
      return { ...event, message: { ...event.message, text: beginningOf(event.message.text), files: [] } }
    case 'reply.queued':
      return { ...event, replies: event.replies.map(({ key, text }) => ({ key, text: beginningOf(text) })) }
    default:
      return event
  }
}
