/**
 * The actors of one chart, by key: made when an event comes, taken off when they rest. What they are while off the shelf
 * stays with the caller as plain JSON.
 */
import {
  type Actor,
  type ActorScope,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type EventFromLogic,
  type InputFrom,
  initialTransition,
  type Snapshot,
  type SnapshotFrom,
} from 'xstate'
import type { Nursery } from './nursery.ts'

export type ShelfOptions<Key extends string, Logic extends AnyStateMachine> = {
  readonly kind: string
  readonly logic: Logic
  readonly nursery: Nursery
  readonly input: (key: Key) => InputFrom<Logic>
  /** The state it had when it was put away; null = as new. */
  readonly load: (key: Key) => Snapshot<unknown> | null
  /** Nothing to do: as good as new. */
  readonly rests: (snapshot: SnapshotFrom<Logic>) => boolean
}

/** The first state of each logic: its key is in what is kept. */
const freshOf = new WeakMap<AnyStateMachine, AnyMachineSnapshot>()

type AnyScope = ActorScope<AnyMachineSnapshot, AnyEventObject>

export interface Shelf<Key extends string, Logic extends AnyStateMachine> {
  tell(key: Key, event: EventFromLogic<Logic>): void
  /** Makes it run without an event: a new one enters its first state. */
  start(key: Key): void
  /** The state of a running actor; null when none runs. */
  peek(key: Key): SnapshotFrom<Logic> | null
  running(): Iterable<Key>
  size(): number
  /** The state as JSON: null when it rests, undefined when it does not run. */
  persisted(key: Key): Snapshot<unknown> | null | undefined
  /** One silent step: no effect is carried out. */
  replay(key: Key, event: EventFromLogic<Logic>): void
  /** Makes what was replayed, or loaded, run: restoring is not entering, so each is told to ask for its effects again. */
  resume(key: Key, event: EventFromLogic<Logic>): void
  /** Takes resting actors off; `put` gets their keys. */
  sweep(put: (key: Key) => void): void
  /** Puts a failed actor back to where it was; its caller tells it to resume. */
  recover(key: Key): void
  remove(key: Key): void
  stop(): void
}

export function createShelf<Key extends string, Logic extends AnyStateMachine>(options: ShelfOptions<Key, Logic>): Shelf<Key, Logic> {
  const { logic, nursery } = options
  const actors = new Map<Key, Actor<Logic>>()
  const put = new Map<Key, SnapshotFrom<Logic>>()

  /** A snapshot of an earlier version may lack a region or a field of the context: there it begins as new. */
  const completed = (key: Key, snapshot: Snapshot<unknown>): Snapshot<unknown> => {
    if (!('context' in snapshot && 'value' in snapshot)) return snapshot
    const fresh = freshOf.get(logic) ?? initialTransition<AnyStateMachine>(logic, options.input(key))[0]
    freshOf.set(logic, fresh)
    return Object.assign({}, snapshot, {
      context: Object.assign({}, fresh.context, snapshot.context),
      value: logic.root.type === 'parallel' ? Object.assign({}, fresh.value, snapshot.value) : snapshot.value,
    })
  }

  const make = (key: Key, snapshot: Snapshot<unknown> | null): Actor<Logic> =>
    createActor<AnyStateMachine>(logic, {
      id: `${options.kind}:${key}`,
      parent: nursery.ref,
      input: options.input(key),
      ...(snapshot ? { snapshot: completed(key, snapshot) } : {}),
    }) as Actor<Logic>

  let scope: AnyScope | null = null
  /** Carries nothing out. The library's `transition` makes an actor of its own for each step, which would be most of a replay's work. */
  const inert = (key: Key): AnyScope => {
    if (scope) return scope
    const self = createActor<AnyStateMachine>(logic, { input: options.input(key) })
    const nothing = () => {}
    const { id, sessionId, system } = self
    scope = { self, id, sessionId, system, logger: nothing, defer: nothing, emit: nothing, stopChild: nothing, actionExecutor: nothing }
    return scope
  }
  const stored = (key: Key): AnyMachineSnapshot => {
    const loaded = options.load(key)
    return loaded ? logic.restoreSnapshot(completed(key, loaded), inert(key)) : logic.getInitialSnapshot(inert(key), options.input(key))
  }

  const isFailed = (actor: Actor<Logic> | undefined) => (actor?.getSnapshot() as Snapshot<unknown> | undefined)?.status === 'error'
  const persist = (snapshot: SnapshotFrom<Logic>): Snapshot<unknown> => logic.getPersistedSnapshot(snapshot)

  const actorOf = (key: Key): Actor<Logic> => {
    const running = actors.get(key)
    if (running) return running
    const replayed = put.get(key)
    put.delete(key)
    const actor = make(key, replayed ? persist(replayed) : options.load(key))
    actors.set(key, actor)
    actor.start()
    return actor
  }

  return {
    tell(key, event) {
      // A failed actor would drop it.
      if (isFailed(actors.get(key))) this.recover(key)
      actorOf(key).send(event)
    },
    start: key => void actorOf(key),
    peek: key => actors.get(key)?.getSnapshot() ?? null,
    running: () => actors.keys(),
    size: () => actors.size,
    persisted(key) {
      const snapshot: SnapshotFrom<Logic> | undefined = actors.get(key)?.getSnapshot() ?? put.get(key)
      if (snapshot === undefined) return undefined
      return options.rests(snapshot) ? null : persist(snapshot)
    },
    replay(key, event) {
      const after = logic.transition(put.get(key) ?? stored(key), event, inert(key))
      put.set(key, after as SnapshotFrom<Logic>)
    },
    resume(key, event) {
      const replayed = put.get(key)
      const waits = replayed ? !options.rests(replayed) : options.load(key) !== null
      if (waits) actorOf(key).send(event)
    },
    sweep(rested) {
      for (const [key, actor] of actors) {
        if (!options.rests(actor.getSnapshot())) continue
        rested(key)
        nursery.stopChild(actor)
        actors.delete(key)
      }
    },
    recover(key) {
      const failed = actors.get(key)
      if (!failed) return
      actors.delete(key)
      const snapshot = { ...persist(failed.getSnapshot()), status: 'active' as const, error: undefined }
      const actor = make(key, snapshot as Snapshot<unknown>)
      actors.set(key, actor)
      actor.start()
    },
    remove(key) {
      const actor = actors.get(key)
      if (actor) nursery.stopChild(actor)
      actors.delete(key)
      put.delete(key)
    },
    stop() {
      for (const actor of actors.values()) nursery.stopChild(actor)
      actors.clear()
      put.clear()
    },
  }
}
