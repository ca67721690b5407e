/**
 * One conversation in a closed world: the charts of chat, outbox and pairing request, a journal that takes its time, and a host that
 * owes answers. A move is whatever may happen next; the world after it is a value. Any of the charts may be left out: what it would
 * have written into the journal then comes from outside.
 */
import type { SnapshotFrom } from 'xstate'
import { type ChatEvent, chatMachine } from '../../machines/chat.ts'
import { type OutboxEvent, outboxMachine } from '../../machines/outbox.ts'
import { type PairingEvent, pairingMachine } from '../../machines/pairing.ts'
import { type Change, type Commit, isOutboxRecord } from '../../machines/records.ts'
import type { MessageId, ReplyKey } from '../../src/domain/ids.ts'
import type { PostLimits } from '../../src/domain/lost-post.ts'
import { chartOf, type Effect } from './kit.ts'
import { alice, atChat, friend, hurrying, queued, received, stranger, unwanted } from './words.ts'

export const charts = {
  chat: chartOf(chatMachine, { chat: alice }),
  outbox: chartOf(outboxMachine, { chat: alice }),
  pairing: chartOf(pairingMachine, { user: 'alice' }),
} as const
export type Name = keyof typeof charts

export type Snapshots = {
  readonly chat: SnapshotFrom<typeof chatMachine> | null
  readonly outbox: SnapshotFrom<typeof outboxMachine> | null
  readonly pairing: SnapshotFrom<typeof pairingMachine> | null
}
type Told =
  | { readonly to: 'chat'; readonly event: ChatEvent }
  | { readonly to: 'outbox'; readonly event: OutboxEvent }
  | { readonly to: 'pairing'; readonly event: PairingEvent }

/** `answers`: the effect that the host thereby no longer owes. */
export type Move =
  | { readonly type: 'flush' }
  | { readonly type: 'write'; readonly changes: readonly Change[] }
  | ({ readonly type: 'tell'; readonly answers?: Owed } & Told)

export type Owed = { readonly by: Name; readonly effect: Effect }

export type World = {
  readonly has: readonly Name[]
  readonly snapshots: Snapshots
  /** Commits on their way to the disk, oldest first. */
  readonly underWay: readonly Commit[]
  readonly journal: readonly Change[]
  /** What the host has been asked for and has not answered yet. */
  readonly owed: readonly Owed[]
  /** Messages and replies that have come from outside. */
  readonly arrived: number
  readonly approved: boolean
  /** Keys of which a post may have reached the mesh. */
  readonly mayBeOnMesh: readonly ReplyKey[]
  readonly nowMs: number
  /** Asked for by the last move. */
  readonly asked: readonly Owed[]
}

export const postLimits: PostLimits = { lostPostMs: 60_000, lostUnansweredPostMs: 15_000, uncertainRepostMs: 900_000 }
const ATTEMPTS_MAX = 2
const HELD_MAX = 2
export const REMINDER_MS = 4

export const beginning = (...has: readonly Name[]): World => {
  const blank: World = {
    has,
    snapshots: { chat: null, outbox: null, pairing: null },
    underWay: [],
    journal: [],
    owed: [],
    arrived: 0,
    approved: false,
    mayBeOnMesh: [],
    nowMs: 10_000,
    asked: [],
  }
  let world = blank
  if (has.includes('chat')) world = enter(world, 'chat')
  if (has.includes('outbox')) world = enter(world, 'outbox')
  // Among the others a request is opened by the chat that asks for it.
  if (has.length === 1 && has.includes('pairing')) world = enter(world, 'pairing')
  return world
}

/** `revives`: whether somebody tries dead letters again by hand. */
export type Bounds = { readonly arrivals: number; readonly revives: boolean }

