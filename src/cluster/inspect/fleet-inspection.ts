/**
 * A fleet as the inspector sees a runtime: looked at again and again while somebody listens, and not at all while nobody does. A step
 * is what was seen between two looks: a record, with the states it led to; or another state, when no record tells how it came about.
 */
import { Subject } from 'rxjs'
import { toChat } from '../../../machines/records.ts'
import { sentenceOf } from '../../domain/errors.ts'
import type { AccountId, ChatId } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import type { Clock } from '../../ports/clock.ts'
import { lookInto } from '../../runtime/by-hand.ts'
import { explainFrom } from '../../runtime/explain.ts'
import type { ActorView, Inspection, Step } from '../../runtime/inspection.ts'
import type { Life } from '../../runtime/life.ts'
import { pastOf } from '../../runtime/past.ts'
import type { AccountStatus, Inspected, RuntimeEvent } from '../../runtime/runtime.ts'
import { createStatusKeeper, type StatusKeeper } from '../../runtime/status.ts'
import { createViews, type Views } from '../../runtime/views.ts'
import { keyIn } from '../keys.ts'
import { historyOf, recordsIn } from '../past.ts'
import type { AccountPicture, Looking, Picture } from './picture.ts'

export interface FleetInspection {
  readonly events: Subject<RuntimeEvent>
  accounts(): readonly Inspected[]
  /** Resolves when there is a picture that is young enough. Never rejects: the accounts' states tell what is wrong. */
  fresh(): Promise<void>
  close(): void
}

export type FleetInspectionOptions = {
  readonly accounts: readonly AccountId[]
  readonly look: Looking
  readonly clock: Clock
}

/** From the end of one look to the next one, at least; and no more than a fifth of the time is spent on looking. */
export const LOOK_EVERY_MS = 1_000
const RESTS = 4
/** What was asked for by name is read for so many looks more. */
const WANTED_LOOKS = 5
/** Of those asked for by name: a page shows one or two. */
const WANTED_MAX = 50

type Place = {
  readonly id: AccountId
  readonly keeper: StatusKeeper
  readonly listeners: Set<(step: Step) => void>
  readonly watched: Map<object, { readonly chat: ChatId; lives: readonly Life[]; version: number; readonly last: number }>
  picture: AccountPicture | null
  views: Views | null
  /** States and newest record of each actor as they were at the last look. */
  before: ReadonlyMap<string, string>
  lastSentAtMs: number | null
  /** Time of the newest record, wall clock ms. */
  seenUntilMs: number
}

const noWatchers = { running: () => [], look: () => null }

