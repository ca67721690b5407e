/** Messages at a chat's door: which of them are new, and what its chart is told of them. */
import { toChat } from '../../../machines/records.ts'
import { emptyCursor, type Look, look } from '../../domain/cursor.ts'
import type { Gate } from '../../domain/decision.ts'
import { directFacts, groupFacts, mentions } from '../../domain/facts.ts'
import { type Beginnings, isHistory, waitsForFiles } from '../../domain/history.ts'
import { type ChatId, parseChat, type UserName } from '../../domain/ids.ts'
import { readMessage } from '../../domain/inbound.ts'
import { noLoop, onMessage } from '../../domain/loop-guard.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Input } from '../../runtime/cell.ts'
import type { ChatEntry } from '../../runtime/entries.ts'
import type { Found, FoundMessage } from '../contracts.ts'

export type Known = {
  readonly chat: ChatId
  /** Null: it was never heard of. */
  readonly entry: Pick<ChatEntry, 'cursor' | 'loop' | 'openedAtMs' | 'shown'> | null
  /** Accepted messages that wait for the assistant. */
  readonly queued: number
  /** Who of the senders was approved by pairing. */
  readonly paired: ReadonlySet<UserName>
}

/** `taken`: so many of what was found, in order. */
export type Entering = { readonly inputs: readonly Input[]; readonly taken: number }

const NOTHING = { text: '', files: [] } as const
const GATES: Partial<Record<Look, Gate>> = { missed: 'too_old', future_full: 'future_dated' }

/** Nothing is told of what is our own, or was dealt with before. What was there before us, or is answered, is only remembered. */
export function inputsFor(settings: AccountSettings, found: Found, { chat, entry, queued, paired }: Known): Entering {
  const { limits } = settings
  const conversation = parseChat(chat)
  const isGroup = conversation.kind === 'group'
  const { source, liveAtMs, nowMs } = found
  const floorMs = liveAtMs - limits.ageFenceMs
  const cursor = entry?.cursor ?? emptyCursor(floorMs)
  const beginnings: Beginnings = {
    isGroup,
    openedAtMs: (isGroup ? entry?.openedAtMs : found.openedAtMs) ?? null,
    shown: entry?.shown ?? false,
    isFirstLoad: found.isFirstLoad,
    indexBeginMs: found.indexBeginMs,
    indexedMs: found.indexedMs,
    firstSyncMs: settings.firstSyncMs,
    nowMs,
  }

  /** Messages dated far in the future take room in the cursor; what is told with them is not there yet. */
  const ahead = new Map<UserName, number>()
  const verdictOf = ({ id, sender, timeMs }: FoundMessage): Look => {
    const futurePerSender = Math.max(0, limits.futurePerSender - (ahead.get(sender) ?? 0))
    const verdict = look(cursor, { id, sender, timeMs }, { nowMs, liveMs: liveAtMs, limits: { ...limits, futurePerSender } })
    if (verdict === 'future') ahead.set(sender, (ahead.get(sender) ?? 0) + 1)
    return verdict
  }

  const received = (one: FoundMessage, verdict: Look): Input => {
    const { id, sender, timeMs, message, membership } = one
    const content = readMessage({ time: timeMs, message }, limits.textCharacters)
    const { text, files } = content.kind === 'text' ? content : NOTHING
    return {
      to: 'chat',
      event: {
        type: 'message.received',
        message: { id, sender, timeMs, text, files },
        facts: {
          gate: GATES[verdict] ?? (content.kind === 'text' ? null : 'unsupported_content'),
          looping: onMessage(entry?.loop ?? noLoop, { sender, atMs: nowMs, limits }).looping,
          conversation:
            conversation.kind === 'peer'
              ? directFacts(settings, sender, paired.has(sender))
              : groupFacts(settings, conversation, { sender, membership, mentioned: mentions(settings)(text) }),
        },
        liveAtMs,
        heldMax: limits.pairingHeld,
      },
    }
  }

  const news = found.messages.flatMap(one => {
    if (one.sender === settings.username || (source === 'app' && waitsForFiles(beginnings, one))) return []
    const verdict = verdictOf(one)
    return verdict === 'seen' || verdict === 'too_old' ? [] : [{ one, verdict }]
  })
  // All of it: what the chat app shows later is none.
  const history = news.map(({ one }) => one).filter(one => one.isAnswered || isHistory(beginnings, one))
  const others = news.filter(({ one }) => !history.includes(one))
  const room = Math.max(0, limits.queuedPerChat - queued)
  const messages = others.slice(0, room).map(({ one, verdict }) => received(one, verdict))
  const next = others[room]?.one
  const taken = next ? found.messages.indexOf(next) : found.messages.length
  const isFirstOfGroup = source === 'app' && isGroup && !entry?.shown
  const isLeftToFiles = isFirstOfGroup && found.messages.length > 0 && found.indexBeginMs !== null
  // A group that is empty when it is met has no history.
  if (history.length + messages.length === 0 && (!isFirstOfGroup || isLeftToFiles)) return { inputs: [], taken }
  const shown = source === 'app' && !isLeftToFiles
  const seen = history.map(({ id, sender, timeMs }) => ({ id, sender, timeMs }))
  const isNews = !entry || history.length > 0 || (shown && !entry.shown)
  const opening: readonly Input[] = isNews
    ? [{ to: 'records', changes: [toChat(chat, { type: 'chat.opened', floorMs, history: seen, shown })] }]
    : []
  return { inputs: [...opening, ...messages], taken }
}
