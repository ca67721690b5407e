/**
 * The tests beside this one each demand that their sentences take every transition of their chart. Here the same is demanded of paths
 * that nobody wrote down: what no path can take is dead, or needs a host that the simulated one is not.
 */
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { type AnyStateMachine, type EventFromLogic, type InputFrom, transition } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { type AccountEvent, accountMachine } from '../../machines/account.ts'
import { type SnapshotEvent, snapshotMachine } from '../../machines/snapshot.ts'
import { type WatcherEvent, watcherMachine } from '../../machines/watcher.ts'
import { advance, charts, movesOf, type Name, type World } from './conversation.ts'
import { afterCrash, fold } from './crash.ts'
import { type Chart, chartOf, transitionsOf, untaken } from './kit.ts'
import { pathsOf } from './paths.ts'
import { choices, live } from './runs.ts'
import { alice } from './words.ts'

const RUNS = 100
/** Many small steps on a machine that others use, too. */
const PATIENCE_MS = 60_000
const table: { chart: string; transitions: number; taken: number }[] = []

function expectAllTaken(chart: { machine: AnyStateMachine; taken: Chart<AnyStateMachine>['taken'] }) {
  const all = transitionsOf(chart.machine).length
  table.push({ chart: chart.machine.id, transitions: all, taken: all - untaken(chart).length })

  expect(untaken(chart)).toEqual([])
}

afterAll(() => console.table(table))

/** Chance adds the dead letters that are revived: they would make the graph too large. */
test.each<readonly [Name]>([['chat'], ['outbox'], ['pairing']])(
  'paths, with a restart in each state, take every transition of the %s chart',
  { timeout: PATIENCE_MS },
  name => {
    const states = new Map(pathsOf(name).map(({ worlds }) => [JSON.stringify(worlds.at(-1)!.snapshots[name]?.value), worlds.at(-1)!]))
    for (const world of states.values()) {
      const restarted = afterCrash(world, fold(world))
      const further = (from: World) => movesOf(from, { arrivals: 0, revives: false }).map(move => advance(from, move))
      for (const next of further(restarted)) further(next)
      afterCrash(restarted, fold(restarted))
    }
    // Only a damaged journal has these.
    if (name === 'chat') {
      for (const type of ['turn.adopted', 'turn.answered'] as const) charts.chat.step(charts.chat.first()[0], { type, id: 'lost' })
      charts.chat.step(charts.chat.first()[0], { type: 'turn.adopted', id: 'lost', custody: true })
      charts.chat.step(charts.chat.first()[0], { type: 'turn.abandoned', id: 'lost', reason: 'it crashed' })
    }
    for (const numbers of fc.sample(choices, { numRuns: RUNS, seed: 70_412 })) live([name], numbers)

    expectAllTaken(charts[name])
  },
)

/** Every state of a chart whose counts stay small, and every event in each. */
function walk<Machine extends AnyStateMachine>(
  chart: Chart<Machine>,
  events: readonly EventFromLogic<Machine>[],
  options: { input?: InputFrom<Machine> },
) {
  const ends = getShortestPaths(chart.machine, {
    ...options,
    events: snapshot => ((snapshot as { context: { failures: number } }).context.failures > 1 ? [] : events),
  })
  for (const { steps } of ends) {
    let [snapshot] = chart.first()
    for (const { event } of steps.slice(1)) [snapshot] = chart.step(snapshot, event)
    for (const event of events) chart.step(snapshot, event)
  }
}

test('the account chart has no transition that no path takes', () => {
  const account = chartOf(accountMachine, { account: 'home' })
  const reason = 'it is away'
  const events: readonly AccountEvent[] = [
    { type: 'account.start' },
    { type: 'account.stop' },
    { type: 'probe.passed' },
    { type: 'probe.not-joined' },
    { type: 'probe.failed', reason },
    { type: 'probe.blocked', reason },
    { type: 'join.done' },
    { type: 'join.failed', reason },
    { type: 'join.blocked', reason },
    { type: 'feed.round', changed: [alice] },
    { type: 'feed.round', changed: [] },
    { type: 'feed.failed', reason },
    { type: 'feed.blocked', reason },
    { type: 'store.failed', reason },
    { type: 'backoff.over' },
    { type: 'trouble.proven', reason, selfHeal: true, sinceHealMs: null, restMs: 600_000 },
    { type: 'trouble.proven', reason, selfHeal: false, sinceHealMs: null, restMs: 600_000 },
    { type: 'posts.quiet' },
    { type: 'quiesce.over' },
    { type: 'rejoin.done' },
    { type: 'rejoin.failed', reason },
    { type: 'agent.settled' },
    { type: 'settle.failed', reason },
    { type: 'account.drained' },
  ]

  walk(account, events, { input: { account: 'home' } })

  expectAllTaken(account)
})

test('the watcher chart has no transition that no path takes', () => {
  const watcher = chartOf(watcherMachine, { chat: alice })
  const events: readonly WatcherEvent[] = [
    { type: 'chat.changed' },
    { type: 'fetch.done' },
    { type: 'fetch.failed', retryable: true, reason: 'it is away' },
    { type: 'fetch.failed', retryable: false, reason: 'it is gone' },
    { type: 'backoff.over' },
  ]

  walk(watcher, events, { input: { chat: alice } })

  expectAllTaken(watcher)
})

test('the snapshot chart has no transition that no path takes', () => {
  const snapshot = chartOf(snapshotMachine)
  const flushed = [true, false].flatMap(waiting => [true, false].map(foldDue => ({ type: 'flush.done', waiting, foldDue }) as const))
  const events: readonly SnapshotEvent[] = [
    { type: 'load.done' },
    { type: 'load.failed', reason: 'it is locked' },
    { type: 'records.waiting' },
    ...flushed,
    { type: 'flush.failed', reason: 'it is full' },
    { type: 'backoff.over' },
    { type: 'fold.done' },
    { type: 'fold.failed', reason: 'it is full' },
  ]

  walk(snapshot, events, {})

  expectAllTaken(snapshot)
})

test('the kit steps as XState does', () => {
  const watcher = chartOf(watcherMachine, { chat: alice })
  const [idle] = watcher.first()

  const [mine, effects] = watcher.step(idle, { type: 'chat.changed' })
  const [theirs, actions] = transition(watcherMachine, idle, { type: 'chat.changed' })

  expect({ value: mine.value, context: mine.context, effects }).toEqual({
    value: theirs.value,
    context: theirs.context,
    effects: actions.map(({ type, params }) => ({ type, params })),
  })
})