/** Everything that may happen next. */
export function movesOf(world: World, bounds: Bounds): readonly Move[] {
  const moves: Move[] = []
  if (world.underWay.length > 0) moves.push({ type: 'flush' })
  if (world.arrived < bounds.arrivals) moves.push(...arrivals(world))
  for (const owed of world.owed) moves.push(...answers(world, owed))
  moves.push(...bystanders(world))
  if (bounds.revives) moves.push(...revivals(world))
  return moves
}

export function advance(before: World, move: Move): World {
  const world: World = { ...before, asked: [], nowMs: before.nowMs + (before.has.length > 1 ? 1 : 0) }
  switch (move.type) {
    case 'flush': {
      const [commit, ...underWay] = world.underWay
      return (commit?.changes ?? []).reduce(apply, { ...world, underWay })
    }
    case 'write':
      return { ...world, arrived: world.arrived + 1, underWay: [...world.underWay, { changes: move.changes }] }
    case 'tell': {
      const settled = move.answers ? { ...world, owed: without(world.owed, move.answers) } : world
      const counted = move.event.type === 'message.received' ? { ...settled, arrived: settled.arrived + 1 } : settled
      const { type } = move.event
      const key = move.answers?.effect.type === 'post' ? (move.answers.effect.params as { key: ReplyKey }).key : null
      const onMesh =
        key !== null && (type === 'post.accepted' || type === 'post.unknown') ? [...counted.mayBeOnMesh, key] : counted.mayBeOnMesh
      return tell({ ...counted, mayBeOnMesh: onMesh }, move)
    }
    default:
      return move satisfies never
  }
}

/** The record becomes durable and reaches its chart, as the registry does it. */
function apply(world: World, change: Change): World {
  const durable: World = { ...world, journal: [...world.journal, change] }
  if (change.at === 'account') return { ...durable, approved: durable.approved || change.event.type === 'user.approved' }
  if (change.at === 'pairing') return durable.has.includes('pairing') ? tell(durable, { to: 'pairing', event: change.event }) : durable
  if (isOutboxRecord(change.event)) return durable.has.includes('outbox') ? tell(durable, { to: 'outbox', event: change.event }) : durable
  return durable.has.includes('chat') ? tell(durable, { to: 'chat', event: change.event }) : durable
}

/** An event for a request that does not exist opens one, as in the registry. */
export function tell(before: World, told: Told): World {
  const world = before.snapshots[told.to] ? before : enter(before, told.to)
  const [snapshot, effects] = step(world.snapshots, told)
  const isOver = snapshot.status === 'done'
  const after = { ...world, snapshots: { ...world.snapshots, [told.to]: isOver && world.has.length > 1 ? null : snapshot } }
  const kept = isOver ? { ...after, owed: after.owed.filter(({ by }) => by !== 'pairing') } : after
  return carryOut(kept, told.to, effects)
}

export function step(
  snapshots: Snapshots,
  told: Told,
): readonly [SnapshotFrom<typeof chatMachine | typeof outboxMachine | typeof pairingMachine>, readonly Effect[]] {
  switch (told.to) {
    case 'chat':
      return charts.chat.step(snapshots.chat ?? charts.chat.first()[0], told.event)
    case 'outbox':
      return charts.outbox.step(snapshots.outbox ?? charts.outbox.first()[0], told.event)
    case 'pairing':
      return charts.pairing.step(snapshots.pairing ?? charts.pairing.first()[0], told.event)
    default:
      return told satisfies never
  }
}

function enter(world: World, name: Name): World {
  const [snapshot, effects] = charts[name].first()
  return carryOut({ ...world, snapshots: { ...world.snapshots, [name]: snapshot } }, name, effects)
}

/** Timers and requests for a slot are one per chart: asking again replaces. */
const ONE_OF_A_KIND = ['startBackoff', 'reclaim', 'startLag', 'startLook', 'startDeadline', 'requestSlot', 'checkQueued']

