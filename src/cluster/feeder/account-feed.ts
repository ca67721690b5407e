/** One account that this feeder has: reads its mesh, tells its chats, and posts for them, until it is told to stop. */
import type { OutboxEvent } from '../../../machines/outbox.ts'
import type { Change } from '../../../machines/records.ts'
import type { ChatId } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { PermitSource } from '../../ports/permit-source.ts'
import type { Random } from '../../ports/random.ts'
import type { ZtmAgent } from '../../ports/ztm-agent.ts'
import { applyAccount, restoreAccount, type StoredAccount } from '../../runtime/account-entry.ts'
import type { Backlog } from '../../runtime/backlog.ts'
import { createConnection } from '../../runtime/connection.ts'
import { createMemberships } from '../../runtime/membership.ts'
import type { AccountStatus, RuntimeEvent } from '../../runtime/runtime.ts'
import { createStatusKeeper, NOTHING_YET } from '../../runtime/status.ts'
import { createSupervisor } from '../../runtime/supervisor.ts'
import { createTimers } from '../../runtime/timers.ts'
import { type FeederAddress, type Found, keyIn, type PostJob } from '../contracts.ts'
import { type Engine, EngineRefused } from '../engine.ts'
import { type Posts, postsAt } from '../posts.ts'
import { createInherited } from './inherited.ts'
import { createPosted } from './posted.ts'
import { createTelling } from './telling.ts'
import { createTries } from './tries.ts'

export type FeedPorts = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly engine: Engine
  readonly permits: PermitSource
}

export type AccountFeedOptions = FeedPorts & {
  readonly settings: AccountSettings
  /** Writes nothing once the account is another's. */
  readonly agent: ZtmAgent
  /** What is kept of the account; null at the very first time. */
  readonly entry: Json
  readonly feeder: Omit<FeederAddress, 'isPushed'>
  readonly emit: (event: RuntimeEvent) => void
  /** The engine says that somebody else has it. */
  readonly onTaken: () => void
}

export interface AccountFeed {
  readonly posts: Posts
  /** What is kept of its chats is not known here, nor what was decided: those are 0. */
  status(): AccountStatus
  start(): void
  /** At once: whatever was told is safe, and what was not is found by whoever has the account next. */
  stop(): Promise<void>
}

/** What found no room, or could not be told, is read again. */
const AGAIN_MS = 1_000

