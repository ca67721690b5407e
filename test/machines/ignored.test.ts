/**
 * XState drops an event that a state does not list, without a word. So each pair of state and event is either handled by the chart
 * or stands here, with the reason.
 */
import { describe, expect, test } from 'vitest'
import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { getStateNodes } from 'xstate/graph'
import { type AccountEvent, accountMachine } from '../../machines/account.ts'
import { type ChatEvent, chatMachine } from '../../machines/chat.ts'
import { type OutboxEvent, outboxMachine } from '../../machines/outbox.ts'
import { type PairingEvent, pairingMachine } from '../../machines/pairing.ts'
import { type SnapshotEvent, snapshotMachine } from '../../machines/snapshot.ts'
import { type WatcherEvent, watcherMachine } from '../../machines/watcher.ts'

type Region<Type extends string> = {
  /** Every event of the union: the compiler asks for each. */
  readonly events: Readonly<Record<Type, true>>
  readonly deliberatelyIgnored: Readonly<Partial<Record<Type, { readonly why: string; readonly in: readonly string[] }>>>
}
const region = <Type extends string>(one: Region<Type>): Region<Type> => one

/**
 * Each event with the leaves of the chart that drop it: neither they nor anything around them lists it. Where states lie side by side,
 * an event that is listed in one region is no matter of the others.
 */
function ignoredBy(machine: AnyStateMachine, events: readonly string[]): Record<string, readonly string[]> {
  const lists = (node: AnyStateNode | undefined, event: string): boolean =>
    node !== undefined && (node.transitions.has(event) || lists(node.parent, event))
  const listing = (nodes: readonly AnyStateNode[], event: string) => nodes.some(node => node.transitions.has(event))
  const everywhere = getStateNodes(machine)
  const isElsewhere = (leaf: AnyStateNode, event: string) =>
    machine.root.type === 'parallel' && listing(everywhere, event) && !listing(regionOf(leaf), event)
  const leaves = everywhere.filter(({ type }) => type === 'atomic')
  const dropped = events.map(
    event => [event, leaves.filter(leaf => !lists(leaf, event) && !isElsewhere(leaf, event)).map(placeOf)] as const,
  )
  return Object.fromEntries(dropped.filter(([, states]) => states.length > 0))
}

const placeOf = (node: AnyStateNode): string => node.path.join('.')

/** The side-by-side part of the chart that the leaf lies in. */
function regionOf(leaf: AnyStateNode): readonly AnyStateNode[] {
  const isTop = (node: AnyStateNode) => node.parent?.parent === undefined
  let top = leaf
  while (!isTop(top)) top = top.parent ?? top
  return [top, ...getStateNodes(top)]
}

