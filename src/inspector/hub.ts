/**
 * Turns the steps of all accounts into at most ten updates a second for each client, however many steps there are. It listens only
 * while somebody is there. A client that does not read gets nothing until it does: the next update says how things are then.
 */
import type { Inspection, Step, Taken, Watched } from '../runtime/inspection.ts'
import type { Inspected, RuntimeEvent } from '../runtime/runtime.ts'
import type { AccountOverview, LogLine, ToClient, Wants } from './protocol.ts'
import { LIVES_SHOWN } from './protocol.ts'
import { createTraffic, type Traffic } from './traffic.ts'

export const UPDATE_MS = 100
/** Counting and sorting everything: less often. */
const OVERVIEW_MS = 1_000
const LOG_KEPT = 500
/** Lines of the log in one update. */
const LOG_SENT = 40
const STEPS_KEPT = 50
/** A client with so much unread is waited for. */
const UNREAD_BYTES_MAX = 256 * 1_024

export interface Client {
  send(message: ToClient): void
  unreadBytes(): number
}

export interface Joined {
  want(wants: Wants): void
  leave(): void
}

/** Hears steps as they are, without sampling; asks for more only when it can take it. */
export type StepListener = (account: string, step: Step, atMs: number) => void

export interface Hub {
  note(event: RuntimeEvent): void
  join(client: Client): Joined
  /** Also counts as somebody who is there. */
  listen(listener: StepListener): () => void
  overview(): readonly AccountOverview[]
  /** How many accounts are being listened to. */
  listening(): number
  close(): void
}

export type HubOptions = {
  readonly accounts: () => readonly Inspected[]
  readonly now: () => number
  /** Runs something again and again until what it returns is called. */
  readonly every?: (ms: number, run: () => void) => () => void
}

type Seen = { readonly account: string; readonly atMs: number; readonly step: Step; readonly number: number }
type Member = {
  readonly client: Client
  wants: Wants
  /** What was sent last of each part, so that nothing is sent twice. */
  sent: Map<string, string>
  logAfter: number
  overviewAtMs: number
  watched: { readonly key: string; current: Watched | null; isOver: boolean } | null
  steps: Seen[]
  found: { readonly key: string; readonly atMs: number; readonly ids: readonly string[] } | null
}

const NOTHING: Wants = { list: null, actor: null, chat: null, log: false }

const everyOf = (ms: number, run: () => void): (() => void) => {
  const timer = setInterval(run, ms).unref()
  return () => clearInterval(timer)
}