export function createAccountFeed(options: AccountFeedOptions): AccountFeed {
  const { settings, agent, clock, random, engine, permits, emit, onTaken } = options
  const { id, limits } = settings
  const { session } = options.feeder
  const log = options.log.child({ account: id })
  const stopping = new AbortController()
  const { signal } = stopping
  const timers = createTimers(clock)
  const status = createStatusKeeper(id, emit)
  const account = restoreAccount((options.entry ?? {}) as Partial<StoredAccount>)
  const posted = createPosted(clock)
  let isHeld = false
  let posting = 0

  /** In order, each until it is there. */
  let noted: Promise<void> = Promise.resolve()
  const committed = (changes: readonly Change[]): Promise<void> => {
    for (const change of changes) if (change.at === 'account') applyAccount(account, change.event)
    noted = noted.then(() => note(changes))
    return noted
  }
  const note = async (changes: readonly Change[]): Promise<void> => {
    while (!signal.aborted) {
      try {
        await engine.call(['account', id, 'note'], { session, changes }, signal)
        return
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof EngineRefused && error.status === 409) return onTaken()
        log.warn({ err: error }, 'how far the account has come cannot be noted')
        await new Promise<void>(resolve => timers.set('note', AGAIN_MS, resolve))
      }
    }
  }
  const commit = (changes: readonly Change[]) => void committed(changes)

  const behind = new Map<ChatId, number>()
  /** While one is behind, so is the account: whoever has it next reads from there. */
  const backlog: Backlog = {
    behind(chat) {
      if (!behind.has(chat)) behind.set(chat, account.liveAtMs || clock.now())
    },
    caughtUp: chat => void behind.delete(chat),
    liveMs: chat => behind.get(chat) ?? (account.liveAtMs || clock.now()),
    settle: () => behind.size === 0,
    stored: () => [],
  }

  const nursery = createSupervisor({
    id: `accounts:${id}`,
    random,
    timers,
    log,
    limits,
    trouble: (actorId, sentence) => status.trouble(actorId, sentence),
    recover(actorId) {
      if (actorId.startsWith('watcher:')) connection.watchers.changed(actorId.slice('watcher:'.length) as ChatId)
    },
  })

  const connection = createConnection({
    settings,
    agent,
    permits,
    clock,
    random,
    log,
    timers,
    nursery,
    status,
    signal,
    account,
    parts: () => ({ intake, backlog }),
    storeTrouble: () => null,
    awaitsOwn: chat => posted.awaits(chat),
    isQuiet: () => posting === 0 && posted.isEmpty(),
    commit,
    commitInLine: commit,
    committed,
    holdPosts() {
      isHeld = true
    },
    releasePosts() {
      isHeld = false
    },
    drain: () => connection.tell({ type: 'account.drained' }),
    onLive: () => {},
    onLost: () => {},
  })

  const callChat = (chat: ChatId, handler: string, input: unknown) => engine.call(['chat', keyIn(id, chat), handler], input, signal)

  const intake = createTelling({
    settings,
    clock,
    account,
    backlog,
    memberships: createMemberships(agent, clock, limits),
    posted,
    feeder: () => ({ ...options.feeder, isPushed: connection.feed.mode() === 'push' }),
    isFirstLoad: () => connection.place.isFirstLoad(),
    indexedMs: () => connection.push.sinceMs(),
    receive: async (chat, found: Found) => ((await callChat(chat, 'receive', found)) as { readonly taken: number }).taken,
    later: (chat, delayMs, tell) =>
      timers.set(`seen:${chat}`, delayMs, () => {
        // Whoever is not told looks by itself.
        tell().catch(() => {})
      }),
    again: chat => timers.set(`again:${chat}`, AGAIN_MS, () => connection.watchers.changed(chat)),
    onUnusable: count => status.countIgnored('unsupported_content', count),
  })

  const inherited = createInherited(clock, limits, posted.awaits)
  const direct = postsAt(agent, settings, clock, {
    seenUntilMs: posted.seenUntilMs,
    othersWaiting: (key, chat) => inherited.othersThatMayTell(chat, posted.othersWaiting(key)),
  })
  const tries = createTries<OutboxEvent>(clock)
  const isOurs = (named: FeederAddress | null) => !signal.aborted && named?.session === session

  const post = async (job: PostJob): Promise<OutboxEvent> => {
    const { chat, key, tried } = job
    if (isHeld) return { type: 'post.not-sent', key }
    posting += 1
    posted.add(chat, key, job.isAwaited)
    try {
      // A first try, here: had it been made before, it would be known.
      const event = (await direct.post({ ...job, tried: { ...tried, isAgain: false } })) ?? { type: 'post.not-sent', key }
      if (event.type === 'post.not-sent' || event.type === 'post.refused') posted.forget(chat, key)
      else emit({ event: 'posted', account: id, atMs: clock.now(), chat, key })
      connection.poll.wake()
      return event
    } finally {
      posting -= 1
    }
  }

  const posts: Posts = {
    async post(job) {
      if (!isOurs(job.feeder)) return null
      return await (tries.once(job.tried, () => post(job)) ?? { type: 'post.unknown', key: job.key, atMs: clock.now() })
    },
    async look(job) {
      if (!isOurs(job.feeder)) return null
      inherited.looked(job.chat)
      return await direct.look(job)
    },
    check: async job => (isOurs(job.feeder) ? await inherited.asking(job.chat, job.answeredAtMs, () => direct.check(job)) : null),
    queued: async job => (isOurs(job.feeder) ? await direct.queued(job) : null),
  }

  return {
    posts,
    status: () =>
      status.status({
        ...NOTHING_YET,
        feed: connection.feed.mode(),
        selfHeal: account.healed && { times: account.healed.times, lastAtMs: account.healed.atMs, lastReason: account.healed.reason },
        warnings: connection.warnings(),
      }),
    start() {
      connection.root.start()
      connection.place.begin()
      connection.healer.start()
      connection.root.send({ type: 'account.start' })
    },
    async stop() {
      if (signal.aborted) return
      connection.place.save()
      connection.place.end()
      // Those two, when the engine is there.
      await Promise.race([noted, new Promise<void>(resolve => timers.set('stop', AGAIN_MS, resolve))])
      stopping.abort()
      connection.healer.stop()
      connection.watchers.stop()
      timers.clear()
      connection.tell({ type: 'account.stop' })
      nursery.stop()
      await agent.close()
    },
  }
}
