/** What is left after a crash: the journal, perhaps a folded snapshot, and what charts make of them. */

import type { OutboxContext } from '../../machines/outbox.ts'
import { type Change, isOutboxRecord } from '../../machines/records.ts'
import type { ReplyKey } from '../../src/domain/ids.ts'
import { charts, type Name, type Snapshots, step, tell, type World } from './conversation.ts'

/** Charts as JSON, and how much of the journal is in them. */
export type Folded = { readonly put: string; readonly length: number }

export const fold = ({ snapshots, journal }: World): Folded => ({
  put: JSON.stringify({ chat: kept(snapshots.chat), outbox: kept(snapshots.outbox), pairing: kept(snapshots.pairing) }),
  length: journal.length,
})
const kept = <Snapshot extends { value: unknown; context: unknown }>(snapshot: Snapshot | null) =>
  snapshot && { value: snapshot.value, context: snapshot.context }

const unfold = ({ put }: Folded): Snapshots => {
  const { chat, outbox, pairing } = JSON.parse(put) as { [K in Name]: Parameters<(typeof charts)[K]['restore']>[0] | null }
  return {
    chat: chat && charts.chat.restore(chat),
    outbox: outbox && charts.outbox.restore(outbox),
    pairing: pairing && charts.pairing.restore(pairing),
  }
}

/** The world after a crash now and a start: silent replay, then everybody asks again for what they wait for. */
export function afterCrash(world: World, folded: Folded | null): World {
  const empty: Snapshots = {
    chat: world.has.includes('chat') ? charts.chat.first()[0] : null,
    outbox: world.has.includes('outbox') ? charts.outbox.first()[0] : null,
    pairing: world.has.length === 1 && world.has.includes('pairing') ? charts.pairing.first()[0] : null,
  }
  const snapshots = world.journal
    .slice(folded?.length ?? 0)
    .reduce((before, change) => replay(world, before, change), folded ? unfold(folded) : empty)
  let resumed: World = { ...world, snapshots, underWay: [], owed: [], asked: [] }
  const waits = (to: Name) => resumed.snapshots[to] !== null && !rests(resumed.snapshots, to)
  if (waits('outbox')) resumed = tell(resumed, { to: 'outbox', event: { type: 'host.resumed', atMs: world.nowMs } })
  for (const to of ['chat', 'pairing'] as const) if (waits(to)) resumed = tell(resumed, { to, event: { type: 'host.resumed' } })
  return resumed
}

/** Nothing to do, so the host leaves it alone until something comes. */
export function rests({ chat, outbox }: Snapshots, name: Name): boolean {
  if (name === 'outbox') return outbox?.context.posts.length === 0
  if (name !== 'chat' || !chat) return false
  const { context, value } = chat
  const kept = context.queue.length + context.urgent.length + context.held.length + context.custody.length
  return kept === 0 && value.turn === 'idle' && value.errand === 'idle' && value.door === 'deciding'
}

function replay(world: World, snapshots: Snapshots, change: Change): Snapshots {
  if (change.at === 'account') return snapshots
  if (change.at === 'pairing') {
    if (!world.has.includes('pairing')) return snapshots
    const [snapshot] = step(snapshots, { to: 'pairing', event: change.event })
    return { ...snapshots, pairing: snapshot.status === 'done' && world.has.length > 1 ? null : snapshot } as Snapshots
  }
  if (isOutboxRecord(change.event)) {
    return world.has.includes('outbox')
      ? ({ ...snapshots, outbox: step(snapshots, { to: 'outbox', event: change.event })[0] } as Snapshots)
      : snapshots
  }
  return world.has.includes('chat')
    ? ({ ...snapshots, chat: step(snapshots, { to: 'chat', event: change.event })[0] } as Snapshots)
    : snapshots
}

/** The newest record about a reply says that it is being posted: proof that it was not sent, or doubt, is in no record. */
const isPosted = (journal: readonly Change[], key: ReplyKey): boolean => {
  const last = journal.findLast(({ event }) => (event.type === 'reply.posting' || event.type === 'reply.requeued') && event.key === key)
  return last?.event.type === 'reply.posting'
}

/**
 * What no record says, and a crash may therefore forget: counts, doubts, answers, that a confirmation lags. A restarted outbox is the more
 * careful one: it looks for a post where the one that ran on knew more.
 */
export const forgetful = (context: OutboxContext, journal: readonly Change[]) => ({
  chat: context.chat,
  posts: context.posts.map(({ key, attempts, postedAtMs }) => ({ key, attempts, postedAtMs, isPosted: isPosted(journal, key) })),
})
