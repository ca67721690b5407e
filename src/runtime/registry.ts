/**
 * What the account keeps, and the actors that run on it. Chats with nothing to do are compact entries; their charts run
 * while there is something to do, and a little longer.
 */
import type { AnyActorRef, Snapshot, SnapshotFrom } from 'xstate'
import { type ChatEvent, chatMachine } from '../../machines/chat.ts'
import { type OutboxEvent, outboxMachine } from '../../machines/outbox.ts'
import { type PairingEvent, pairingMachine } from '../../machines/pairing.ts'
import { type Change, isOutboxRecord } from '../../machines/records.ts'
import type { ChatId, UserName } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { Limits } from '../domain/limits.ts'
import type { FoldSource, Loaded } from '../ports/store.ts'
import { type AccountEntry, applyAccount, newAccount, restoreAccount, storeAccount } from './account-entry.ts'
import { type ChatBook, createChatBook } from './chat-book.ts'
import type { Effects } from './effects.ts'
import { type ChatEntry, forgettable, isSettled, newEntry, project } from './entries.ts'
import type { Nursery } from './nursery.ts'
import { isChatId, keyOf, parseChange } from './parse-record.ts'
import { createShelf } from './shelf.ts'

type OutboxSnapshot = SnapshotFrom<typeof outboxMachine>
type PairingSnapshot = SnapshotFrom<typeof pairingMachine>
type ChatSnapshot = SnapshotFrom<typeof chatMachine>

export interface Registry {
  readonly account: AccountEntry
  readonly chats: Omit<ChatBook, 'set' | 'delete' | 'restore' | 'pack'>
  /** The kept entry; made, with nothing seen, when there is none. */
  entry(chat: ChatId): ChatEntry
  /** State of the charts that run; null = resting. */
  chat(chat: ChatId): ChatSnapshot | null
  /** Chats whose chart runs. */
  runningChats(): Iterable<ChatId>
  outbox(chat: ChatId): OutboxSnapshot | null
  outboxes(): Iterable<ChatId>
  /** Charts of chats and outboxes that run, resting ones included. */
  running(): number
  pairing(user: UserName): PairingSnapshot | null
  /** Requests that are open. */
  pairings(): readonly PairingSnapshot[]
  /** Opens the user's request; there must be none. */
  openPairing(user: UserName): void
  tellChat(chat: ChatId, event: ChatEvent): void
  tellOutbox(chat: ChatId, event: OutboxEvent): void
  tellPairing(user: UserName, event: PairingEvent): void
  /** A durable record: first what is kept, then the charts, whose effects may look at it. */
  apply(seq: number, atMs: number, changes: readonly Change[]): void
  /** Snapshot and journal tail through the same transitions, silently. Returns a sentence for each record it could not read. */
  replay(loaded: Loaded): readonly string[]
  /** Every chart that waits for an effect asks for it again. `nowMs`: monotonic. */
  resume(nowMs: number): void
  /** For whoever only looks: every chart that does not rest runs, as it was put away, and is told nothing. */
  show(): void
  /** Charts that rest are stopped; what they know is in the entries. */
  sweep(): void
  /** Puts a failed chart back to where it was, and lets it ask for its effects again. */
  recover(actorId: string, nowMs: number): void
  /** The state for the store to fold. What changes from now on is for the next fold; after a failure, `foldFailed` keeps all of it due. */
  beginFold(): FoldSource
  foldFailed(): void
  stop(): void
}

export type RegistryOptions = {
  readonly nursery: Nursery
  readonly limits: Limits
  readonly effects: Effects
  /** The bound on chats was reached, and so many were forgotten. */
  readonly onForgotten?: (count: number) => void
}