export function createFleetInspection({ accounts, look, clock }: FleetInspectionOptions): FleetInspection {
  const events = new Subject<RuntimeEvent>()
  /** Keys, and for how many looks they are still read. */
  const wanted = new Map<string, number>()
  let picture: Picture | null = null
  let lookedAtMs: number | null = null
  let looking: Promise<void> | null = null
  let cancel: (() => void) | null = null

  const places: readonly Place[] = accounts.map(id => ({
    id,
    keeper: createStatusKeeper(id, event => events.next(event)),
    listeners: new Set(),
    watched: new Map(),
    picture: null,
    views: null,
    before: new Map(),
    lastSentAtMs: null,
    seenUntilMs: Number.POSITIVE_INFINITY,
  }))
  const isListenedTo = () => places.some(({ listeners, watched }) => listeners.size + watched.size > 0)

  const want = (account: AccountId, chat: ChatId): void => {
    if (wanted.size < WANTED_MAX || wanted.has(keyIn(account, chat))) wanted.set(keyIn(account, chat), WANTED_LOOKS)
  }

  const lookOnce = async (): Promise<void> => {
    const from = clock.monotonic()
    for (const { id, watched } of places) for (const { chat } of watched.values()) want(id, chat)
    try {
      const found = await look(new Set(wanted.keys()))
      for (const [key, left] of wanted) left > 1 ? wanted.set(key, left - 1) : wanted.delete(key)
      const before = picture
      picture = found
      try {
        for (const place of places) await show(place, found.accounts.get(place.id)!, found.troubles)
      } finally {
        before?.close()
      }
    } catch (error) {
      for (const { keeper } of places) keeper.state('degraded', sentenceOf(error), clock.now())
    }
    lookedAtMs = clock.monotonic()
    rest(lookedAtMs - from)
  }
  const rest = (tookMs: number) => {
    cancel?.()
    cancel = isListenedTo() ? clock.after(Math.max(LOOK_EVERY_MS, RESTS * tookMs), () => void lookAgain()) : null
  }
  const lookAgain = (): Promise<void> => {
    looking ??= lookOnce().finally(() => {
      looking = null
    })
    return looking
  }
  /** One that is under way does not know what is wanted now. */
  const lookAnew = async (): Promise<void> => {
    await looking
    await lookAgain()
  }

  const show = async (place: Place, seen: AccountPicture, troubles: readonly string[]): Promise<void> => {
    const { id, keeper, listeners, watched } = place
    const views = createViews({ account: id, registry: seen.registry, single: {}, watchers: noWatchers })
    const after = new Map<string, string>()
    const steps: Step[] = []
    const stepOf = (actor: string, event: string, value: Json) => steps.push({ actor, event, value, taken: () => [] })

    for (const [chat, past] of seen.pasts) {
      const records = recordsIn(past)
      const newest = JSON.stringify(records.at(-1) ?? null)
      const known = place.before.get(`records:${chat}`)
      after.set(`records:${chat}`, newest)
      const at = known === undefined ? 0 : records.findLastIndex(record => JSON.stringify(record) === known) + 1
      // One that is shown for the first time may have been silent for long.
      const fresh = newest === known ? [] : records.slice(at).filter(([atMs]) => known !== undefined || atMs > place.seenUntilMs)
      for (const [atMs, event] of fresh) {
        keeper.note(toChat(chat, event), atMs)
        if (event.type === 'reply.posting') events.next({ event: 'posted', account: id, atMs, chat, key: event.key })
      }
      if (fresh.length > 0 && listeners.size > 0)
        for (const step of (await pastOf(historyOf(past, chat), chat)).slice(-fresh.length)) {
          const kind = step.event.startsWith('reply.') ? 'outbox' : 'chat'
          stepOf(`${kind}:${chat}`, step.event, step[kind])
        }
    }
    const last = new Map(steps.map(({ actor, value }) => [actor, JSON.stringify(value)]))
    for (const actor of views.actors()) {
      const view = views.look(actor)
      if (view === null) continue
      const value = JSON.stringify(view.value)
      after.set(actor, value)
      const shown = last.get(actor) ?? place.before.get(actor)
      if (shown !== undefined && value !== shown) stepOf(actor, 'seen', view.value)
    }
    place.before = after
    const newest = Math.max(0, ...[...seen.pasts.values()].map(past => recordsIn(past).at(-1)?.[0] ?? 0))
    place.seenUntilMs = place.seenUntilMs === Number.POSITIVE_INFINITY ? newest : Math.max(place.seenUntilMs, newest)
    place.picture = seen
    place.views = views
    place.lastSentAtMs = newestSent(seen.pasts)
    showState(place, troubles)
    for (const one of watched.values()) {
      const lives = await livesOf(place, one.chat, one.last)
      if (JSON.stringify(lives) !== JSON.stringify(one.lives)) one.version++
      one.lives = lives
    }
    for (const step of steps) for (const listener of listeners) listener(step)
  }

  const showState = ({ keeper, picture: seen, id }: Place, troubles: readonly string[]): void => {
    if (seen?.told) {
      keeper.state(seen.told.state, seen.told.reason, seen.told.sinceMs)
      return
    }
    const reason = seen?.feeder
      ? (troubles.find(sentence => sentence.includes(seen.feeder!)) ?? `The feeder at ${seen.feeder} does not tell of account "${id}".`)
      : `No feeder has account "${id}": nothing of it is read or posted. Is "ztm-chat feed" running, with this account in its config?`
    keeper.state('degraded', reason, clock.now())
  }

  const livesOf = async ({ picture: seen }: Place, chat: ChatId, count: number): Promise<readonly Life[]> =>
    seen === null ? [] : explainFrom(historyOf(seen.pasts.get(chat) ?? null, chat), seen.registry, { chat, last: count })

  const statusOf = ({ id, keeper, picture: seen, lastSentAtMs }: Place): AccountStatus => {
    const chats = seen === null ? [] : [...seen.registry.runningChats()].map(chat => seen.registry.chat(chat)!)
    const posts = seen === null ? [] : [...seen.registry.outboxes()].flatMap(chat => seen.registry.outbox(chat)?.context.posts ?? [])
    const asked = chats.filter(chat => JSON.stringify(chat.value).includes('"dispatching"')).length
    const queued = chats.reduce((sum, { context }) => sum + context.queue.length + context.urgent.length, 0)
    const looked = seen === null ? null : lookInto(seen.registry)
    const told = seen?.told ?? null
    const status = keeper.status({
      feed: told?.feed ?? null,
      selfHeal: told?.selfHeal ?? null,
      warnings: told?.warnings ?? [],
      deadLetters: looked?.deadLetters().length ?? 0,
      chats: seen?.chats ?? 0,
      waitingDispatches: queued - asked,
      runningDispatches: asked,
      outbox: posts.length,
      uncertain: posts.filter(({ phase }) => phase === 'uncertain').length,
      pendingPairings: looked?.pairings().length ?? 0,
    })
    const lastAtMs = Math.max(0, ...[...(looked?.chats() ?? [])].map(line => line.lastAtMs ?? 0))
    return {
      ...status,
      account: id,
      feedLagMs: told?.feedLagMs ?? null,
      lastFeedAtMs: told?.lastFeedAtMs ?? null,
      lastInboundAtMs: lastAtMs === 0 ? null : lastAtMs,
      lastOutboundAtMs: lastSentAtMs,
    }
  }

  const accountView = ({ id, keeper, picture: seen }: Place): ActorView => ({
    actor: `account:${id}`,
    kind: 'account',
    name: id,
    isRunning: (seen?.told ?? null) !== null,
    value: keeper.current(),
    context: null,
  })

  const inspectionOf = (place: Place): Inspection => ({
    listen(observer) {
      place.listeners.add(observer)
      if (cancel === null) void lookAgain()
      return () => {
        place.listeners.delete(observer)
        if (!isListenedTo()) {
          cancel?.()
          cancel = null
        }
      }
    },
    actors: () => [`account:${place.id}`, ...(place.views?.actors() ?? [])],
    busy: () => place.views?.busy() ?? [],
    look(actor) {
      if (actor === `account:${place.id}`) return accountView(place)
      const chat = /^(?:chat|outbox):((?:peer|group):.*)$/s.exec(actor)?.[1]
      if (chat !== undefined) want(place.id, chat as ChatId)
      return place.views?.look(actor) ?? null
    },
    async watch(chat, last) {
      const key = {}
      const one = { chat, last, version: 0, lives: [] as readonly Life[] }
      place.watched.set(key, one)
      want(place.id, chat)
      await lookAnew()
      return { lives: () => one.lives, version: () => one.version, close: () => void place.watched.delete(key) }
    },
    async past(chat) {
      want(place.id, chat)
      await lookAnew()
      return pastOf(historyOf(place.picture?.pasts.get(chat) ?? null, chat), chat)
    },
  })

  const handles: readonly Inspected[] = places.map(place => ({
    id: place.id,
    status: () => statusOf(place),
    pairings: () => (place.picture === null ? [] : lookInto(place.picture.registry).pairings()),
    deadLetters: () => (place.picture === null ? [] : lookInto(place.picture.registry).deadLetters()),
    inspection: inspectionOf(place),
  }))

  return {
    events,
    accounts: () => handles,
    async fresh() {
      if (lookedAtMs === null || clock.monotonic() - lookedAtMs > LOOK_EVERY_MS) await lookAgain()
    },
    close() {
      cancel?.()
      for (const { listeners, watched } of places) {
        listeners.clear()
        watched.clear()
      }
      picture?.close()
      events.complete()
    },
  }
}

function newestSent(pasts: AccountPicture['pasts']): number | null {
  const times = [...pasts.values()].flatMap(past => recordsIn(past).flatMap(([atMs, { type }]) => (type === 'reply.sent' ? atMs : [])))
  return times.length === 0 ? null : times.reduce((newest, atMs) => Math.max(newest, atMs))
}
