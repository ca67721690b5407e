/**
 * Steps a chart through events without an actor: state in, state and effects out, all of it data. Remembers which transitions
 * were taken, and refuses anything that would not survive a journal.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  type AnyTransitionDefinition,
  type ContextFrom,
  type EventFromLogic,
  getInitialMicrosteps,
  getMicrosteps,
  type InputFrom,
  type SnapshotFrom,
  type StateValue,
} from 'xstate'
import { getStateNodes } from 'xstate/graph'
import { evaluateGuard } from 'xstate/guards'

export type Effect = { type: string; params: unknown }

/** Where a chart stands, and what its last step asked for. */
export type Stage<Machine extends AnyStateMachine> = { value: StateValue; context: ContextFrom<Machine>; effects: readonly Effect[] }

export interface Chart<Machine extends AnyStateMachine> {
  readonly machine: Machine
  /** Every transition that was taken so far. */
  readonly taken: ReadonlySet<AnyTransitionDefinition>
  first(): [SnapshotFrom<Machine>, readonly Effect[]]
  step(before: SnapshotFrom<Machine>, event: EventFromLogic<Machine>): [SnapshotFrom<Machine>, readonly Effect[]]
  /** The stage after these events, with the effects of the last one alone. */
  after(...events: readonly EventFromLogic<Machine>[]): Stage<Machine>
  /** The snapshot of a state that was put away as JSON. */
  restore(put: { value: StateValue; context: ContextFrom<Machine> }): SnapshotFrom<Machine>
}

export const survivesJson = (value: unknown): boolean => isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value)

export function chartOf<Machine extends AnyStateMachine>(machine: Machine, ...[input]: OptionalInput<Machine>): Chart<Machine> {
  const taken = new Set<AnyTransitionDefinition>()

  /** XState tells which transitions an event selects; the eventless ones that follow are selected here by the same rule. */
  const noteTaken = (before: AnyMachineSnapshot | null, event: { type: string }, after: readonly AnyMachineSnapshot[]) => {
    if (before) for (const definition of machine.getTransitionData(before, event)) taken.add(definition)
    for (const [index, snapshot] of after.entries()) {
      if (index < after.length - 1) for (const definition of eventless(snapshot, event)) taken.add(definition)
    }
  }

  const finish = (
    before: AnyMachineSnapshot | null,
    event: { type: string },
    microsteps: readonly [AnyMachineSnapshot, readonly Executable[]][],
  ): [SnapshotFrom<Machine>, readonly Effect[]] => {
    noteTaken(
      before,
      event,
      microsteps.map(([snapshot]) => snapshot),
    )
    const after = microsteps.at(-1)?.[0] ?? before
    const effects = microsteps.flatMap(([, actions]) => actions.map(asEffect))
    const kept = { value: after?.value, context: after?.context, effects }
    if (!survivesJson(kept)) throw new Error(`After ${event.type} the chart ${machine.id} holds what JSON loses: ${JSON.stringify(kept)}`)
    return [after as SnapshotFrom<Machine>, effects]
  }

  const first = () => finish(null, { type: 'xstate.init' }, getInitialMicrosteps(machine, ...([input] as OptionalInput<Machine>)))
  const step = (before: SnapshotFrom<Machine>, event: EventFromLogic<Machine>) =>
    (before as AnyMachineSnapshot).status === 'active'
      ? finish(before as AnyMachineSnapshot, event, getMicrosteps(machine, before, event))
      : finish(before as AnyMachineSnapshot, event, [])

  return {
    machine,
    taken,
    first,
    step,
    after(...events) {
      let [snapshot, effects] = first()
      for (const event of events) [snapshot, effects] = step(snapshot, event)
      const { value, context } = snapshot as AnyMachineSnapshot
      return { value, context: context as ContextFrom<Machine>, effects }
    },
    restore: put => machine.resolveState({ ...put, status: isFinal(machine, put.value) ? 'done' : 'active' }) as SnapshotFrom<Machine>,
  }
}

/** Every transition of a chart, each once, in the order of the file. */
export const transitionsOf = (machine: AnyStateMachine): readonly AnyTransitionDefinition[] =>
  [machine.root, ...getStateNodes(machine)].flatMap((node: AnyStateNode) => [
    ...(node.always ?? []),
    ...[...node.transitions.values()].flat(),
  ])

/** `turn.idle — always [hasWaiting] → turn.answering` */
export function inWords({ source, eventType, guard, target }: AnyTransitionDefinition): string {
  const condition = guard ? ` [${typeof guard === 'string' ? guard : 'type' in guard ? guard.type : 'inline'}]` : ''
  return `${place(source)} — ${eventType === '' ? 'always' : eventType}${condition} → ${target ? target.map(place).join(' and ') : 'stays'}`
}

/** The transitions that nothing has taken yet, in words. */
export const untaken = (chart: { machine: AnyStateMachine; taken: ReadonlySet<AnyTransitionDefinition> }): readonly string[] =>
  transitionsOf(chart.machine)
    .filter(definition => !chart.taken.has(definition))
    .map(inWords)

type OptionalInput<Machine extends AnyStateMachine> =
  undefined extends InputFrom<Machine> ? [input?: InputFrom<Machine>] : [input: InputFrom<Machine>]
type Executable = { type: string; params: unknown }

const place = (node: AnyStateNode): string => node.path.join('.') || 'anywhere'

function asEffect({ type, params }: Executable): Effect {
  // An invoked actor: which it is and what it gets; the reference is the host's business.
  if (type === 'xstate.spawnChild') {
    const { src, input } = params as { src: string; input: unknown }
    return { type, params: { src, input } }
  }
  if (type === 'xstate.stopChild') return { type, params: { src: (params as { src: string }).src } }
  return { type, params }
}

function eventless(snapshot: AnyMachineSnapshot, event: { type: string }): readonly AnyTransitionDefinition[] {
  return snapshot._nodes.flatMap(
    node => node.always?.find(({ guard }) => guard === undefined || evaluateGuard(guard, snapshot.context, event, snapshot)) ?? [],
  )
}

const isFinal = (machine: AnyStateMachine, value: StateValue): boolean =>
  typeof value === 'string' && machine.states[value]?.type === 'final'