function carryOut(before: World, by: Name, effects: readonly Effect[]): World {
  let world = before
  for (const effect of effects) {
    const owed = { by, effect }
    world = { ...world, asked: [...world.asked, owed] }
    if (effect.type === 'commit') world = { ...world, underWay: [...world.underWay, effect.params as Commit] }
    else if (effect.type === 'openPairing') world = openPairing(world, effect.params as { wrote: boolean })
    else if (effect.type === 'stopLag') world = { ...world, owed: world.owed.filter(other => other.effect.type !== 'startLag') }
    else if (['releaseSlot', 'look', 'reportUncertain'].includes(effect.type)) continue
    else {
      const others = ONE_OF_A_KIND.includes(effect.type)
        ? world.owed.filter(other => other.by !== by || other.effect.type !== effect.type)
        : world.owed
      world = { ...world, owed: [...others, owed] }
    }
  }
  return world
}

function openPairing(world: World, { wrote }: { wrote: boolean }): World {
  if (!world.has.includes('pairing')) return world
  if (world.approved) return { ...world, underWay: [...world.underWay, { changes: [atChat({ type: 'message.released' })] }] }
  if (!world.snapshots.pairing) return enter(world, 'pairing')
  return wrote ? tell(world, { to: 'pairing', event: strangerWrote(world.nowMs, REMINDER_MS) }) : world
}

const strangerWrote = (atMs: number, reminderMs: number): PairingEvent => ({
  type: 'stranger.wrote',
  atMs,
  reminderMs,
  notice: 'still waiting',
})

function arrivals(world: World): readonly Move[] {
  const number = world.arrived + 1
  if (world.has.includes('chat')) {
    const facts = world.has.includes('pairing') ? [world.approved ? friend : stranger] : [friend, stranger, unwanted]
    const ordinary = facts.map(fact => received(`m${number}`, fact, HELD_MAX))
    // One command about the turn is enough to meet everything that is under way.
    const mayHurry = world.has.length === 1 && !JSON.stringify([world.journal, world.underWay]).includes('"urgent":true')
    const events = mayHurry ? [...ordinary, hurrying(`m${number}`, HELD_MAX)] : ordinary
    return events.map(event => ({ type: 'tell', to: 'chat', event }))
  }
  if (world.has.includes('outbox')) return [{ type: 'write', changes: [atChat(queued(`k${number}`))] }]
  return []
}

/** What nobody asked for: owners, strangers, and what others see on the mesh. */
function bystanders(world: World): readonly Move[] {
  const moves: Move[] = []
  const { chat, outbox, pairing } = world.snapshots
  const held = heldIds(world)
  if (pairing?.status === 'active') {
    moves.push(
      { type: 'tell', to: 'pairing', event: { type: 'pairing.approve', remember: true, notice: 'approved' } },
      { type: 'tell', to: 'pairing', event: { type: 'pairing.reject', held } },
    )
    if (!chat) {
      moves.push(
        { type: 'tell', to: 'pairing', event: strangerWrote(world.nowMs, 0) },
        { type: 'tell', to: 'pairing', event: strangerWrote(world.nowMs, 1) },
      )
    }
  }
  if (chat && !world.has.includes('pairing') && held.length > 0 && world.underWay.length === 0) {
    moves.push({ type: 'write', changes: [atChat({ type: 'message.released' })] })
    moves.push({ type: 'write', changes: [atChat({ type: 'message.dropped', ids: held, reason: 'pairing_rejected' })] })
  }
  const isEnding = (id: MessageId) =>
    world.underWay.some(({ changes }) => changes.some(({ event }) => event.type === 'turn.answered' && event.id === id))
  // A turn that nobody has asked about.
  if (chat && !chat.matches({ turn: 'reclaiming' }))
    for (const id of chat.context.custody) if (!isEnding(id)) moves.push({ type: 'tell', to: 'chat', event: { type: 'dispatch.over', id } })
  if (outbox) {
    // The mesh may show a post before the agent has answered it.
    const underWay = world.owed.flatMap(({ effect }) => (effect.type === 'post' ? (effect.params as { key: ReplyKey }).key : []))
    for (const key of new Set([...world.mayBeOnMesh, ...underWay]))
      moves.push({ type: 'tell', to: 'outbox', event: { type: 'reply.seen', keys: [key] } })
    const isWaitingForLag = world.owed.some(({ effect }) => effect.type === 'startLag')
    if (isWaitingForLag || outbox.context.lagging) moves.push({ type: 'tell', to: 'outbox', event: { type: 'agent.lost' } })
  }
  return moves
}

