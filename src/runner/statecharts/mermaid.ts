/** A chart as a Mermaid state diagram: guards on the arrows, effects in the states. */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import { childrenOf, deedsOf, isWithin, targetsOf, transitionsOf, wordingOf } from './anatomy.ts'

const INDENT = '  '

export function mermaid(machine: AnyStateMachine): string {
  const { root } = machine
  // Regions side by side need a box around them.
  const drawn = root.type === 'parallel' ? state(root, INDENT) : inside(root, INDENT)
  const lines = ['stateDiagram-v2', `${INDENT}%% Drawn from machines/${root.key}.ts; do not edit.`, ...drawn]
  return `${lines.join('\n')}\n`
}

/** The states in a state, and the arrows that stay in it. */
function inside(parent: AnyStateNode, indent: string): readonly string[] {
  const children = childrenOf(parent)
  if (parent.type === 'parallel') {
    return [
      ...children.flatMap((region, index) => [...(index > 0 ? [`${indent}--`] : []), ...state(region, indent)]),
      ...inherited(parent, indent),
    ]
  }
  const first = parent.initial.target?.[0]
  return [
    ...(first ? [`${indent}[*] --> ${idOf(first)}`] : []),
    ...children.flatMap(child => state(child, indent)),
    ...children.flatMap(child => arrows(child, parent, indent)),
    ...inherited(parent, indent),
  ]
}

function state(node: AnyStateNode, indent: string): readonly string[] {
  const id = idOf(node)
  const name = `${indent}state "${safe(node.key)}" as ${id}`
  const does = deedsOf(node)
  if (childrenOf(node).length > 0) {
    // A box has a title only.
    const title = does.length > 0 ? `${indent}state "${safe([node.key, ...does].join(', '))}" as ${id}` : name
    return [`${title} {`, ...inside(node, indent + INDENT), `${indent}}`]
  }
  const stays = transitionsOf(node)
    .filter(({ target }) => !target)
    .map(label)
  const end = node.type === 'final' ? [`${indent}${id} --> [*]`] : []
  return [name, ...[...does, ...stays].map(text => `${indent}${id} : ${safe(text)}`), ...end]
}

/**
 * Arrows of a state, and of all within it, that end outside of the state and inside of `scope`: an arrow belongs to the
 * innermost box around both its ends, or Mermaid would draw the far end a second time.
 */
function arrows(node: AnyStateNode, scope: AnyStateNode, indent: string): readonly string[] {
  const reachesOut = (target: AnyStateNode, from: AnyStateNode): boolean =>
    isWithin(target, scope) && target !== scope && (target === node ? from === node : !isWithin(target, node))
  const from = (source: AnyStateNode): readonly string[] =>
    transitionsOf(source).flatMap(transition =>
      targetsOf(transition)
        .filter(target => reachesOut(target, source))
        .map(target => `${indent}${idOf(source)} --> ${idOf(target)} : ${safe(label(transition))}`),
    )
  const below = (source: AnyStateNode): readonly string[] => [...from(source), ...childrenOf(source).flatMap(below)]
  return below(node)
}

/** What every state in a box does alike: arrows to one inside, or none at all. They start at a dot that stands for all of them. */
function inherited(box: AnyStateNode, indent: string): readonly string[] {
  const own = transitionsOf(box)
  const any = `${idOf(box)}__any`
  const arrows = own.flatMap(transition =>
    targetsOf(transition)
      .filter(target => target !== box && isWithin(target, box))
      .map(target => `${indent}${any} --> ${idOf(target)} : ${safe(label(transition))}`),
  )
  const stays = own.filter(({ target }) => !target).map(transition => `${indent}${any} : ${safe(label(transition))}`)
  if (arrows.length + stays.length === 0) return []
  // In a parallel state the regions are divided by lines: a box for all of them is one more.
  const divider = box.type === 'parallel' ? [`${indent}--`] : []
  return [...divider, `${indent}state "in any state" as ${any}`, ...stays, ...arrows]
}

function label(transition: AnyTransitionDefinition): string {
  const { event, guard, actions, why } = wordingOf(transition)
  return `${event}${guard ? ` [${guard}]` : ''}${actions.length > 0 ? ` / ${actions.join(', ')}` : ''}${why ? ` (${why})` : ''}`
}

/** Letters, digits and underscores are what Mermaid takes as an id. */
const idOf = (node: AnyStateNode): string => node.id.replace(/[^A-Za-z0-9]+/g, '_')

/** Characters with a meaning in Mermaid. */
const safe = (text: string): string => text.replace(/[:;]/g, ',').replace(/[#"{}<>]/g, ' ')
