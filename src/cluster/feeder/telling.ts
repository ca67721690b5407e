/** What is read of an account's chats is told to their objects, which know what is new; here is only remembered what was told. */
import { type Cursor, emptyCursor, look, lowestFloor, remember } from '../../domain/cursor.ts'
import { answeredBy, type ChatId, type MessageId, parseChat, type ReplyKey } from '../../domain/ids.ts'
import { replyKeyOf } from '../../domain/inbound.ts'
import type { Json } from '../../domain/json.ts'
import { identify } from '../../domain/message-id.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Clock } from '../../ports/clock.ts'
import type { RawMessage } from '../../ports/ztm-agent.ts'
import type { AccountEntry } from '../../runtime/account-entry.ts'
import type { Backlog } from '../../runtime/backlog.ts'
import { arrivalOf, type Intake, timeOf } from '../../runtime/intake.ts'
import { MembershipPending, type Memberships } from '../../runtime/membership.ts'
import type { FeederAddress, Found, FoundMessage } from '../contracts.ts'
import type { Posted } from './posted.ts'

export type TellingOptions = {
  readonly settings: AccountSettings
  readonly clock: Clock
  readonly account: AccountEntry
  readonly backlog: Backlog
  readonly memberships: Memberships
  readonly posted: Posted
  readonly feeder: () => FeederAddress
  readonly isFirstLoad: () => boolean
  readonly indexedMs: () => number | null
  /** Resolves when they are safe there: so many of them. */
  readonly receive: (chat: ChatId, found: Found) => Promise<number>
  /** Tells of the replies that were seen meanwhile, when nothing else is to be told of the chat in so long. */
  readonly later: (chat: ChatId, delayMs: number, tell: () => Promise<void>) => void
  /** There was no room for all of the chat: it is to be fetched again in a moment. */
  readonly again: (chat: ChatId) => void
  /** Messages without a time, each once. */
  readonly onUnusable: (count: number) => void
}

/** Most people write again within it, which takes it along. */
const SEEN_TOLD_MS = 2_000

/** Oddities that no cursor can remember, per chat. */
const UNUSABLE_MAX = 1_000

/** `whole`: the chat app's view has been told once. */
type Told = { readonly app: Cursor; readonly files: Cursor; readonly unusable: Set<MessageId>; whole: boolean; full: boolean }

