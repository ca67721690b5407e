/**
 * From a list of messages to `message.received`: drops what the cursor knows, gives each message its id, gathers the facts
 * that the policy needs. Every GET of messages goes through here, whatever its purpose, since each resets the chat app's hints;
 * and so does every message file. What one source has brought is old when the other brings it.
 */
import type { OutboxContext } from '../../machines/outbox.ts'
import type { Change, FileOfMessages, Inbound, Seen } from '../../machines/records.ts'
import { toChat } from '../../machines/records.ts'
import { type Cursor, type Look, look, lowestFloor } from '../domain/cursor.ts'
import type { Facts, Gate } from '../domain/decision.ts'
import { countsApproval, directFacts, groupFacts, mentions } from '../domain/facts.ts'
import { type Beginnings, isHistory, waitsForFiles, wasThere } from '../domain/history.ts'
import { answeredBy, type ChatId, type MessageId, parseChat, type ReplyKey, type UserName } from '../domain/ids.ts'
import { readMessage, replyKeyOf } from '../domain/inbound.ts'
import { onMessage } from '../domain/loop-guard.ts'
import { findMention } from '../domain/mention.ts'
import { identify } from '../domain/message-id.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { RawMessage } from '../ports/ztm-agent.ts'
import type { Backlog } from './backlog.ts'
import { MembershipPending, type Memberships } from './membership.ts'
import type { PendingHistory } from './pending-history.ts'
import type { Registry } from './registry.ts'
import type { Senders } from './senders.ts'

/** What our own clock may have been off by when it dated a post. */
export const OWN_CLOCK_MS = 3_600_000
/** Oddities that no cursor can remember, per chat. */
const NOTED_MAX = 1_000

/** A message, and the file it stood in when it comes from one. */
export type Posting = RawMessage & { readonly file?: FileOfMessages }

/** A reply under our name, as a chat shows it. */
export type ShownReply = Pick<RawMessage, 'time'> & { readonly key: ReplyKey }

/** What the chat app shows of a chat, or what stands in message files. */
export type Source = 'app' | 'files'

export interface Intake {
  /**
   * Tells the chart of the chat everything new of one source, but for what is our own. False when there was no room for all: bring them again.
   * `answered`: what `seeOwn` has said of them.
   */
  take(chat: ChatId, source: Source, postings: readonly Posting[], answered: ReadonlySet<MessageId>, signal: AbortSignal): Promise<boolean>
  /** Our own among them confirm what was posted; which others have a reply of ours. */
  seeOwn(chat: ChatId, messages: readonly RawMessage[]): ReadonlySet<MessageId>
  /** How far back the chat app is to be asked. */
  sinceMs(chat: ChatId): number
  /** The message needs no look: it has been dealt with, or is our own. */
  knows(chat: ChatId, message: RawMessage): boolean
  /** There was no room for all of it. */
  isFull(chat: ChatId): boolean
}

/** The one whose charts are here. */
export interface ChartIntake extends Intake {
  /** The record of this message has been applied. */
  settled(chat: ChatId, id: MessageId): void
  /** A chat that was full has room again. */
  hasRoomAgain(chat: ChatId): boolean
  /** What its chart was told and has not recorded may be brought again. */
  forget(chat: ChatId): void
}

export type IntakeOptions = {
  readonly settings: AccountSettings
  readonly clock: Clock
  readonly registry: Registry
  readonly memberships: Memberships
  readonly backlog: Pick<Backlog, 'behind' | 'liveMs'>
  readonly senders: Pick<Senders, 'hasRoom' | 'keepsBack' | 'take' | 'giveBack'>
  readonly pendingHistory: Pick<PendingHistory, 'hear' | 'forget'>
  /** Whether the user was approved by pairing. */
  readonly isPaired: (user: string) => Promise<boolean>
  /** Whether a text must not wait behind the turn that runs. */
  readonly isUrgent: (text: string) => boolean
  /** Per chat, the sender's time of the last message that another program had dealt with before us. */
  readonly formerly: ReadonlyMap<ChatId, number>
  readonly committed: (changes: readonly Change[]) => Promise<void>
  /** Hub time up to which the file index has been read; null when it is not. */
  readonly indexedMs: () => number | null
  /** What the chat app shows of a new chat may have been there before us. */
  readonly isFirstLoad: () => boolean
  /** Messages that have a reply of ours on the mesh. */
  readonly onAnswered: (ids: ReadonlySet<MessageId>) => void
  /** One of them is not known: another life had answered it. */
  readonly onForgotten: () => void
  readonly onReplies: (chat: ChatId, replies: readonly ShownReply[]) => void
}