/** Whom the charts of an actor system ask. Logic that is provided once is worked out once, and not again at each start. */
const effectsOf = new WeakMap<AnyActorRef['system'], Effects>()
const ask =
  <Name extends keyof Effects>(name: Name) =>
  ({ system }: Pick<AnyActorRef, 'system'>, params: Parameters<Effects[Name]>[0]) => {
    const effects = effectsOf.get(system)
    if (!effects) throw new Error(`Nobody carries out "${name}" for the charts of this actor system.`)
    effects[name](params as never)
  }

const CHAT = chatMachine.provide({
  actions: {
    commit: ask('commit'),
    dispatch: ask('dispatch'),
    startBackoff: ask('startDispatchBackoff'),
    reclaim: ask('reclaim'),
    openPairing: ask('openPairing'),
  },
})
const OUTBOX = outboxMachine.provide({
  actions: {
    commit: ask('commit'),
    requestSlot: ask('requestSlot'),
    releaseSlot: ask('releaseSlot'),
    post: ask('post'),
    startBackoff: ask('startPostBackoff'),
    startLag: ask('startLag'),
    stopLag: ask('stopLag'),
    reportUncertain: ask('reportUncertain'),
    startLook: ask('startLook'),
    look: ask('look'),
    checkLedger: ask('checkLedger'),
    checkQueued: ask('checkQueued'),
  },
})
const PAIRING = pairingMachine.provide({
  actions: {
    commit: ask('commit'),
    requestTicket: ask('requestTicket'),
    startBackoff: ask('startPairingBackoff'),
    startDeadline: ask('startDeadline'),
  },
})

/** Of the chats that may be remembered, so many are forgotten at once when there are more. */
const FORGOTTEN_SHARE = 0.01