export function createTelling(options: TellingOptions): Intake {
  const { settings, clock, account, backlog, memberships, posted, feeder, isFirstLoad, indexedMs, receive, later, again, onUnusable } =
    options
  const { limits, username } = settings
  const chats = new Map<ChatId, Told>()
  /** Replies of which the chat is to be told. */
  const seen = new Map<ChatId, Set<ReplyKey>>()

  /** The chat that was read last is the last one. */
  const toldOf = (chat: ChatId): Told => {
    const floorMs = backlog.liveMs(chat) - limits.ageFenceMs
    const told = chats.get(chat) ?? {
      app: emptyCursor(floorMs),
      files: emptyCursor(floorMs),
      unusable: new Set(),
      whole: false,
      full: false,
    }
    chats.delete(chat)
    chats.set(chat, told)
    if (chats.size > limits.chats) forgetOne()
    return told
  }
  /** Should it be read again, it is told again, and its object knows what it has. */
  const forgetOne = () => {
    for (const [chat, { full }] of chats) if (!full) return void chats.delete(chat)
  }

  const tell = async (chat: ChatId, source: Found['source'], messages: readonly FoundMessage[]): Promise<number> => {
    const { openedAtMs, indexed } = account
    const keys = [...(seen.get(chat) ?? [])]
    seen.delete(chat)
    const taken = await receive(chat, {
      feeder: feeder(),
      source,
      nowMs: clock.now(),
      liveAtMs: backlog.liveMs(chat),
      openedAtMs,
      isFirstLoad: isFirstLoad(),
      indexBeginMs: indexed?.beginMs ?? null,
      indexedMs: indexedMs(),
      messages,
      // Should it not be heard: whoever is not told looks by itself.
      seen: keys,
    })
    posted.seen(chat, keys)
    return taken
  }

  const wasTold = (chat: ChatId, source: 'app' | 'files', message: { id: MessageId; sender: string; timeMs: number }): boolean => {
    const known = chats.get(chat)
    if (!known) return false
    const verdict = look(known[source], message, { nowMs: clock.now(), liveMs: backlog.liveMs(chat), limits })
    return verdict === 'seen' || verdict === 'too_old'
  }

  const membershipsOf = async (chat: ChatId, messages: readonly { id: MessageId; sender: string }[], signal: AbortSignal) => {
    const conversation = parseChat(chat)
    if (conversation.kind === 'peer' || !settings.enableGroups) return messages.map(() => 'unknown' as const)
    const { creator, group } = conversation
    const found: FoundMessage['membership'][] = []
    for (const { id, sender } of messages) {
      try {
        found.push(sender.trim() === '' ? 'unknown' : await memberships.of(creator, group, { sender, id }, signal))
      } catch (error) {
        if (error instanceof MembershipPending)
          memberships.hold(
            creator,
            group,
            messages.map(one => one.id),
          )
        throw error
      }
    }
    return found
  }

  return {
    async take(chat, source, postings, answered, signal) {
      const told = toldOf(chat)
      const all = identify(
        chat,
        postings.filter(({ sender }) => sender !== username),
      ).map(({ id, raw }) => ({ id, raw, sender: raw.sender, timeMs: timeOf(raw) }))
      const usable = all.filter(({ timeMs }) => timeMs >= 0)
      const odd = all.filter(({ id, timeMs }) => timeMs < 0 && !told.unusable.has(id)).slice(0, UNUSABLE_MAX - told.unusable.size)
      for (const { id } of odd) told.unusable.add(id)
      if (odd.length > 0) onUnusable(odd.length)
      const news = usable.filter(one => !wasTold(chat, source, one)).sort((one, other) => one.timeMs - other.timeMs)
      const isFirstLook = source === 'app' && !told.whole && parseChat(chat).kind === 'group'
      if (news.length === 0 && !isFirstLook) return true
      const members = await membershipsOf(chat, news, signal)
      const messages = news.map(
        ({ id, raw, timeMs }, index): FoundMessage => ({
          id,
          sender: raw.sender,
          timeMs,
          arrivedMs: arrivalOf(raw, timeMs),
          message: (raw.message ?? null) as Json,
          membership: members[index] ?? 'unknown',
          isAnswered: answered.has(id),
        }),
      )
      const taken = await tell(chat, source, messages)
      for (const { id, sender, timeMs } of news.slice(0, taken))
        remember(told[source], { id, sender, timeMs, nowMs: clock.now(), liveMs: backlog.liveMs(chat) }, limits)
      if (source === 'app') told.whole = true
      told.full = taken < news.length
      if (told.full) {
        backlog.behind(chat)
        again(chat)
      }
      return !told.full
    },
    seeOwn(chat, messages) {
      const keys = messages.flatMap(({ sender, message }) => (sender === username ? (replyKeyOf(message) ?? []) : []))
      const waiting = posted.among(chat, keys)
      if (waiting.length > 0) {
        seen.set(chat, new Set([...(seen.get(chat) ?? []), ...waiting]))
        later(chat, waiting.some(posted.isAwaited) ? 0 : SEEN_TOLD_MS, async () => {
          if (seen.has(chat)) await tell(chat, 'files', [])
        })
      }
      return new Set(keys.map(answeredBy))
    },
    sinceMs(chat) {
      const known = chats.get(chat)
      const floorMs = known ? lowestFloor(known.app) : backlog.liveMs(chat) - limits.ageFenceMs
      return Math.max(0, Math.min(floorMs, posted.sinceMs(chat)))
    },
    knows(chat, message: RawMessage) {
      if (message.sender === username) return true
      const id = identify(chat, [message])[0]?.id ?? ''
      const one = { id, sender: message.sender, timeMs: timeOf(message) }
      return one.timeMs < 0 || wasTold(chat, 'app', one) || wasTold(chat, 'files', one)
    },
    isFull: chat => chats.get(chat)?.full ?? false,
  }
}
