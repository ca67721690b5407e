import { backoffMs } from '../domain/backoff.ts'
import { answeredBy, type ChatId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { PairingStore } from '../ports/pairing-store.ts'
import type { PermitSource } from '../ports/permit-source.ts'
import type { Random } from '../ports/random.ts'
import type { Responder } from '../ports/responder.ts'
import type { Store } from '../ports/store.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import { createAnsweredBefore } from './answered-before.ts'
import { createBacklog } from './backlog.ts'
import { createByHand } from './by-hand.ts'
import { createConnection } from './connection.ts'
import { createCustody } from './custody.ts'
import { createDispatcher } from './dispatcher.ts'
import { createDurable } from './durable.ts'
import { type Effects, inOrder } from './effects.ts'
import { explainFrom } from './explain.ts'
import { createFiles } from './files.ts'
import { createGroupNames } from './group-names.ts'
import { createInspection } from './inspection.ts'
import { createIntake, OWN_CLOCK_MS } from './intake.ts'
import { createJournal } from './journal.ts'
import { createLedger } from './ledger.ts'
import { createMemberships } from './membership.ts'
import { createPairingDesk } from './pairing-desk.ts'
import { isChatId } from './parse-record.ts'
import { createPendingHistory } from './pending-history.ts'
import { createPerformers } from './performers.ts'
import { createPoster } from './poster.ts'
import { createRecipients } from './recipients.ts'
import { createRegistry } from './registry.ts'
import { createRivals } from './rivals.ts'
import type { AccountHandle, RuntimeEvent } from './runtime.ts'
import { createSenders } from './senders.ts'
import { createStatusKeeper } from './status.ts'
import { createSupervisor } from './supervisor.ts'
import { createTimers } from './timers.ts'

const OLD_STATE =
  'The mesh has replies of this bot of which its state knows nothing (a copy that was put back?): what they answer is not answered again; approvals and dead letters of that time are lost.'

/** After an outage of the mesh others come back within this time. */
const SETTLED_MS = 60_000

export type AccountPorts = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly agent: ZtmAgent
  readonly store: Store
  readonly responder: Responder
  readonly permits: PermitSource
  /** Null: the runtime's own. */
  readonly pairing: PairingStore | null
  /** Per chat, the sender's time of the last message that another program had dealt with before us. */
  readonly formerly: ReadonlyMap<ChatId, number>
}

export interface AccountHost {
  readonly handle: AccountHandle
  /** Loads and resumes; then connects by itself. Rejects with StoreUnusable. */
  start(): Promise<void>
  stop(graceMs: number): Promise<void>
}