export function createHub({ accounts, now, every = everyOf }: HubOptions): Hub {
  const members = new Set<Member>()
  const listeners = new Set<StepListener>()
  const traffic = new Map<string, Traffic>()
  const listening = new Map<string, () => void>()
  let log: Seen[] = []
  let steps = 0
  let stopTicking: (() => void) | null = null

  const trafficOf = (account: string): Traffic => {
    const known = traffic.get(account) ?? createTraffic()
    traffic.set(account, known)
    return known
  }
  const inspectionOf = (account: string): Inspection | null => accounts().find(({ id }) => id === account)?.inspection ?? null

  const overview = (): readonly AccountOverview[] =>
    accounts()
      .map(account => ({
        status: account.status(),
        pairings: account.pairings(),
        deadLetters: account.deadLetters().slice(-200),
        perSecond: trafficOf(account.id).perSecond(now()),
        latency: trafficOf(account.id).latency(),
      }))
      // They come as they have started, which is another order each time.
      .toSorted(({ status: one }, { status: other }) => (one.account < other.account ? -1 : 1))

  const onStep = (account: string, step: Step) => {
    const atMs = now()
    const seen: Seen = { account, atMs, step, number: ++steps }
    log.push(seen)
    if (log.length >= 2 * LOG_KEPT) log = log.slice(-LOG_KEPT)
    for (const member of members) {
      const { actor } = member.wants
      if (actor === null || actor.actor !== step.actor || actor.account !== account) continue
      member.steps.push(seen)
      if (member.steps.length > STEPS_KEPT) member.steps.shift()
    }
    for (const listener of listeners) listener(account, step, atMs)
  }

  /** Attached while somebody is there, and to accounts that have come meanwhile. */
  const attach = () => {
    const isWanted = members.size + listeners.size > 0
    const present = new Set(isWanted ? accounts().map(({ id }) => id) : [])
    for (const account of accounts()) {
      if (present.has(account.id) && !listening.has(account.id)) {
        listening.set(
          account.id,
          account.inspection.listen(step => onStep(account.id, step)),
        )
      }
    }
    for (const [id, stop] of listening) {
      if (present.has(id)) continue
      stop()
      listening.delete(id)
    }
    if (!isWanted) log = []
    if (members.size > 0) stopTicking ??= every(UPDATE_MS, tick)
    else {
      stopTicking?.()
      stopTicking = null
    }
  }

  const tick = () => {
    attach()
    for (const member of members) if (member.client.unreadBytes() <= UNREAD_BYTES_MAX) update(member)
  }

  const update = (member: Member) => {
    const parts: { -readonly [Part in keyof Parts]: Parts[Part] } = {}
    const nowMs = now()
    if (nowMs - member.overviewAtMs >= OVERVIEW_MS) {
      member.overviewAtMs = nowMs
      parts.overview = overview()
    }
    const list = listFor(member, nowMs)
    if (list) parts.list = list
    const actor = actorFor(member)
    if (actor) parts.actor = actor
    const chat = chatFor(member)
    if (chat) parts.chat = chat
    const fresh = Object.entries(parts).filter(([name, part]) => {
      const text = JSON.stringify(part)
      if (member.sent.get(name) === text) return false
      member.sent.set(name, text)
      return true
    })
    const lines = logFor(member)
    if (lines) fresh.push(['log', lines])
    if (fresh.length > 0) member.client.send({ t: 'tick', nowMs, ...Object.fromEntries(fresh) })
  }

  const listFor = (member: Member, nowMs: number): Parts['list'] => {
    const { list } = member.wants
    const inspection = list && inspectionOf(list.account)
    if (!list || !inspection) return undefined
    const key = JSON.stringify([list.account, list.search, list.busyOnly])
    if (member.found?.key !== key || nowMs - member.found.atMs >= OVERVIEW_MS) {
      const search = list.search.normalize('NFC').toLowerCase()
      const all = list.busyOnly ? inspection.busy() : inspection.actors()
      const ids = search === '' ? all : all.filter(id => id.normalize('NFC').toLowerCase().includes(search))
      member.found = { key, atMs: nowMs, ids }
    }
    const { ids } = member.found
    const shown = ids.slice(list.offset, list.offset + list.limit)
    return {
      total: ids.length,
      offset: list.offset,
      // Of a list the context would be too much.
      rows: shown.flatMap(id => {
        const view = inspection.look(id)
        return view ? [{ ...view, context: null }] : []
      }),
    }
  }

  const actorFor = ({ wants: { actor }, steps: seen }: Member): Parts['actor'] => {
    if (!actor) return undefined
    return {
      view: inspectionOf(actor.account)?.look(actor.actor) ?? null,
      steps: seen.map(one => {
        const taken = one.step.taken()
        return { ...lineOf(one, taken), taken }
      }),
    }
  }

  const chatFor = (member: Member): Parts['chat'] => {
    const { chat } = member.wants
    const lives = member.watched?.current?.lives()
    return chat && lives ? { chat: chat.chat, lives: lives.slice(-LIVES_SHOWN) } : undefined
  }

  const logFor = (member: Member): Parts['log'] => {
    if (!member.wants.log) return undefined
    const fresh = log.filter(({ number }) => number > member.logAfter)
    const missed = steps - member.logAfter - fresh.length
    member.logAfter = steps
    if (fresh.length === 0) return undefined
    const lines = fresh.slice(-LOG_SENT)
    return { lines: lines.map(one => lineOf(one, one.step.taken())), skipped: missed + fresh.length - lines.length }
  }

  const lineOf = ({ account, atMs, step }: Seen, taken: readonly Taken[]): LogLine => ({
    atMs,
    account,
    actor: step.actor,
    event: step.event,
    value: step.value,
    guards: taken.flatMap(({ guards }) => guards),
  })

  const watch = (member: Member) => {
    const { chat } = member.wants
    const key = chat ? `${chat.account}\n${chat.chat}` : ''
    if (member.watched?.key === key) return
    if (member.watched) {
      member.watched.isOver = true
      member.watched.current?.close()
      member.watched = null
    }
    const inspection = chat && inspectionOf(chat.account)
    if (!chat || !inspection) return
    const watched: NonNullable<Member['watched']> = { key, current: null, isOver: false }
    member.watched = watched
    inspection.watch(chat.chat, LIVES_SHOWN).then(
      current => {
        if (watched.isOver) current.close()
        else watched.current = current
      },
      // The account is stopping; its next update says so.
      () => {},
    )
  }

  return {
    note: event => trafficOf(event.account).note(event),
    join(client) {
      const member: Member = {
        client,
        wants: NOTHING,
        sent: new Map(),
        logAfter: steps,
        overviewAtMs: 0,
        watched: null,
        steps: [],
        found: null,
      }
      members.add(member)
      attach()
      return {
        want(wants) {
          const isOther = JSON.stringify(member.wants.actor) !== JSON.stringify(wants.actor)
          member.wants = wants
          // What is wanted anew is sent anew.
          for (const part of ['list', 'actor', 'chat']) member.sent.delete(part)
          if (isOther) {
            member.steps = log
              .filter(({ account, step }) => account === wants.actor?.account && step.actor === wants.actor.actor)
              .slice(-STEPS_KEPT)
          }
          watch(member)
        },
        leave() {
          member.wants = NOTHING
          watch(member)
          members.delete(member)
          attach()
        },
      }
    },
    listen(listener) {
      listeners.add(listener)
      attach()
      return () => {
        listeners.delete(listener)
        attach()
      }
    },
    overview,
    listening: () => listening.size,
    close() {
      for (const member of members) {
        member.wants = NOTHING
        watch(member)
      }
      members.clear()
      listeners.clear()
      attach()
    },
  }
}

type Parts = Omit<Extract<ToClient, { t: 'tick' }>, 't' | 'nowMs'>
