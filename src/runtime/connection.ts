/**
 * An account's way to its mesh: connects, joins, heals, and reads what is new, as its chart says. What is read goes to the intake; it knows
 * nothing of what becomes of it.
 */
import { type ActorRefFrom, createActor } from 'xstate'
import { type AccountEvent, accountMachine } from '../../machines/account.ts'
import type { Change } from '../../machines/records.ts'
import { backoffMs } from '../domain/backoff.ts'
import type { ChatId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { PermitSource } from '../ports/permit-source.ts'
import type { Random } from '../ports/random.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import type { AccountEntry } from './account-entry.ts'
import type { Backlog } from './backlog.ts'
import { createCertificateWatch } from './certificate.ts'
import { join, probe } from './connect.ts'
import { createDue, type Due } from './feed/due.ts'
import type { PollFeed } from './feed/poll-feed.ts'
import type { PushFeed } from './feed/push-feed.ts'
import type { Feed } from './feed.ts'
import { createFeeds } from './feeds.ts'
import { createHealer, type Healer } from './heal/healer.ts'
import type { Intake } from './intake.ts'
import type { Nursery } from './nursery.ts'
import { createPlace, type Place } from './place.ts'
import { createReading } from './reading.ts'
import { type AccountState, STATE_PHRASE } from './runtime.ts'
import type { StatusKeeper } from './status.ts'
import type { Timers } from './timers.ts'
import type { Watchers } from './watchers.ts'

export type ConnectionOptions = {
  readonly settings: AccountSettings
  readonly agent: ZtmAgent
  readonly permits: PermitSource
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly timers: Timers
  readonly nursery: Nursery
  readonly status: StatusKeeper
  readonly signal: AbortSignal
  readonly account: AccountEntry
  /** Looked up when something is read: they are made later. */
  readonly parts: () => ConnectionParts
  /** A sentence while nothing can be written down. */
  readonly storeTrouble: () => string | null
  /** A reply of the bot into this chat waits for its confirmation. */
  readonly awaitsOwn: (chat: ChatId) => boolean
  /** No post is under way, or waits for its confirmation. */
  readonly isQuiet: () => boolean
  readonly commit: (changes: readonly Change[]) => void
  /** In one line with what the charts commit. */
  readonly commitInLine: (changes: readonly Change[]) => void
  readonly committed: (changes: readonly Change[]) => Promise<void>
  /** While the agent is made to join again, nothing is posted. */
  readonly holdPosts: () => void
  readonly releasePosts: () => void
  readonly drain: () => void
  /** It is live again, or was never before. `wasAway`: it had been live, and was not. */
  readonly onLive: (wasAway: boolean) => void
  readonly onLost: () => void
}

export type ConnectionParts = {
  readonly intake: Intake
  readonly backlog: Backlog
}

export interface Connection {
  readonly root: ActorRefFrom<typeof accountMachine>
  /** What comes after the end is nobody's business. */
  tell(event: AccountEvent): void
  readonly feed: Feed
  readonly poll: PollFeed
  readonly push: PushFeed
  readonly due: Due
  readonly watchers: Watchers
  readonly place: Place
  readonly healer: Healer
  /** What holds at present. */
  warnings(): readonly string[]
}

export function createConnection(options: ConnectionOptions): Connection {
  const { settings, agent, permits, clock, random, log, timers, nursery, status, signal, parts, account, storeTrouble, commit, committed } =
    options
  const { limits } = settings
  const due = createDue(clock, limits)
  const certificate = createCertificateWatch(settings, clock, log)

  const { feed, poll, push } = createFeeds({
    settings,
    agent,
    clock,
    random,
    log,
    due,
    status,
    account,
    awaitsOwn: options.awaitsOwn,
    parts: () => ({ ...parts(), healer, place }),
  })

  const root = createActor(
    accountMachine.provide({
      actors: { feed: feed.logic },
      actions: {
        probe: () =>
          void probe(agent, settings, { storeTrouble: storeTrouble(), onMesh: mesh => certificate.look(mesh) }, signal).then(tell),
        join: () => void join(agent, settings, permits, clock, signal).then(tell),
        watch: (_, { chats }) => {
          // After the step: a watcher is an actor of its own.
          for (const chat of chats) queueMicrotask(() => watchers.changed(chat))
        },
        startBackoff: (_, { failures }) =>
          timers.set(
            'reconnect',
            backoffMs({ failures, baseMs: limits.reconnectMs, maxMs: limits.reconnectMsMax, unit: random.unit() }),
            () => root.send({ type: 'backoff.over' }),
          ),
        startLongRest: () => timers.set('reconnect', limits.blockedRetryMs, () => root.send({ type: 'backoff.over' })),
        drain: options.drain,
        holdPosts: options.holdPosts,
        // After the step: the outboxes are actors of their own.
        releasePosts: () => queueMicrotask(options.releasePosts),
        startQuiesce: () => healer.quiesce(),
        rejoin: (_, { reason }) => void healer.rejoin(reason),
        settle: () => void healer.settle(),
      },
    }),
    { id: `account:${settings.id}`, parent: nursery.ref, input: { account: settings.id } },
  )

  function tell(event: AccountEvent) {
    if (root.getSnapshot().status === 'active') root.send(event)
  }

  const watchers = createReading({
    settings,
    agent,
    clock,
    random,
    timers,
    log,
    nursery,
    signal,
    due,
    parts,
    status,
    onNewest: message => healer.saw(message),
    hasFiles: () => feed.mode() === 'push' && account.openedAtMs !== null,
    onIdle: () => place.noteLive(),
  })

  const place = createPlace({
    account,
    clock,
    timers,
    limits,
    due,
    indexedMs: () => push.sinceMs(),
    isPushed: () => feed.mode() === 'push',
    isIdle: () => watchers.idle(),
    isCaughtUp: () => parts().backlog.settle(),
    commit,
    commitInLine: options.commitInLine,
  })

  const healer = createHealer({
    settings,
    agent,
    clock,
    random,
    log,
    timers,
    signal,
    healed: () => account.healed,
    isQuiet: options.isQuiet,
    committed,
    tell,
    onMesh: mesh => certificate.look(mesh),
  })

  /** What somebody has to know, or to mend, is there at every usual level. */
  const logState = (state: AccountState, reason: string | null) => {
    if (state === 'blocked' || state === 'degraded') log.warn({ state, reason }, STATE_PHRASE)
    else log.info({ state, reason }, STATE_PHRASE)
  }

  let wasLive = false
  root.subscribe(({ value, context }) => {
    const state: AccountState = typeof value === 'string' ? value : 'degraded'
    const before = status.current()
    status.state(state, context.reason, clock.now())
    if (state !== before) logState(state, context.reason)
    // A disk that fails freezes no chat app.
    if (state === 'degraded' && before === 'live' && storeTrouble() === null) healer.noteOutage()
    if (state !== 'live' && before === 'live') options.onLost()
    if (state !== 'live' || before === 'live') return
    options.onLive(wasLive)
    wasLive = true
    for (const chat of parts().backlog.stored()) {
      due.askApp(chat)
      queueMicrotask(() => watchers.changed(chat))
    }
  })

  return {
    root,
    tell,
    feed,
    poll,
    push,
    due,
    watchers,
    place,
    healer,
    warnings: () => [certificate.warning(), healer.warning()].filter(sentence => sentence !== null),
  }
}