type Candidate = {
  readonly id: MessageId
  readonly raw: RawMessage
  readonly timeMs: number
  /** When the hub learnt of it, by its clock; null when that is not known. */
  readonly arrivedMs: number | null
}

/** The sender's clock, or -1 where the message has no usable time. */
export const timeOf = ({ time }: RawMessage) => (typeof time === 'number' && Number.isFinite(time) && time >= 0 ? time : -1)

/** The writer's clock is off by as much for a message as for its file, whose arrival the hub has dated. */
export const arrivalOf = ({ file }: Posting, timeMs: number) => (file && timeMs >= 0 ? timeMs - file.timeMs + file.sinceMs : null)

const isDone = (verdict: Look) => verdict === 'seen' || verdict === 'too_old'

/** How far back to look for what was posted and not seen yet; infinite when there is no such post. An hour covers a clock that was put right. */
export const postedSinceMs = (posts: OutboxContext['posts']): number =>
  Math.min(...posts.flatMap(({ phase, postedAtMs }) => (phase === 'queued' ? [] : postedAtMs - OWN_CLOCK_MS)))

export function createIntake(options: IntakeOptions): ChartIntake {
  const { settings, clock, registry, memberships, backlog, senders, pendingHistory } = options
  const { limits } = settings
  const inFlight = new Map<ChatId, Set<MessageId>>()
  const noted = new Map<ChatId, Set<MessageId>>()
  const full = new Set<ChatId>()
  const isMention = mentions(settings)

  const note = (chat: ChatId, id: MessageId): boolean => {
    const ids = noted.get(chat) ?? new Set()
    noted.set(chat, ids)
    if (ids.has(id)) return false
    // Beyond the bound they are ignored without a record: whoever floods us with oddities is owed no more.
    if (ids.size >= NOTED_MAX) return false
    ids.add(id)
    return true
  }

  const load = (chat: ChatId) => {
    const context = registry.chats.has(chat) ? registry.chat(chat)?.context : undefined
    return (context?.queue.length ?? 0) + (context?.urgent.length ?? 0) + (inFlight.get(chat)?.size ?? 0)
  }

  /** Messages dated far in the future whose record is on its way: they take room in the cursor, too. */
  const ahead = new Map<MessageId, { readonly chat: ChatId; readonly sender: UserName }>()

  const lookAt = (chat: ChatId, cursor: Cursor, { id, raw, timeMs }: Candidate) => {
    const nowMs = clock.now()
    const taken = [...ahead.values()].filter(one => one.chat === chat && one.sender === raw.sender).length
    return look(
      cursor,
      { id, sender: raw.sender, timeMs },
      {
        nowMs,
        liveMs: backlog.liveMs(chat),
        limits: taken === 0 ? limits : { ...limits, futurePerSender: Math.max(0, limits.futurePerSender - taken) },
      },
    )
  }

  const beginningsOf = (chat: ChatId): Beginnings => {
    const { openedAtMs, indexed } = registry.account
    const entry = registry.chats.get(chat)
    const isGroup = parseChat(chat).kind === 'group'
    return {
      isGroup,
      openedAtMs: (isGroup ? entry?.openedAtMs : openedAtMs) ?? null,
      shown: entry?.shown ?? false,
      isFirstLoad: options.isFirstLoad(),
      indexBeginMs: indexed?.beginMs ?? null,
      indexedMs: options.indexedMs(),
      firstSyncMs: settings.firstSyncMs,
      nowMs: clock.now(),
    }
  }

  /**
   * What was there before us, as far as it is old; and what is answered, of which only a life knows that ours does not remember: the state
   * was lost, or is a copy that was put back.
   */
  const historyOf = (chat: ChatId, candidates: readonly Candidate[], answered: ReadonlySet<MessageId>): readonly Candidate[] => {
    const beginnings = beginningsOf(chat)
    const entry = registry.chats.get(chat)
    // The other program's place holds for what was there when we took over; what comes later may be dated earlier, and is new.
    const formerMs = options.formerly.get(chat) ?? -1
    const isFormer = ({ timeMs, arrivedMs }: Candidate) =>
      timeMs <= formerMs &&
      (arrivedMs === null ? wasThere(beginnings, null) : beginnings.indexBeginMs !== null && arrivedMs <= beginnings.indexBeginMs)
    return candidates.filter(
      candidate =>
        candidate.timeMs >= 0 &&
        (answered.has(candidate.id) || isHistory(beginnings, candidate) || isFormer(candidate)) &&
        !inFlight.get(chat)?.has(candidate.id) &&
        !(entry && isDone(lookAt(chat, entry.cursor, candidate))),
    )
  }

  /** `gated`: the policy is not asked, so nobody else is either. */
  const conversationFacts = async (
    chat: ChatId,
    { id, sender, text, gated }: { id: MessageId; sender: string; text: string; gated: boolean },
    signal: AbortSignal,
  ): Promise<Facts['conversation']> => {
    const conversation = parseChat(chat)
    if (conversation.kind === 'peer') {
      const paired = !gated && countsApproval(settings, sender) && (await options.isPaired(sender))
      return directFacts(settings, sender, paired)
    }
    const { creator, group } = conversation
    const isAsked = settings.enableGroups && sender.trim() !== '' && !gated
    const membership = isAsked ? await memberships.of(creator, group, { sender, id }, signal) : 'unknown'
    return groupFacts(settings, conversation, { sender, membership, mentioned: isMention(text) })
  }

  /** Why this message is none of the policy's business; `known` = it was dealt with before. */
  const gateOf = (chat: ChatId, candidate: Candidate, isText: boolean): Gate | 'known' | null => {
    const { id, timeMs } = candidate
    if (inFlight.get(chat)?.has(id)) return 'known'
    if (timeMs < 0) return note(chat, id) ? 'unsupported_content' : 'known'
    const verdict = lookAt(chat, registry.entry(chat).cursor, candidate)
    switch (verdict) {
      case 'seen':
      case 'too_old':
        return 'known'
      case 'missed':
        return 'too_old'
      case 'future_full':
        return note(chat, id) ? 'future_dated' : 'known'
      case 'new':
      case 'future':
        return isText ? null : 'unsupported_content'
      default:
        return verdict satisfies never
    }
  }

  const isKnown = (chat: ChatId, candidate: Candidate) =>
    inFlight.get(chat)?.has(candidate.id) === true || isDone(lookAt(chat, registry.entry(chat).cursor, candidate))

  const receive = async (chat: ChatId, candidate: Candidate, signal: AbortSignal) => {
    const { id, raw, timeMs } = candidate
    const content = readMessage(raw, limits.textCharacters)
    const gate = gateOf(chat, candidate, content.kind === 'text')
    if (gate === 'known') return
    const text = content.kind === 'text' ? content.text : ''
    const conversation = await conversationFacts(chat, { id, sender: raw.sender, text, gated: gate !== null }, signal)
    const { looping } = onMessage(registry.entry(chat).loop, { sender: raw.sender, atMs: clock.now(), limits })
    const message: Inbound = {
      id,
      sender: raw.sender,
      timeMs,
      text,
      files: content.kind === 'text' ? content.files : [],
      ...(options.isUrgent(findMention(text, settings.username).text) ? { urgent: true } : {}),
    }
    const ids = inFlight.get(chat) ?? new Set()
    inFlight.set(chat, ids.add(id))
    senders.take(raw.sender, id)
    pendingHistory.hear(chat, message)
    if (timeMs > clock.now() + limits.ageFenceMs / 2) ahead.set(id, { chat, sender: raw.sender })
    registry.tellChat(chat, {
      type: 'message.received',
      message,
      facts: { gate, looping, conversation },
      liveAtMs: backlog.liveMs(chat),
      heldMax: limits.pairingHeld,
    })
  }

  const isOwn = ({ sender }: RawMessage) => sender === settings.username

  const seeOwn = (chat: ChatId, messages: readonly RawMessage[]): ReadonlySet<MessageId> => {
    const replies: ShownReply[] = []
    for (const message of messages) {
      const key = isOwn(message) ? replyKeyOf(message.message) : null
      if (key !== null) replies.push({ key, time: message.time })
    }
    options.onReplies(chat, replies)
    const keys = new Set(replies.map(({ key }) => key))
    const answered = new Set([...keys].map(answeredBy))
    // Most of what a chat shows of ours was seen before.
    const news = registry.outbox(chat)?.context.posts.flatMap(({ key, seen }) => (!seen && keys.has(key) ? key : [])) ?? []
    if (news.length > 0) registry.tellOutbox(chat, { type: 'reply.seen', keys: news })
    if (answered.size > 0) options.onAnswered(answered)
    return answered
  }

  return {
    seeOwn,
    async take(chat, source, postings, answered, signal) {
      // Our own need no ids, which are the dearest part of reading.
      const others = postings.filter(posting => !isOwn(posting))
      const found = identify(chat, others)
        .map(({ id, raw }): Candidate => {
          const timeMs = timeOf(raw)
          return { id, raw, timeMs, arrivedMs: arrivalOf(raw, timeMs) }
        })
        .sort((one, other) => one.timeMs - other.timeMs)
      const entry = registry.chats.get(chat)
      const isFirstOfGroup = source === 'app' && !entry?.shown && parseChat(chat).kind === 'group'
      const hasIndex = isFirstOfGroup && found.length > 0 && registry.account.indexed !== null
      const beginnings = beginningsOf(chat)
      const candidates = found.filter(candidate => source === 'files' || !waitsForFiles(beginnings, candidate))
      // A group that is empty when it is met has no history.
      if (candidates.length === 0 && (!isFirstOfGroup || hasIndex)) return true
      const history = historyOf(chat, candidates, answered)
      if (history.some(({ id }) => answered.has(id))) options.onForgotten()
      const shown = source === 'app' && !hasIndex
      if (!entry || history.length > 0 || (shown && !entry.shown)) {
        const seen = history.map(({ id, raw, timeMs }): Seen => ({ id, sender: raw.sender, timeMs }))
        const floorMs = backlog.liveMs(chat) - limits.ageFenceMs
        await options.committed([toChat(chat, { type: 'chat.opened', floorMs, history: seen, shown })])
      }
      // Before any of them is recorded, which moves the floor over the others; they take no room in the queue.
      const missed = entry ? candidates.filter(candidate => lookAt(chat, entry.cursor, candidate) === 'missed') : []
      await Promise.all(missed.map(candidate => receive(chat, candidate, signal)))
      let isWhole = true
      /** Room that is made meanwhile is for what was written first, which comes with the next fetch. */
      const keptBack = new Set<UserName>()
      const mayCome = (candidate: Candidate) => {
        const { sender } = candidate.raw
        if ((!keptBack.has(sender) && senders.hasRoom(sender, chat)) || isKnown(chat, candidate)) return true
        keptBack.add(sender)
        return false
      }
      const holdOthers = (error: unknown): never => {
        const conversation = parseChat(chat)
        if (error instanceof MembershipPending && conversation.kind === 'group')
          memberships.hold(
            conversation.creator,
            conversation.group,
            candidates.filter(candidate => !isKnown(chat, candidate)).map(({ id }) => id),
          )
        throw error
      }
      for (const candidate of candidates) {
        if (signal.aborted) return false
        // Unread messages stay on the mesh; the chat is fetched again when its queue has drained.
        if (load(chat) >= limits.queuedPerChat) {
          full.add(chat)
          isWhole = false
          break
        }
        if (mayCome(candidate)) await receive(chat, candidate, signal).catch(holdOthers)
        else isWhole = false
      }
      if (!isWhole) backlog.behind(chat)
      return isWhole
    },
    sinceMs(chat) {
      const entry = registry.chats.get(chat)
      const floorMs = entry ? lowestFloor(entry.cursor) : backlog.liveMs(chat) - limits.ageFenceMs
      // What we have posted is looked for there, too.
      return Math.max(0, Math.min(floorMs, postedSinceMs(registry.outbox(chat)?.context.posts ?? [])))
    },
    knows(chat, message) {
      if (message.sender === settings.username) return true
      const entry = registry.chats.get(chat)
      const id = identify(chat, [message])[0]?.id ?? ''
      if (inFlight.get(chat)?.has(id)) return true
      const timeMs = timeOf(message)
      return entry !== undefined && (timeMs < 0 || isDone(lookAt(chat, entry.cursor, { id, raw: message, timeMs, arrivedMs: null })))
    },
    settled(chat, id) {
      ahead.delete(id)
      const ids = inFlight.get(chat)
      ids?.delete(id)
      if (ids?.size === 0) inFlight.delete(chat)
    },
    hasRoomAgain(chat) {
      if (!full.has(chat) || load(chat) > limits.queuedPerChat / 2) return false
      return full.delete(chat)
    },
    isFull: chat => full.has(chat) || senders.keepsBack(chat),
    forget(chat) {
      for (const id of inFlight.get(chat) ?? []) {
        ahead.delete(id)
        senders.giveBack(id)
        pendingHistory.forget(id)
      }
      inFlight.delete(chat)
    },
  }
}