const account = region<AccountEvent['type']>({
  events: {
    'account.start': true,
    'account.stop': true,
    'probe.passed': true,
    'probe.not-joined': true,
    'probe.failed': true,
    'probe.blocked': true,
    'join.done': true,
    'join.failed': true,
    'join.blocked': true,
    'feed.round': true,
    'feed.failed': true,
    'feed.blocked': true,
    'store.failed': true,
    'backoff.over': true,
    'account.drained': true,
    'trouble.proven': true,
    'posts.quiet': true,
    'quiesce.over': true,
    'rejoin.done': true,
    'rejoin.failed': true,
    'agent.settled': true,
    'settle.failed': true,
  },
  deliberatelyIgnored: {
    'account.drained': {
      why: 'Nobody asked it to drain.',
      in: [
        'idle',
        'connecting',
        'joining',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.quiescing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
      ],
    },
    'backoff.over': {
      why: 'The rest has been cut short.',
      in: [
        'idle',
        'connecting',
        'joining',
        'live',
        'degraded.probing',
        'healing.quiescing',
        'healing.rejoining',
        'healing.settling',
        'stopping',
      ],
    },
    'feed.failed': {
      why: 'The feed has been closed.',
      in: [
        'idle',
        'connecting',
        'joining',
        'degraded.resting',
        'degraded.probing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'feed.blocked': {
      why: 'The feed has been closed.',
      in: [
        'idle',
        'connecting',
        'joining',
        'degraded.resting',
        'degraded.probing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'feed.round': {
      why: 'The feed has been closed; what it saw is found when the account is live again.',
      in: [
        'idle',
        'connecting',
        'joining',
        'degraded.resting',
        'degraded.probing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'join.blocked': {
      why: 'It is not joining.',
      in: [
        'idle',
        'connecting',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.quiescing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'join.done': {
      why: 'It is not joining; the next look tells where it stands.',
      in: [
        'idle',
        'connecting',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.quiescing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'join.failed': {
      why: 'It is not joining.',
      in: [
        'idle',
        'connecting',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.quiescing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'probe.blocked': {
      why: 'The answer to a look that is not waited for any more.',
      in: [
        'idle',
        'joining',
        'live',
        'degraded.resting',
        'healing.quiescing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'probe.failed': {
      why: 'The answer to a look that is not waited for any more.',
      in: [
        'idle',
        'joining',
        'live',
        'degraded.resting',
        'healing.quiescing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'probe.not-joined': {
      why: 'The answer to a look that is not waited for any more.',
      in: [
        'idle',
        'joining',
        'live',
        'degraded.resting',
        'healing.quiescing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'probe.passed': {
      why: 'The answer to a look that is not waited for any more.',
      in: [
        'idle',
        'joining',
        'live',
        'degraded.resting',
        'healing.quiescing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'store.failed': {
      why: 'It is not live: there is nothing to interrupt.',
      in: ['idle', 'connecting', 'joining', 'degraded.resting', 'degraded.probing', 'blocked', 'stopping'],
    },
    'account.start': {
      why: 'It has been started, and is never started anew.',
      in: [
        'connecting',
        'joining',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.quiescing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'trouble.proven': {
      why: 'Nothing is to be healed where nothing runs, and what is being healed is not healed twice.',
      in: ['idle', 'connecting', 'joining', 'healing.quiescing', 'healing.rejoining', 'healing.settling', 'blocked', 'stopping'],
    },
    'posts.quiet': {
      why: 'Posts are not waited for.',
      in: [
        'idle',
        'connecting',
        'joining',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'quiesce.over': {
      why: 'Posts are not waited for any more.',
      in: [
        'idle',
        'connecting',
        'joining',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.rejoining',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'rejoin.done': {
      why: 'It is not joining again.',
      in: [
        'idle',
        'connecting',
        'joining',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.quiescing',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'rejoin.failed': {
      why: 'It is not joining again.',
      in: [
        'idle',
        'connecting',
        'joining',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.quiescing',
        'healing.settling',
        'blocked',
        'stopping',
      ],
    },
    'agent.settled': {
      why: 'It is not settling.',
      in: [
        'idle',
        'connecting',
        'joining',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.quiescing',
        'healing.rejoining',
        'blocked',
        'stopping',
      ],
    },
    'settle.failed': {
      why: 'It is not settling.',
      in: [
        'idle',
        'connecting',
        'joining',
        'live',
        'degraded.resting',
        'degraded.probing',
        'healing.quiescing',
        'healing.rejoining',
        'blocked',
        'stopping',
      ],
    },
  },
})
const watcher = region<WatcherEvent['type']>({
  events: { 'chat.changed': true, 'fetch.done': true, 'fetch.failed': true, 'backoff.over': true },
  deliberatelyIgnored: {
    'backoff.over': { why: 'No rest is under way.', in: ['idle', 'fetching'] },
    'fetch.done': { why: 'No fetch is under way.', in: ['idle', 'backing off'] },
    'fetch.failed': { why: 'No fetch is under way.', in: ['idle', 'backing off'] },
  },
})
const snapshot = region<SnapshotEvent['type']>({
  events: {
    'load.done': true,
    'load.failed': true,
    'records.waiting': true,
    'flush.done': true,
    'flush.failed': true,
    'backoff.over': true,
    'fold.done': true,
    'fold.failed': true,
  },
  deliberatelyIgnored: {
    'backoff.over': { why: 'No rest is under way.', in: ['journal.loading', 'journal.ready', 'journal.flushing'] },
    'flush.done': {
      why: 'No flush is under way, or no second fold may start beside the first.',
      in: ['journal.loading', 'journal.ready', 'journal.failed', 'snapshots.folding'],
    },
    'flush.failed': { why: 'No flush is under way.', in: ['journal.loading', 'journal.ready', 'journal.failed'] },
    'records.waiting': { why: 'Nothing is decided before the journal is loaded.', in: ['journal.loading'] },
    'load.done': { why: 'It is loaded once.', in: ['journal.ready', 'journal.flushing', 'journal.failed'] },
    'load.failed': { why: 'It is loaded once.', in: ['journal.ready', 'journal.flushing', 'journal.failed'] },
    'fold.done': { why: 'No fold is under way.', in: ['snapshots.resting'] },
    'fold.failed': { why: 'No fold is under way.', in: ['snapshots.resting'] },
  },
})
const EVERYWHERE_IN_CHAT = [
  'door.deciding',
  'door.awaiting pairing',
  'turn.idle',
  'turn.reclaiming',
  'turn.answering.dispatching',
  'turn.answering.committing',
  'turn.answering.backing off',
  'errand.idle',
  'errand.under way.dispatching',
  'errand.under way.committing',
]
const chat = region<ChatEvent['type']>({
  events: {
    'message.received': true,
    'dispatch.adopted': true,
    'dispatch.answered': true,
    'dispatch.failed': true,
    'dispatch.over': true,
    'custody.told': true,
    'backoff.over': true,
    'host.resumed': true,
    'chat.opened': true,
    'chat.unread': true,
    'chat.read': true,
    'message.accepted': true,
    'message.held': true,
    'message.ignored': true,
    'message.released': true,
    'message.dropped': true,
    'message.revived': true,
    'message.discarded': true,
    'turn.adopted': true,
    'turn.answered': true,
    'turn.lost': true,
    'turn.failed': true,
    'turn.abandoned': true,
  },
  deliberatelyIgnored: {
    'chat.opened': {
      why: 'Kept beside the chart.',
      in: EVERYWHERE_IN_CHAT,
    },
    'chat.unread': {
      why: 'Kept beside the chart.',
      in: EVERYWHERE_IN_CHAT,
    },
    'chat.read': {
      why: 'Kept beside the chart.',
      in: EVERYWHERE_IN_CHAT,
    },
    'host.resumed': { why: 'Nothing is waited for.', in: ['door.deciding', 'errand.idle'] },
    'message.discarded': {
      why: 'Kept beside the chart.',
      in: EVERYWHERE_IN_CHAT,
    },
    'message.ignored': {
      why: 'Kept beside the chart, for explain.',
      in: EVERYWHERE_IN_CHAT,
    },
    'backoff.over': {
      why: 'No rest is under way.',
      in: ['turn.idle', 'turn.reclaiming', 'turn.answering.dispatching', 'turn.answering.committing'],
    },
    'dispatch.adopted': {
      why: 'The attempt has had its outcome, or was given up.',
      in: [
        'turn.idle',
        'turn.reclaiming',
        'turn.answering.committing',
        'turn.answering.backing off',
        'errand.idle',
        'errand.under way.committing',
      ],
    },
    'dispatch.answered': {
      why: 'The attempt has had its outcome, or was given up.',
      in: [
        'turn.idle',
        'turn.reclaiming',
        'turn.answering.committing',
        'turn.answering.backing off',
        'errand.idle',
        'errand.under way.committing',
      ],
    },
    'dispatch.failed': {
      why: 'The attempt has had its outcome, or was given up.',
      in: [
        'turn.idle',
        'turn.reclaiming',
        'turn.answering.committing',
        'turn.answering.backing off',
        'errand.idle',
        'errand.under way.committing',
      ],
    },
    'turn.failed': { why: 'Only whoever is being answered can have an outcome.', in: ['turn.idle', 'turn.reclaiming', 'errand.idle'] },
    'custody.told': {
      why: 'It has not been asked for, or was told.',
      in: ['turn.idle', 'turn.answering.dispatching', 'turn.answering.committing', 'turn.answering.backing off'],
    },
  },
})
const pairing = region<PairingEvent['type']>({
  events: {
    'ticket.issued': true,
    'ticket.refused': true,
    'ticket.failed': true,
    'stranger.wrote': true,
    'pairing.approve': true,
    'pairing.reject': true,
    'deadline.reached': true,
    'backoff.over': true,
    'host.resumed': true,
    'pairing.opened': true,
    'pairing.reminded': true,
    'pairing.approved': true,
    'pairing.rejected': true,
    'pairing.expired': true,
    'pairing.refused': true,
  },
  deliberatelyIgnored: {
    'backoff.over': {
      why: 'No rest is under way.',
      in: ['asking.requesting', 'asking.recording', 'pending.open', 'pending.reminding', 'pending.ending'],
    },
    'deadline.reached': {
      why: 'There is no date before there is a code.',
      in: ['asking.requesting', 'asking.recording', 'asking.backing off'],
    },
    'pairing.approve': {
      why: 'A code is on its way to the disk; whoever keeps the approvals, and the config, are asked again.',
      in: ['asking.recording'],
    },
    'pairing.expired': { why: 'It follows the code only.', in: ['asking.requesting', 'asking.recording', 'asking.backing off'] },
    'pairing.reject': {
      why: 'There is nothing to reject before there is a code.',
      in: ['asking.requesting', 'asking.recording', 'asking.backing off'],
    },
    'pairing.rejected': { why: 'It follows the code only.', in: ['asking.requesting', 'asking.recording', 'asking.backing off'] },
    'pairing.reminded': { why: 'It follows the code only.', in: ['asking.requesting', 'asking.recording', 'asking.backing off'] },
    'ticket.failed': {
      why: 'A code has been given, or is asked for anew soon.',
      in: ['asking.recording', 'asking.backing off', 'pending.open', 'pending.reminding', 'pending.ending'],
    },
    'ticket.issued': {
      why: 'A code has been given, or is asked for anew soon.',
      in: ['asking.recording', 'asking.backing off', 'pending.open', 'pending.reminding', 'pending.ending'],
    },
    'ticket.refused': {
      why: 'A code has been given, or is asked for anew soon.',
      in: ['asking.recording', 'asking.backing off', 'pending.open', 'pending.reminding', 'pending.ending'],
    },
    'pairing.opened': { why: 'There is one code.', in: ['pending.open', 'pending.reminding', 'pending.ending'] },
    'pairing.refused': { why: 'It is refused before there is a code only.', in: ['pending.open', 'pending.reminding', 'pending.ending'] },
  },
})
const outbox = region<OutboxEvent['type']>({
  events: {
    'slot.granted': true,
    'post.accepted': true,
    'post.unknown': true,
    'post.not-sent': true,
    'post.refused': true,
    'backoff.over': true,
    'lag.over': true,
    'agent.lost': true,
    'look.due': true,
    'reply.seen': true,
    'ledger.absent': true,
    'ledger.failed': true,
    'unchecked.absent': true,
    'unchecked.unknown': true,
    'host.resumed': true,
    'reply.queued': true,
    'reply.posting': true,
    'reply.sent': true,
    'reply.requeued': true,
    'reply.failed': true,
    'reply.revived': true,
    'reply.discarded': true,
  },
  deliberatelyIgnored: {
    'backoff.over': {
      why: 'The rest has been cut short.',
      in: ['sending.resting', 'sending.checking ledger', 'sending.waiting', 'sending.committing', 'sending.posting'],
    },
    'host.resumed': { why: 'Nothing is waited for; a lag has begun anew with the next post.', in: ['sending.resting'] },
    'post.accepted': {
      why: 'The reply is looked for, whatever its post brings now.',
      in: ['sending.resting', 'sending.checking ledger', 'sending.waiting', 'sending.committing', 'sending.backing off'],
    },
    'post.not-sent': {
      why: 'The reply is looked for, whatever its post brings now.',
      in: ['sending.resting', 'sending.checking ledger', 'sending.waiting', 'sending.committing', 'sending.backing off'],
    },
    'post.refused': {
      why: 'The reply is looked for, whatever its post brings now.',
      in: ['sending.resting', 'sending.checking ledger', 'sending.waiting', 'sending.committing', 'sending.backing off'],
    },
    'post.unknown': {
      why: 'The reply is looked for, whatever its post brings now.',
      in: ['sending.resting', 'sending.checking ledger', 'sending.waiting', 'sending.committing', 'sending.backing off'],
    },
    'reply.discarded': {
      why: 'Kept beside the chart.',
      in: [
        'sending.resting',
        'sending.checking ledger',
        'sending.waiting',
        'sending.committing',
        'sending.posting',
        'sending.backing off',
        'confirming.quiet',
        'confirming.watching',
        'confirming.checking',
        'confirming.committing',
      ],
    },
    'slot.granted': {
      why: 'No slot is waited for; the poster asks before it grants.',
      in: ['sending.resting', 'sending.checking ledger', 'sending.committing', 'sending.posting', 'sending.backing off'],
    },
    'lag.over': {
      why: 'The next one goes out already, or the post of this one is not made any more.',
      in: ['sending.checking ledger', 'sending.waiting', 'sending.committing', 'sending.posting', 'sending.backing off'],
    },
    'ledger.absent': {
      why: 'No look into our own files is under way.',
      in: ['confirming.quiet', 'confirming.watching', 'confirming.committing'],
    },
    'ledger.failed': {
      why: 'No look into our own files is under way.',
      in: ['confirming.quiet', 'confirming.watching', 'confirming.committing'],
    },
    'unchecked.absent': {
      why: 'Nothing that was queued before this process is looked for.',
      in: ['sending.resting', 'sending.waiting', 'sending.committing', 'sending.posting', 'sending.backing off'],
    },
    'unchecked.unknown': {
      why: 'Nothing that was queued before this process is looked for.',
      in: ['sending.resting', 'sending.waiting', 'sending.committing', 'sending.posting', 'sending.backing off'],
    },
    'look.due': {
      why: 'A look is under way, or there is nothing to look for.',
      in: ['confirming.quiet', 'confirming.checking', 'confirming.committing'],
    },
    'reply.requeued': {
      why: 'The conditions of this region follow what is kept, without the record.',
      in: ['confirming.quiet', 'confirming.watching', 'confirming.checking'],
    },
    'reply.sent': {
      why: 'The conditions of this region follow what is kept, without the record.',
      in: ['confirming.quiet', 'confirming.watching'],
    },
  },
})

describe('every event is handled in every state, or deliberately ignored', () => {
  test.each<readonly [string, AnyStateMachine, Region<string>]>([
    ['account', accountMachine, account],
    ['watcher', watcherMachine, watcher],
    ['snapshot', snapshotMachine, snapshot],
    ['chat', chatMachine, chat],
    ['pairing', pairingMachine, pairing],
    ['outbox', outboxMachine, outbox],
  ])('%s', (_, machine, { events, deliberatelyIgnored }) => {
    const written = Object.entries(deliberatelyIgnored).map(([event, row]) => [event, row?.in])

    expect(ignoredBy(machine, Object.keys(events))).toEqual(Object.fromEntries(written))
  })
})
