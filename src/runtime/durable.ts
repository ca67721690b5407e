/** What a record sets going once it is durable: it is counted, then kept and told to the charts, and whoever waited for it goes on. */
import type { Change } from '../../machines/records.ts'
import type { Decision } from '../domain/decision.ts'
import type { ChatId } from '../domain/ids.ts'
import { BY_PAIRING } from '../domain/policy.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { InspectionHost } from './inspection.ts'
import type { ChartIntake } from './intake.ts'
import type { PendingHistory } from './pending-history.ts'
import type { Poster } from './poster.ts'
import type { Registry } from './registry.ts'
import type { Senders } from './senders.ts'
import type { StatusKeeper } from './status.ts'
import type { Timers } from './timers.ts'
import type { Watchers } from './watchers.ts'

/** A chart that rests is taken off after about this long. */
const SWEEP_MS = 30_000
/** ... and at once when so many charts run that many of them must be resting: a flood of strangers. */
const CROWD = 2_000

export type DurableOptions = {
  readonly status: StatusKeeper
  readonly timers: Timers
  /** Looked up when there is a record: some of them write records themselves. */
  readonly parts: () => {
    readonly registry: Registry
    readonly poster: Poster
    readonly intake: ChartIntake
    readonly senders: Senders
    readonly dispatcher: Dispatcher
    readonly watchers: Watchers
    readonly inspector: InspectionHost
    readonly pendingHistory: PendingHistory
  }
}

export function createDurable({ status, timers, parts }: DurableOptions): (seq: number, atMs: number, changes: readonly Change[]) => void {
  let sweeping = false
  let crowdedAt = CROWD

  const sweep = () => {
    const { registry } = parts()
    registry.sweep()
    crowdedAt = Math.max(CROWD, 2 * registry.running())
  }

  /** What was held is processed after all. */
  const noteReleased = (chat: ChatId, decision: Decision, atMs: number) => {
    const { registry } = parts()
    for (const id of registry.chat(chat)?.context.held ?? []) {
      const message = registry.entry(chat).messages.get(id)
      if (message) status.noteReleased(chat, message, decision, atMs)
    }
  }

  return (seq, atMs, changes) => {
    const { registry, poster, intake, senders, dispatcher, watchers, inspector, pendingHistory } = parts()
    for (const change of changes) {
      if (change.at === 'chat' && change.event.type === 'reply.sent') poster.confirmed(change.event.keys)
      if (change.at === 'chat' && change.event.type === 'reply.requeued' && change.event.posted) status.countRepeatedPost()
      if (change.at === 'chat' && change.event.type === 'message.released')
        noteReleased(change.chat, change.event.decision ?? BY_PAIRING, atMs)
      status.note(change, atMs)
      if (change.at === 'chat') pendingHistory.apply(change.chat, change.event)
    }
    registry.apply(seq, atMs, changes)
    if (inspector.isWatched()) inspector.applied(seq, atMs, changes)
    for (const change of changes) {
      if (change.at !== 'chat') continue
      const { chat, event } = change
      if (event.type === 'message.accepted' || event.type === 'message.held' || event.type === 'message.ignored')
        intake.settled(chat, event.message.id)
      if (event.type === 'message.held' || event.type === 'message.ignored') senders.giveBack(event.message.id)
      if (event.type === 'turn.adopted' || event.type === 'turn.answered' || event.type === 'turn.abandoned') senders.giveBack(event.id)
      if (event.type === 'turn.adopted') dispatcher.adopted(event.id)
      if (intake.hasRoomAgain(chat)) watchers.changed(chat)
    }
    for (const chat of senders.roomAgain()) watchers.changed(chat)
    if (registry.running() >= crowdedAt) sweep()
    if (sweeping) return
    sweeping = true
    timers.set('sweep', SWEEP_MS, () => {
      sweeping = false
      sweep()
    })
  }
}