export function createAccountHost(settings: AccountSettings, ports: AccountPorts, emit: (event: RuntimeEvent) => void): AccountHost {
  const { id: account, limits } = settings
  const { clock, random, agent, store, permits } = ports
  const log = ports.log.child({ account })
  const stopping = new AbortController()
  const { signal } = stopping
  const timers = createTimers(clock)
  const status = createStatusKeeper(account, emit)
  let graceMs: number = limits.stopGraceMs
  /** Since then nobody can tell what the agent has forgotten. */
  let awayAtMs: number | null = null
  /** When it was live again after it had not been, monotonic. */
  let backAtMs = Number.NEGATIVE_INFINITY
  let stopped: (() => void) | null = null

  const nursery = createSupervisor({
    id: `accounts:${account}`,
    random,
    timers,
    log,
    limits,
    trouble: (actorId, sentence) => status.trouble(actorId, sentence),
    recover,
  })

  function noteBug(where: string, error: unknown) {
    log.error({ where, err: error }, 'something failed that must not fail')
    status.warn(`${where} failed: ${error instanceof Error ? error.message : String(error)}; please report it with the log.`)
  }

  /** The last moment that the state knows of, wall clock ms. */
  let loadedLiveMs = 0
  let isOldState = false
  /** Told once: what else it does not know nobody can tell. */
  function noteOldState() {
    if (isOldState) return
    isOldState = true
    log.warn({}, 'the state is older than the mesh')
    status.warn(OLD_STATE)
  }

  /** What a failed chart had asked to be recorded must have reached it before it asks again; what it was told last it may not know. */
  function recover(actorId: string) {
    const watched = actorId.slice('watcher:'.length)
    if (actorId.startsWith('watcher:') && isChatId(watched)) return watchers.changed(watched)
    const chat = actorId.slice('chat:'.length)
    journal.flushed().then(
      () => {
        registry.recover(actorId, clock.monotonic())
        if (!actorId.startsWith('chat:') || !isChatId(chat)) return
        intake.forget(chat)
        due.askApp(chat)
        watchers.changed(chat)
      },
      // The account stops; the next start resumes it.
      () => {},
    )
  }

  const { effects, drained } = inOrder<Effects>(
    createPerformers({
      settings,
      clock,
      random,
      timers,
      signal,
      parts: () => ({ registry, journal, answeredBefore, custody, desk, poster, watchers, due }),
      isPushed: () => feed.mode() === 'push',
      isLive: () => status.current() === 'live',
      onPost(chat, key) {
        rivals.posting(key)
        emit({ event: 'posted', account, atMs: clock.now(), chat, key })
        connection.poll.wake()
      },
      onUncertain: (chat, key) => emit({ event: 'uncertain', account, atMs: clock.now(), chat, key }),
    }),
    error => noteBug('an effect', error),
  )

  const registry = createRegistry({
    nursery,
    limits,
    effects,
    onForgotten(count) {
      log.warn({ count, limit: limits.chats }, 'more chats than are remembered: some were forgotten')
      status.warn(`More than ${limits.chats} chats (limits.chats): those that never had an accepted message are forgotten, oldest first.`)
    },
  })

  const journal = createJournal({
    nursery,
    store,
    clock,
    random,
    timers,
    limits,
    log,
    apply: createDurable({
      status,
      timers,
      parts: () => ({ registry, poster, intake, senders, dispatcher, watchers, inspector, pendingHistory }),
    }),
    beginFold: () => registry.beginFold(),
    foldFailed: () => registry.foldFailed(),
    onTrouble: reason => root.send({ type: 'store.failed', reason }),
  })

  const desk = createPairingDesk({
    settings,
    store: ports.pairing,
    clock,
    random,
    timers,
    registry,
    commit: changes => journal.commit({ changes }),
  })

  const backlog = createBacklog({ registry, clock, commit: changes => journal.commit({ changes }) })

  const senders = createSenders(clock, limits)

  const pendingHistory = createPendingHistory(settings)

  const intake = createIntake({
    formerly: ports.formerly,
    settings,
    clock,
    registry,
    backlog,
    senders,
    pendingHistory,
    memberships: createMemberships(agent, clock, limits),
    isPaired: user => desk.isPaired(user),
    isUrgent: text => ports.responder.isUrgent?.(text) ?? false,
    indexedMs: () => push.sinceMs(),
    isFirstLoad: () => place.isFirstLoad(),
    onAnswered: ids => answeredBefore.saw(ids),
    onForgotten() {
      if (!place.isFirstLoad()) noteOldState()
    },
    onReplies: (chat, replies) => rivals.see(chat, replies),
    committed: changes => journal.committed(changes),
  })

  const dispatcher = createDispatcher({
    settings,
    responder: ports.responder,
    clock,
    senders,
    message: (chat, id) => registry.chats.get(chat)?.messages.get(id),
    alternations(chat, sender) {
      const loop = registry.chats.get(chat)?.loop
      return loop?.sender === sender ? loop.alternations : 0
    },
    history: (chat, id) => pendingHistory.before(chat, id),
    groupNames: createGroupNames(agent, clock, limits),
    tell: (chat, event) => registry.tellChat(chat, event),
    onStart: (chat, id, attempt) => emit({ event: 'dispatch', account, atMs: clock.now(), chat, id, attempt }),
  })

  const custody = createCustody({
    settings,
    responder: ports.responder,
    losses(chat, id) {
      const message = registry.chats.get(chat)?.custody.get(id)
      return message && (message.losses ?? 0)
    },
    expect: ids => answeredBefore.expect(ids),
    timers,
    log,
    signal,
    tell: (chat, event) => registry.tellChat(chat, event),
  })

  const ledger = createLedger({
    agent,
    username: settings.username,
    read(chat) {
      due.askApp(chat)
      return watchers.fetched(chat)
    },
    // Without an index nobody knows.
    hasFiles: () => (push.sinceMs() ?? registry.account.indexed?.sinceMs ?? Number.POSITIVE_INFINITY) > 0,
    // A life of which our state knows nothing may have written more after it.
    writtenSinceMs: () => (answeredBefore.waiting() > 0 ? loadedLiveMs - OWN_CLOCK_MS : Number.POSITIVE_INFINITY),
    onShown: keys => answeredBefore.saw(new Set(keys.map(answeredBy))),
    wasSeen: (chat, key) => registry.outbox(chat)?.context.posts.every(post => post.key !== key || post.seen) ?? true,
  })

  const answeredBefore = createAnsweredBefore({
    ledger: () => ledger,
    dispatcher: () => dispatcher,
    clock,
    timers,
    signal,
    restMs: failures => backoffMs({ failures, baseMs: limits.postBackoffMs, maxMs: limits.postBackoffMsMax, unit: random.unit() }),
    doubtMs: limits.uncertainRepostMs,
    lostPostMs: limits.lostPostMs,
    tell: (chat, event) => registry.tellChat(chat, event),
    onAnswered(chat, key) {
      // A damaged journal may have lost the answer, and have kept its reply.
      if (!byHand.known(chat).some(known => answeredBy(known) === answeredBy(key))) noteOldState()
    },
  })

  const poster = createPoster({
    settings,
    agent,
    ledger,
    clock,
    tell: (chat, event) => registry.tellOutbox(chat, event),
    waitsForSlot: chat => registry.outbox(chat)?.matches({ sending: 'waiting' }) ?? false,
    takesSlot: chat => registry.outbox(chat)?.matches({ sending: 'committing' }) ?? false,
    unconfirmed: () => posts().filter(post => post.phase !== 'queued'),
    queueLostAtMs: () => healer.queueLostAtMs(),
    awayAtMs: () => awayAtMs,
  })

  const rivals = createRivals({
    username: settings.username,
    meshName: settings.meshName,
    clock,
    log,
    isKnown: (chat, key) => byHand.known(chat).includes(key),
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
    account: registry.account,
    parts: () => ({ intake, backlog }),
    storeTrouble: () => journal.trouble(),
    awaitsOwn: chat => registry.outbox(chat)?.context.posts.some(post => post.phase !== 'queued') ?? false,
    isQuiet: () => poster.isIdle() && posts().every(post => post.phase !== 'posted'),
    commit: changes => journal.commit({ changes }),
    commitInLine: changes => effects.commit({ changes }),
    committed: changes => journal.committed(changes),
    holdPosts: () => poster.hold(),
    releasePosts: () => poster.resume(),
    drain: () => void drain(),
    onLost() {
      awayAtMs = clock.monotonic()
      for (const chat of [...registry.outboxes()]) registry.tellOutbox(chat, { type: 'agent.lost' })
    },
    onLive(wasAway) {
      if (wasAway) backAtMs = clock.monotonic()
      // Replies that wait for the agent to come back need not wait for their backoff.
      for (const chat of [...registry.outboxes()]) registry.tellOutbox(chat, { type: 'backoff.over' })
    },
  })
  const { root, feed, push, due, watchers, place, healer } = connection

  function posts() {
    return [...registry.outboxes()].flatMap(chat => registry.outbox(chat)?.context.posts ?? [])
  }

  async function drain() {
    place.save()
    // What is answered from now on is recorded, and posted after the next start: a post cut short would have to be looked for first.
    await Promise.all([dispatcher.drain(graceMs), poster.drain(graceMs)])
    stopping.abort()
    healer.stop()
    watchers.stop()
    place.end()
    await journal.close()
    dispatcher.close()
    registry.stop()
    timers.clear()
    root.send({ type: 'account.drained' })
    nursery.stop()
    stopped?.()
  }

  const byHand = createByHand({ limits, registry, journal, desk, drained })
  const recipients = createRecipients({
    settings,
    agent,
    clock,
    chats: registry.chats,
    isPaired: user => desk.isPaired(user),
    isSettled: () => status.current() === 'live' && clock.monotonic() - backAtMs >= SETTLED_MS,
  })
  const inspector = createInspection({
    account,
    registry,
    store,
    system: nursery.ref.system,
    root: () => root.getSnapshot(),
    journal: () => journal.look(),
    watchers,
  })
  const handle: AccountHandle = {
    id: account,
    agent,
    status() {
      const all = posts()
      const { healed } = registry.account
      return status.status({
        feed: feed.mode(),
        selfHeal: healed && { times: healed.times, lastAtMs: healed.atMs, lastReason: healed.reason },
        warnings: [...connection.warnings(), rivals.warning()].filter(sentence => sentence !== null),
        deadLetters: byHand.deadLetters().length,
        chats: registry.chats.size,
        waitingDispatches: dispatcher.waiting() + answeredBefore.waiting(),
        runningDispatches: dispatcher.running(),
        outbox: all.length,
        uncertain: all.filter(post => post.phase === 'uncertain').length,
        pendingPairings: registry.pairings().filter(request => request.matches('pending')).length,
      })
    },
    findRecipient: chat => recipients.find(chat),
    ...byHand,
    ...createFiles(settings, agent),
    explain: wanted => explainFrom(store, registry, wanted),
    inspection: inspector.inspection,
  }

  return {
    handle,
    async start() {
      root.start()
      const loaded = await journal.load()
      for (const problem of [...loaded.problems, ...registry.replay(loaded)]) {
        log.error({ problem }, 'state is damaged')
        status.warn(problem)
      }
      loadedLiveMs = registry.account.liveAtMs
      place.begin()
      for (const [, { messages }] of registry.chats.unfolded()) answeredBefore.expect(messages.keys())
      registry.resume(clock.monotonic())
      rivals.inherit(posts().flatMap(({ key, phase }) => (phase === 'queued' ? [] : [key])))
      for (const [chat, { messages }] of registry.chats.unfolded())
        for (const id of registry.chat(chat)?.context.queue ?? []) senders.take(messages.get(id)?.sender ?? '', id)
      healer.start()
      root.send({ type: 'account.start' })
    },
    async stop(grace) {
      graceMs = grace
      if (root.getSnapshot().status !== 'active') return
      const over = new Promise<void>(resolve => {
        stopped = resolve
      })
      root.send({ type: 'account.stop' })
      await over
    },
  }
}