export function createRegistry({ nursery, limits, effects, onForgotten }: RegistryOptions): Registry {
  effectsOf.set(nursery.ref.system, effects)
  const account = newAccount()
  const chats = createChatBook()
  const requests = new Map<UserName, Snapshot<unknown> | null>()
  let dirty = new Set<string>()
  let folding = new Set<string>()
  let lastSeq = 0

  const entry = (chat: ChatId): ChatEntry => {
    const known = chats.get(chat)
    if (known) return known
    return add(chat, account.liveAtMs - limits.ageFenceMs)
  }

  const add = (chat: ChatId, floorMs: number): ChatEntry => {
    if (chats.size >= crowdedAt) forgetSome()
    const made = newEntry(floorMs)
    chats.set(chat, made)
    return made
  }

  let crowdedAt = limits.chats
  /** Many at once, and not for each new one when there are none to be found: finding them looks at all. */
  const forgetSome = () => {
    const share = Math.ceil(limits.chats * FORGOTTEN_SHARE)
    const wanted = chats.size - limits.chats + share
    const gone = forgettable(chats.everything(), account.liveAtMs - 2 * limits.ageFenceMs)
      .filter(chat => chatShelf.persisted(chat) == null && outboxShelf.persisted(chat) == null)
      .slice(0, wanted)
    for (const chat of gone) {
      chatShelf.remove(chat)
      outboxShelf.remove(chat)
      chats.delete(chat)
      dirty.add(`chat:${chat}`)
    }
    crowdedAt = Math.max(limits.chats, chats.size + share)
    if (gone.length > 0) onForgotten?.(gone.length)
  }

  const chatShelf = createShelf<ChatId, typeof chatMachine>({
    kind: 'chat',
    nursery,
    input: chat => ({ chat }),
    load: chat => entry(chat).chat,
    rests: ({ context, value }) =>
      context.queue.length + context.urgent.length + context.held.length + context.custody.length === 0 &&
      value.turn === 'idle' &&
      value.errand === 'idle' &&
      value.door === 'deciding',
    logic: CHAT,
  })

  const outboxShelf = createShelf<ChatId, typeof outboxMachine>({
    kind: 'outbox',
    nursery,
    input: chat => ({ chat }),
    load: chat => entry(chat).outbox,
    rests: ({ context }) => context.posts.length === 0,
    logic: OUTBOX,
  })

  const pairingShelf = createShelf<UserName, typeof pairingMachine>({
    kind: 'pairing',
    nursery,
    input: user => ({ user }),
    load: user => requests.get(user) ?? null,
    rests: ({ status }) => status !== 'active',
    logic: PAIRING,
  })

  const tellChat = (chat: ChatId, event: ChatEvent) => chatShelf.tell(chat, event)
  const tellOutbox = (chat: ChatId, event: OutboxEvent) => outboxShelf.tell(chat, event)
  const tellPairing = (user: UserName, event: PairingEvent) => {
    // A timer or an approval that comes after the end finds nobody.
    if (!requests.has(user)) return
    pairingShelf.tell(user, event)
    if (pairingShelf.peek(user)?.status === 'done') forgetPairing(user)
  }
  const forgetPairing = (user: UserName) => {
    pairingShelf.remove(user)
    requests.delete(user)
  }

  /** The part of a change that is kept beside the charts. */
  const keep = (change: Change, atMs: number, key: string) => {
    dirty.add(key)
    if (change.at === 'account') applyAccount(account, change.event)
    if (change.at !== 'chat') return
    if (change.event.type === 'chat.opened' && !chats.has(change.chat)) add(change.chat, change.event.floorMs)
    project(entry(change.chat), change.event, atMs, limits)
  }
  /** A reply that was confirmed is not queued again: a damaged journal may have lost that its message was answered. */
  const withoutSent = (change: Change): Change => {
    if (change.at !== 'chat' || change.event.type !== 'reply.queued') return change
    const { sentKeys } = entry(change.chat)
    return { ...change, event: { ...change.event, replies: change.event.replies.filter(({ key }) => !sentKeys.includes(key)) } }
  }
  const tell = (change: Change) => {
    if (change.at === 'pairing') tellPairing(change.user, change.event)
    if (change.at !== 'chat') return
    if (isOutboxRecord(change.event)) tellOutbox(change.chat, change.event)
    else tellChat(change.chat, change.event)
  }
  const replayChart = (change: Change) => {
    if (change.at === 'pairing') {
      if (!requests.has(change.user)) requests.set(change.user, null)
      pairingShelf.replay(change.user, change.event)
      if (pairingShelf.persisted(change.user) === null) forgetPairing(change.user)
    }
    if (change.at !== 'chat') return
    if (isOutboxRecord(change.event)) outboxShelf.replay(change.chat, change.event)
    else chatShelf.replay(change.chat, change.event)
  }

  const restore = (key: string, json: string): boolean => {
    if (key === 'account') {
      Object.assign(account, restoreAccount(JSON.parse(json)))
      return true
    }
    if (key.startsWith('pairing:')) {
      requests.set(key.slice('pairing:'.length), JSON.parse(json))
      return true
    }
    const chat = key.slice('chat:'.length)
    if (!key.startsWith('chat:') || !isChatId(chat)) return false
    chats.restore(chat, json)
    return true
  }

  const stored = (key: string): Json | undefined => {
    if (key === 'account') return storeAccount(account)
    if (key.startsWith('pairing:')) {
      const user = key.slice('pairing:'.length)
      return requests.has(user) ? ((pairingShelf.persisted(user) ?? requests.get(user) ?? null) as Json) : undefined
    }
    const chat = key.slice('chat:'.length) as ChatId
    const kept = chats.stored(chat)
    if (!kept) return undefined
    const chart = chatShelf.persisted(chat)
    const outbox = outboxShelf.persisted(chat)
    return {
      ...kept,
      chat: chart === undefined ? kept.chat : chart,
      outbox: outbox === undefined ? kept.outbox : outbox,
    } as Json
  }

  return {
    account,
    chats,
    entry,
    chat: chat => chatShelf.peek(chat),
    runningChats: () => chatShelf.running(),
    outbox: chat => outboxShelf.peek(chat),
    outboxes: () => outboxShelf.running(),
    running: () => chatShelf.size() + outboxShelf.size(),
    pairing: user => pairingShelf.peek(user),
    pairings: () => [...requests.keys()].flatMap(user => pairingShelf.peek(user) ?? []),
    openPairing(user) {
      requests.set(user, null)
      pairingShelf.start(user)
    },
    tellChat,
    tellOutbox,
    tellPairing,
    apply(seq, atMs, changes) {
      lastSeq = seq
      const news = changes.map(withoutSent)
      for (const change of news) keep(change, atMs, keyOf(change))
      for (const change of news) tell(change)
    },
    replay(loaded) {
      const problems: string[] = []
      /** What charts have yet to go through. Whatever led to a rest is left out: resting charts are as new. */
      const open = new Map<ChatId, Change[]>()
      for (const [key, { json }] of loaded.entries) {
        if (!restore(key, json))
          problems.push(`The snapshot has an entry ${JSON.stringify(key)} that this version does not know; it was left out.`)
      }
      for (const record of loaded.tail) {
        for (const raw of record.changes) {
          // Part of the snapshot already.
          if ((loaded.entries.get(raw.key)?.seq ?? 0) >= record.seq) continue
          const parsed = parseChange(raw)
          if (!parsed) {
            problems.push(
              `Record ${record.seq} of the journal has an event for ${JSON.stringify(raw.key)} that this version does not know; it was left out.`,
            )
            continue
          }
          const change = withoutSent(parsed)
          keep(change, record.atMs, raw.key)
          if (change.at !== 'chat') replayChart(change)
          else if (isSettled(entry(change.chat))) {
            open.delete(change.chat)
            Object.assign(entry(change.chat), { chat: null, outbox: null })
          } else if (!open.get(change.chat)?.push(change)) open.set(change.chat, [change])
        }
      }
      for (const changes of open.values()) for (const change of changes) replayChart(change)
      lastSeq = loaded.lastSeq
      return problems
    },
    resume(nowMs) {
      // What is folded rests.
      for (const [chat] of [...chats.unfolded()]) {
        outboxShelf.resume(chat, { type: 'host.resumed', atMs: nowMs })
        chatShelf.resume(chat, { type: 'host.resumed' })
      }
      for (const user of requests.keys()) pairingShelf.resume(user, { type: 'host.resumed' })
      chats.pack()
    },
    show() {
      for (const [chat, kept] of [...chats.unfolded()]) {
        if (kept.outbox !== null) outboxShelf.start(chat)
        if (kept.chat !== null) chatShelf.start(chat)
      }
      for (const user of requests.keys()) pairingShelf.start(user)
      chats.pack()
    },
    sweep() {
      chatShelf.sweep(chat => {
        entry(chat).chat = null
      })
      outboxShelf.sweep(chat => {
        entry(chat).outbox = null
      })
      chats.pack()
    },
    recover(actorId, nowMs) {
      const [kind, key] = [actorId.slice(0, actorId.indexOf(':')), actorId.slice(actorId.indexOf(':') + 1)]
      if (kind === 'pairing') {
        pairingShelf.recover(key)
        pairingShelf.tell(key, { type: 'host.resumed' })
      } else if (isChatId(key) && kind === 'chat') {
        chatShelf.recover(key)
        chatShelf.tell(key, { type: 'host.resumed' })
      } else if (isChatId(key) && kind === 'outbox') {
        outboxShelf.recover(key)
        outboxShelf.tell(key, { type: 'host.resumed', atMs: nowMs })
      }
    },
    beginFold() {
      const due = dirty
      folding = due
      dirty = new Set()
      return {
        seq: () => lastSeq,
        *keys() {
          yield 'account'
          for (const chat of chats.keys()) yield `chat:${chat}`
          for (const user of requests.keys()) yield `pairing:${user}`
        },
        dirty: () => due,
        read: stored,
      }
    },
    foldFailed() {
      for (const key of folding) dirty.add(key)
    },
    stop() {
      chatShelf.stop()
      outboxShelf.stop()
      pairingShelf.stop()
    },
  }
}
