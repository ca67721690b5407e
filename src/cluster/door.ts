/** A message at a chat's door: whether it is new, and what its chart is told of it. */
import { toChat } from '../../machines/records.ts'
import { emptyCursor, look } from '../domain/cursor.ts'
import type { Gate } from '../domain/decision.ts'
import { directFacts, groupFacts, mentions } from '../domain/facts.ts'
import { type ChatId, parseChat } from '../domain/ids.ts'
import { readMessage } from '../domain/inbound.ts'
import { noLoop, onMessage } from '../domain/loop-guard.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Input } from '../runtime/cell.ts'
import type { ChatEntry } from '../runtime/entries.ts'
import type { Received } from './contracts.ts'

export type Known = {
  readonly chat: ChatId
  /** Null: it was never heard of. */
  readonly entry: Pick<ChatEntry, 'cursor' | 'loop' | 'openedAtMs' | 'shown'> | null
  /** The sender was approved by pairing. */
  readonly paired: boolean
  readonly nowMs: number
}

const NOTHING = { text: '', files: [] } as const

/** Nothing to tell, when the message is our own, or was dealt with before. What was there before us, or is answered, is only remembered. */
export function inputsFor(settings: AccountSettings, received: Received, { chat, entry, paired, nowMs }: Known): readonly Input[] {
  const { limits } = settings
  const { id, sender, timeMs, message, membership, liveAtMs, wasThere, isAnswered } = received
  if (sender === settings.username) return []
  const floorMs = liveAtMs - limits.ageFenceMs
  const verdict = look(entry?.cursor ?? emptyCursor(floorMs), { id, sender, timeMs }, { nowMs, liveMs: liveAtMs, limits })
  if (verdict === 'seen' || verdict === 'too_old') return []
  // Whoever reads the mesh tells what was there before what has come since.
  const shown = !wasThere
  const isOld = wasThere && timeMs < Math.min(nowMs, entry?.openedAtMs ?? nowMs) - settings.firstSyncMs
  const history = isOld || isAnswered ? [{ id, sender, timeMs }] : []
  const isNews = !entry || history.length > 0 || (shown && !entry.shown)
  const opening: readonly Input[] = isNews
    ? [{ to: 'records', changes: [toChat(chat, { type: 'chat.opened', floorMs, history, shown })] }]
    : []
  if (history.length > 0) return opening
  const conversation = parseChat(chat)
  const content = readMessage({ time: timeMs, message }, limits.textCharacters)
  const { text, files } = content.kind === 'text' ? content : NOTHING
  const gates: Partial<Record<typeof verdict, Gate>> = { missed: 'too_old', future_full: 'future_dated' }
  return [
    ...opening,
    {
      to: 'chat',
      event: {
        type: 'message.received',
        message: { id, sender, timeMs, text, files },
        facts: {
          gate: gates[verdict] ?? (content.kind === 'text' ? null : 'unsupported_content'),
          looping: onMessage(entry?.loop ?? noLoop, { sender, atMs: nowMs, limits }).looping,
          conversation:
            conversation.kind === 'peer'
              ? directFacts(settings, sender, paired)
              : groupFacts(settings, conversation, { sender, membership, mentioned: mentions(settings)(text) }),
        },
        liveAtMs,
        heldMax: limits.pairingHeld,
      },
    },
  ]
}
