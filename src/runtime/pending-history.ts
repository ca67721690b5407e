/**
 * What was said in a group since the bot was last spoken to there, for the answer to whoever speaks to it next. In memory alone, since
 * texts that are not for the bot do not belong on its disk: after a restart it begins anew. It follows the records, as all that is kept
 * does, so that nothing is in it before it was decided about.
 */
import type { ChatRecord, Inbound, OutboxRecord } from '../../machines/records.ts'
import { type ChatId, type MessageId, parseChat } from '../domain/ids.ts'
import { shorten } from '../domain/inbound.ts'
import { findMention } from '../domain/mention.ts'
import { lacksOnlyMention } from '../domain/policy.ts'
import { type AccountSettings, HISTORY_LIMIT } from '../domain/settings.ts'
import type { Said } from '../ports/responder.ts'

export interface PendingHistory {
  /** It is on its way to be decided about. */
  hear(chat: ChatId, message: Inbound): void
  /** It may be brought again. */
  forget(id: MessageId): void
  /** A durable record; before the charts hear of it, whose effects may ask. */
  apply(chat: ChatId, event: ChatRecord | OutboxRecord): void
  /** What was said before this message, oldest first. */
  before(chat: ChatId, id: MessageId): readonly Said[]
}

/** As many as OpenClaw remembers of a channel. */
const GROUPS_MAX = 1_000
/** OpenClaw shows no more of a text. */
const TEXT_CHARACTERS_MAX = 2_000

type Kept = Said & { readonly place: number }

const sizeOf = ({ sender, text }: Said): number => sender.length + text.length

export function createPendingHistory({
  historyLimit,
  username,
  limits,
}: Pick<AccountSettings, 'historyLimit' | 'username' | 'limits'>): PendingHistory {
  const isCommand = (text: string) => findMention(text, username).text.startsWith('/')
  const entriesMax = historyLimit ?? HISTORY_LIMIT
  const undecided = new Map<MessageId, Said>()
  /** In the order in which something was last said in them. */
  const groups = new Map<ChatId, readonly Kept[]>()
  /** Of accepted messages that are not answered, where in what was said they stand. */
  const places = new Map<MessageId, number>()
  let place = 0

  const keep = (chat: ChatId, said: Said) => {
    const all = [...(groups.get(chat) ?? []), { ...said, place: place++ }].slice(-entriesMax)
    let characters = all.reduce((sum, one) => sum + sizeOf(one), 0)
    const from = all.findIndex(one => {
      if (characters <= limits.unmentionedCharacters) return true
      characters -= sizeOf(one)
      return false
    })
    groups.delete(chat)
    if (from !== -1) groups.set(chat, all.slice(from))
    const [longestSilent] = groups.keys()
    if (groups.size > GROUPS_MAX && longestSilent !== undefined) groups.delete(longestSilent)
  }

  /** It has been shown with this message, and is not shown again. */
  const clear = (chat: ChatId, id: MessageId) => {
    const before = places.get(id)
    if (before === undefined) return
    places.delete(id)
    const later = groups.get(chat)?.filter(kept => kept.place >= before) ?? []
    if (later.length > 0) groups.set(chat, later)
    else groups.delete(chat)
  }

  return {
    hear(chat, { id, sender, timeMs, text }) {
      if (entriesMax === 0 || text.trim() === '' || parseChat(chat).kind === 'peer') return
      undecided.set(id, { sender, timeMs, text: shorten(text, TEXT_CHARACTERS_MAX).text })
    },
    forget(id) {
      undecided.delete(id)
    },
    apply(chat, event) {
      switch (event.type) {
        case 'message.ignored': {
          const said = undecided.get(event.message.id)
          undecided.delete(event.message.id)
          if (said && lacksOnlyMention(event.facts)) keep(chat, said)
          return
        }
        case 'message.accepted':
          // A command asks nothing about the group, and leaves it to the next question.
          if (undecided.delete(event.message.id) && !event.message.urgent && !isCommand(event.message.text))
            places.set(event.message.id, place)
          return
        case 'turn.adopted':
        case 'turn.answered':
          clear(chat, event.id)
          return
        case 'turn.abandoned':
          // Nobody has heard it: it stays for the next question.
          places.delete(event.id)
          return
        default:
      }
    },
    before(chat, id) {
      const before = places.get(id)
      if (before === undefined) return []
      return (groups.get(chat) ?? []).flatMap(({ place: at, ...said }) => (at < before ? [said] : []))
    },
  }
}
