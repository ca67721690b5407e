/**
 * The root of an account's actor system: parent of all its charts. Children are made with it as parent and not by a chart's
 * `spawn`, since one machine with thousands of children pays for each with a copy of all.
 */
import { type ActorRef, type AnyActorRef, createActor, fromTransition, type Snapshot } from 'xstate'

/** Beside `child.stop` it gets what XState itself tells a parent: `xstate.done.actor.ID` and `xstate.error.actor.ID`. */
type NurseryEvent = { type: 'child.stop'; child: AnyActorRef } | { type: `xstate.error.actor.${string}`; actorId: string; error: unknown }

export interface Nursery {
  readonly ref: ActorRef<Snapshot<unknown>, NurseryEvent>
  stopChild(child: AnyActorRef): void
  stop(): void
}

/** `onFailed` hears of every chart that threw; no failure reaches another chart. */
export function createNursery(id: string, onFailed: (actorId: string, error: unknown) => void): Nursery {
  const ref = createActor(
    fromTransition((state: null, event: NurseryEvent, { stopChild }) => {
      if (event.type === 'child.stop') stopChild(event.child)
      else if (event.type.startsWith('xstate.error.actor.')) onFailed(event.actorId, event.error)
      return state
    }, null),
    { id },
  )
  ref.start()
  return { ref, stopChild: child => ref.send({ type: 'child.stop', child }), stop: () => void ref.stop() }
}
