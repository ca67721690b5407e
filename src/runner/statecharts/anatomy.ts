/** What a drawing shows of a chart: its states and arrows in words, whatever form they are drawn in. */
import type { AnyStateNode, AnyTransitionDefinition } from 'xstate'

export const childrenOf = (node: AnyStateNode): readonly AnyStateNode[] => Object.values(node.states)
export const targetsOf = ({ target }: AnyTransitionDefinition): readonly AnyStateNode[] => target ?? []
export const isWithin = (node: AnyStateNode, box: AnyStateNode): boolean => node.id === box.id || node.id.startsWith(`${box.id}.`)

/** Whatever leads on from a state, in the order in which it is tried. */
export function transitionsOf(node: AnyStateNode): readonly AnyTransitionDefinition[] {
  return [...(node.always ?? []), ...[...node.transitions.values()].flat()]
}

/** What a state does by being entered, left or active. */
export function deedsOf(node: AnyStateNode): readonly string[] {
  return [
    ...node.entry.map(action => `entry / ${nameOf(action)}`),
    ...node.exit.map(action => `exit / ${nameOf(action)}`),
    ...node.invoke.map(({ src }) => `runs ${typeof src === 'string' ? src : 'an actor'}`),
  ]
}

export type Wording = {
  readonly event: string
  readonly guard: string | null
  readonly actions: readonly string[]
  readonly why: string | null
}

export const wordingOf = ({ eventType, guard, actions, description }: AnyTransitionDefinition): Wording => ({
  event: eventType === '' ? 'always' : eventType,
  guard: guard ? nameOf(guard) : null,
  actions: actions.map(nameOf),
  why: description?.replace(/\.$/, '') ?? null,
})

export function nameOf(part: unknown): string {
  if (typeof part === 'string') return part
  if (typeof part === 'object' && part !== null && 'type' in part) return String(part.type)
  return typeof part === 'function' && part.name ? part.name : 'inline'
}