/** Each dead letter once. */
function revivals(world: World): readonly Move[] {
  const moves: Move[] = []
  const written = [...world.journal, ...world.underWay.flatMap(({ changes }) => changes)].map(({ event }) => event)
  for (const event of world.journal.map(change => change.event)) {
    if (
      world.has.includes('chat') &&
      event.type === 'turn.abandoned' &&
      !written.some(other => other.type === 'message.revived' && other.id === event.id)
    ) {
      moves.push({ type: 'write', changes: [atChat({ type: 'message.revived', id: event.id })] })
    }
    if (
      world.has.includes('outbox') &&
      event.type === 'reply.failed' &&
      !written.some(other => other.type === 'reply.revived' && other.key === event.key)
    ) {
      moves.push({ type: 'write', changes: [atChat({ type: 'reply.revived', key: event.key })] })
    }
  }
  return moves
}

const heldIds = (world: World): readonly MessageId[] => world.snapshots.chat?.context.held ?? (world.has.includes('chat') ? [] : ['m1'])

function answers(world: World, owed: Owed): readonly Move[] {
  const toChat = (event: ChatEvent): Move => ({ type: 'tell', answers: owed, to: 'chat', event })
  const toOutbox = (event: OutboxEvent): Move => ({ type: 'tell', answers: owed, to: 'outbox', event })
  const toPairing = (event: PairingEvent): Move => ({ type: 'tell', answers: owed, to: 'pairing', event })
  const { by, effect } = owed
  switch (effect.type) {
    case 'dispatch': {
      const { id, attempt, urgent } = effect.params as { id: MessageId; attempt: number; urgent: boolean }
      const failed = { type: 'dispatch.failed', id, attempt, reason: 'it crashed', attemptsMax: ATTEMPTS_MAX } as const
      return [
        toChat({ type: 'dispatch.adopted', id, attempt, custody: false }),
        ...(urgent ? [] : [toChat({ type: 'dispatch.adopted', id, attempt, custody: true })]),
        toChat({ type: 'dispatch.answered', id, attempt, parts: [] }),
        toChat({ type: 'dispatch.answered', id, attempt, parts: ['one', 'two'] }),
        toChat({ ...failed, apology: null }),
        toChat({ ...failed, apology: 'sorry' }),
      ]
    }
    case 'reclaim': {
      const { ids } = effect.params as { ids: readonly MessageId[] }
      const nothing = { answered: [], lost: [], abandoned: [], apology: null } as const
      const abandoned = ids.map(id => ({ id, reason: 'lost' }))
      return [
        toChat({ type: 'custody.told', ...nothing, answered: ids }),
        toChat({ type: 'custody.told', ...nothing, answered: ids.slice(0, 1), lost: ids.slice(1) }),
        toChat({ type: 'custody.told', ...nothing, lost: ids }),
        toChat({ type: 'custody.told', ...nothing, abandoned }),
        toChat({ type: 'custody.told', ...nothing, abandoned, apology: 'sorry' }),
      ]
    }
    case 'startBackoff':
      if (by === 'chat') return [toChat({ type: 'backoff.over' })]
      return by === 'outbox' ? [toOutbox({ type: 'backoff.over' })] : [toPairing({ type: 'backoff.over' })]
    case 'requestSlot':
      return world.snapshots.outbox?.value.sending === 'waiting' ? [toOutbox({ type: 'slot.granted', atMs: world.nowMs })] : []
    case 'post': {
      const { key } = effect.params as { key: ReplyKey }
      return [
        toOutbox({ type: 'post.accepted', key, atMs: world.nowMs }),
        toOutbox({ type: 'post.unknown', key, atMs: world.nowMs }),
        toOutbox({ type: 'post.not-sent', key }),
        toOutbox({ type: 'post.refused', key, status: 404, reason: 'no such chat', atMs: world.nowMs }),
        toOutbox({ type: 'post.refused', key, status: 404, reason: 'no such chat', atMs: world.nowMs + 60_000 }),
        toOutbox({ type: 'post.refused', key, status: 403, reason: 'forbidden', atMs: world.nowMs }),
      ]
    }
    case 'startLag':
      return [toOutbox({ type: 'lag.over', key: (effect.params as { key: ReplyKey }).key })]
    case 'startLook':
      return [world.nowMs, world.nowMs + postLimits.lostPostMs].map(nowMs => toOutbox({ type: 'look.due', nowMs, limits: postLimits }))
    case 'checkLedger': {
      const { key } = effect.params as { key: ReplyKey }
      const absent = { type: 'ledger.absent', key, limits: postLimits, laterConfirmed: false, otherUnconfirmed: 1 } as const
      return [
        ...(world.mayBeOnMesh.includes(key) ? [toOutbox({ type: 'reply.seen', keys: [key] })] : []),
        ...[0, 2 * postLimits.lostPostMs, postLimits.uncertainRepostMs].map(age => toOutbox({ ...absent, nowMs: world.nowMs + age })),
        ...[0, 2 * postLimits.lostPostMs, postLimits.uncertainRepostMs].map(age =>
          toOutbox({ type: 'ledger.failed', key, nowMs: world.nowMs + age, limits: postLimits }),
        ),
      ]
    }
    case 'checkQueued': {
      const { keys } = effect.params as { keys: readonly ReplyKey[] }
      const there = keys.filter(key => world.mayBeOnMesh.includes(key))
      const unknown = (away: boolean, ageMs: number) =>
        toOutbox({ type: 'unchecked.unknown', away, nowMs: world.nowMs + ageMs, limits: postLimits })
      // What is there is told by `reply.seen`, which the bystanders tell.
      return [
        toOutbox({ type: 'unchecked.absent', keys: keys.filter(key => !there.includes(key)) }),
        unknown(true, 0),
        unknown(false, 0),
        unknown(false, postLimits.uncertainRepostMs),
      ]
    }
    case 'requestTicket': {
      const { nowMs } = world
      return [
        toPairing({ type: 'ticket.issued', code: 'ABCD', atMs: nowMs, expiresAtMs: nowMs + 1_000, notice: 'your code: ABCD' }),
        toPairing({ type: 'ticket.refused', held: heldIds(world) }),
        toPairing({ type: 'ticket.failed' }),
      ]
    }
    case 'startDeadline': {
      const { atMs } = effect.params as { atMs: number }
      return [atMs, atMs - 1].map(nowMs => toPairing({ type: 'deadline.reached', nowMs, held: heldIds(world) }))
    }
    default:
      throw new Error(`The world does not know how to answer ${effect.type}.`)
  }
}

/** By value: a path may have been found in another, equal world. */
const without = (owed: readonly Owed[], settled: Owed): readonly Owed[] => {
  const wanted = JSON.stringify(settled)
  const at = owed.findIndex(one => JSON.stringify(one) === wanted)
  return owed.filter((_, index) => index !== at)
}

/** Moves in one line each, to be read and repeated. */
export const inOneLine = (move: Move): string =>
  move.type === 'tell'
    ? `${move.to} ← ${JSON.stringify(move.event)}`
    : move.type === 'write'
      ? `write ${JSON.stringify(move.changes)}`
      : 'flush'
