/** Counts what the records say, and tells whoever watches. */
import type { Change, Seen } from '../../machines/records.ts'
import type { Decision } from '../domain/decision.ts'
import type { AccountId, ChatId } from '../domain/ids.ts'
import type { AccountState, AccountStatus, RuntimeEvent } from './runtime.ts'

export interface StatusKeeper {
  /** To be called before the change is applied. */
  note(change: Change, atMs: number): void
  /** A held message that the approval has let through. */
  noteReleased(chat: ChatId, message: Seen, decision: Decision, atMs: number): void
  current(): AccountState
  state(state: AccountState, reason: string | null, atMs: number): void
  fed(atMs: number): void
  /** A message file was read, so long after the hub had learnt of it. */
  read(lagMs: number): void
  countIgnored(reason: string, count?: number): void
  warn(sentence: string): void
  /** Shown until it is mended: null. */
  trouble(what: string, sentence: string | null): void
  countRepeatedPost(): void
  /** `now.warnings` are those that hold at present, before what has been warned of. */
  status(
    now: Pick<
      AccountStatus,
      'feed' | 'selfHeal' | 'warnings' | 'chats' | 'waitingDispatches' | 'runningDispatches' | 'outbox' | 'uncertain' | 'pendingPairings'
    > & {
      readonly deadLetters: number
    },
  ): AccountStatus
}

/** What the state of an account counts, where there is none, or it is kept elsewhere. */
export const NOTHING_YET = {
  feed: 'poll',
  selfHeal: null,
  warnings: [],
  chats: 0,
  waitingDispatches: 0,
  runningDispatches: 0,
  outbox: 0,
  uncertain: 0,
  pendingPairings: 0,
  deadLetters: 0,
} as const

const WARNINGS_MAX = 50

export function createStatusKeeper(account: AccountId, emit: (event: RuntimeEvent) => void): StatusKeeper {
  let state: AccountState = 'idle'
  let reason: string | null = null
  let sinceMs = 0
  let lastFeedAtMs: number | null = null
  let feedLagMs: number | null = null
  let lastInboundAtMs: number | null = null
  let lastOutboundAtMs: number | null = null
  const warnings: string[] = []
  const troubles = new Map<string, string>()
  const counters = { seen: 0, processed: 0, sent: 0, repeatedPosts: 0 }
  const ignored: Record<string, number> = {}

  const noteChat = ({ chat, event }: Extract<Change, { at: 'chat' }>, atMs: number) => {
    switch (event.type) {
      case 'message.accepted':
      case 'message.held':
      case 'message.ignored': {
        const { action, reason, detail } = event.decision
        counters.seen += 1
        lastInboundAtMs = atMs
        if (action === 'process') counters.processed += 1
        if (action === 'ignore') ignored[reason] = (ignored[reason] ?? 0) + 1
        emit({ event: 'decision', account, atMs, chat, id: event.message.id, sender: event.message.sender, action, reason, detail })
        return
      }
      case 'message.dropped':
        ignored[event.reason] = (ignored[event.reason] ?? 0) + event.ids.length
        return
      case 'message.released':
        return
      case 'turn.abandoned':
        emit({ event: 'dead-letter', account, atMs, chat, id: event.id, reason: event.reason })
        return
      case 'reply.failed':
        emit({ event: 'dead-letter', account, atMs, chat, id: event.key, reason: event.reason })
        return
      case 'reply.sent':
        counters.sent += event.keys.length
        lastOutboundAtMs = atMs
        for (const key of event.keys) emit({ event: 'sent', account, atMs, chat, key })
        return
      default:
    }
  }

  return {
    note(change, atMs) {
      if (change.at === 'chat') noteChat(change, atMs)
      if (change.at !== 'pairing') return
      const { user, event } = change
      const states = {
        'pairing.opened': 'pending',
        'pairing.approved': 'approved',
        'pairing.rejected': 'rejected',
        'pairing.expired': 'expired',
      } as const
      if (event.type in states) {
        const state = event.type === 'pairing.approved' && event.letIn ? 'let in' : states[event.type as keyof typeof states]
        emit({ event: 'pairing', account, atMs, user, state, code: event.type === 'pairing.opened' ? event.code : '' })
      }
    },
    noteReleased(chat, { id, sender }, { action, reason, detail }, atMs) {
      counters.processed += 1
      emit({ event: 'decision', account, atMs, chat, id, sender, action, reason, detail })
    },
    current: () => state,
    state(next, why, atMs) {
      if (next === state && why === reason) return
      if (next !== state) sinceMs = atMs
      state = next
      reason = why
      emit({ event: 'state', account, atMs, state, reason })
      if (state === 'live') emit({ event: 'live', account, atMs })
    },
    fed(atMs) {
      lastFeedAtMs = atMs
    },
    read(lagMs) {
      feedLagMs = lagMs
    },
    countIgnored(reason, count = 1) {
      ignored[reason] = (ignored[reason] ?? 0) + count
    },
    warn(sentence) {
      if (warnings.includes(sentence)) return
      warnings.push(sentence)
      if (warnings.length > WARNINGS_MAX) warnings.shift()
    },
    trouble(what, sentence) {
      if (sentence === null) troubles.delete(what)
      else troubles.set(what, sentence)
    },
    countRepeatedPost() {
      counters.repeatedPosts += 1
    },
    status: ({ feed, deadLetters, warnings: standing, ...now }) => ({
      account,
      state,
      sinceMs,
      reason,
      feed: state === 'live' ? feed : null,
      feedLagMs: feed === 'push' ? feedLagMs : null,
      lastFeedAtMs,
      lastInboundAtMs,
      lastOutboundAtMs,
      warnings: [...standing, ...warnings, ...troubles.values()].slice(-WARNINGS_MAX),
      counters: { ...counters, deadLetters, ignored: { ...ignored } },
      ...now,
    }),
  }
}
