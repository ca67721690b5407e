/** Where everything of a chart's drawing goes. The placing is ELK's, and is the same each time. */
import type { ElkExtendedEdge, ElkNode, ElkPoint } from 'elkjs/lib/elk-api.js'
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import { UsageError } from '../usage-error.ts'
import { childrenOf, deedsOf, isWithin, targetsOf, transitionsOf, wordingOf } from './anatomy.ts'

export type Style = 'title' | 'note' | 'deed' | 'event' | 'guard' | 'effect'
export type Line = { readonly text: string; readonly style: Style }
type Placed = { readonly x: number; readonly y: number; readonly width: number; readonly height: number }

/** `any` stands for every state of the box that it lies in; `initial` is the dot where a box begins. */
export type Box = Placed & {
  readonly id: string
  readonly kind: 'state' | 'compound' | 'region' | 'final' | 'any' | 'initial'
  readonly lines: readonly Line[]
}
/** One transition of an arrow: which of its state's, and what is said of it. */
export type Part = { readonly index: number; readonly lines: readonly Line[] }
/** From one state to another; several transitions may go the same way. */
export type Arrow = {
  /** Of the state whose transitions they are; null = the arrow from an initial dot. */
  readonly source: string | null
  readonly parts: readonly Part[]
  readonly points: readonly ElkPoint[]
  readonly label: Placed | null
}
export type Layout = { readonly width: number; readonly height: number; readonly boxes: readonly Box[]; readonly arrows: readonly Arrow[] }

/** Of the monospaced fonts that readers have, the widest. */
const CHARACTER = 6.7
export const LINE_HEIGHT = 15
export const PADDING = 9
const STATE_COLUMNS = 44
const LABEL_COLUMNS = 30
const DOT = 12

type Way = { readonly from: string; readonly to: string; readonly source: string | null; readonly parts: Part[] }
type Meta = { readonly kind: Box['kind']; readonly lines: readonly Line[] }

export async function layoutOf(machine: AnyStateMachine): Promise<Layout> {
  const metas = new Map<string, Meta>()
  const ways = new Map<string, Way>()

  const connect = (from: string, to: string, source: string | null, index: number, lines: readonly Line[]) => {
    const id = `${from} -> ${to}`
    const way = ways.get(id) ?? { from, to, source, parts: [] }
    ways.set(id, way)
    way.parts.push({ index, lines })
  }

  const visit = (node: AnyStateNode): ElkNode => {
    const children = childrenOf(node)
    const isBox = children.length > 0
    const all = transitionsOf(node)
    const indexed = all.map((transition, index) => ({ transition, index }))
    /** Of a box: what stays inside of it is said by a box of its own, which stands for all its states. */
    const isInherited = ({ transition }: { transition: AnyTransitionDefinition }) =>
      isBox && (targetsOf(transition).length === 0 || targetsOf(transition).every(target => target !== node && isWithin(target, node)))
    const stays = indexed.filter(({ transition }) => targetsOf(transition).length === 0).flatMap(({ transition }) => stayLines(transition))
    const title: readonly Line[] = [
      { text: node.key, style: 'title' },
      ...wrap(node.description ?? '', STATE_COLUMNS, 'note'),
      ...deedsOf(node).flatMap(deed => wrap(deed, STATE_COLUMNS, 'deed')),
    ]
    const inner: ElkNode[] = []
    if (isBox) {
      const inherited = indexed.filter(isInherited)
      if (inherited.length > 0) {
        const id = `${node.id}:any`
        const lines: readonly Line[] = [{ text: 'in any state', style: 'title' }, ...stays]
        metas.set(id, { kind: 'any', lines })
        inner.push({ id, ...sizeOf(lines) })
        for (const { transition, index } of inherited) {
          for (const target of targetsOf(transition)) connect(id, target.id, node.id, index, labelLines(transition))
        }
      }
      inner.push(...children.map(visit))
      const first = node.type === 'compound' ? node.initial.target?.[0] : undefined
      if (first) {
        const id = `${node.id}:initial`
        metas.set(id, { kind: 'initial', lines: [] })
        inner.unshift({ id, width: DOT, height: DOT })
        connect(id, first.id, null, 0, [])
      }
    }
    for (const one of indexed) {
      if (isInherited(one)) continue
      for (const target of targetsOf(one.transition)) connect(node.id, target.id, node.id, one.index, labelLines(one.transition))
    }
    const lines = isBox ? title : [...title, ...stays]
    const kind = isBox ? (node.parent?.type === 'parallel' ? 'region' : 'compound') : node.type === 'final' ? 'final' : 'state'
    metas.set(node.id, { kind, lines })
    if (!isBox) return { id: node.id, ...sizeOf(lines) }
    const { width, height } = sizeOf(lines)
    return {
      id: node.id,
      children: inner,
      layoutOptions: {
        'elk.padding': `[top=${height + 14},left=18,bottom=18,right=18]`,
        'elk.nodeSize.constraints': '[MINIMUM_SIZE]',
        'elk.nodeSize.minimum': `(${width},${height})`,
      },
    }
  }

  const root = visit(machine.root)
  const edges = [...ways].map(([id, { from, to, parts }]): ElkExtendedEdge => {
    const lines = parts.flatMap(part => part.lines)
    return { id, sources: [from], targets: [to], labels: lines.length > 0 ? [{ id: `${id} label`, text: id, ...sizeOf(lines) }] : [] }
  })
  return read(await place({ id: 'drawing', children: [root], edges }), metas, ways)
}

async function place(graph: ElkNode): Promise<ElkNode> {
  const { default: Elk } = await import('elkjs/lib/elk.bundled.js').catch(() => {
    throw new UsageError('Drawing as SVG needs the package elkjs; "npm install elkjs", or work in a checkout.')
  })
  // CommonJS: types and run time do not agree on where the constructor is.
  return new Elk.default().layout(graph, {
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'DOWN',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.json.edgeCoords': 'ROOT',
      'elk.json.shapeCoords': 'ROOT',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.spacing.nodeNodeBetweenLayers': '22',
      'elk.layered.spacing.edgeNodeBetweenLayers': '14',
      'elk.spacing.nodeNode': '22',
      'elk.spacing.edgeNode': '14',
      'elk.spacing.edgeEdge': '12',
      'elk.spacing.edgeLabel': '3',
      'elk.padding': '[top=10,left=10,bottom=10,right=10]',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
    },
  })
}

function read(graph: ElkNode, metas: ReadonlyMap<string, Meta>, ways: ReadonlyMap<string, Way>): Layout {
  const boxes: Box[] = []
  const visit = (node: ElkNode): void => {
    const meta = metas.get(node.id)
    if (meta) boxes.push({ id: node.id, ...meta, ...placeOf(node) })
    node.children?.forEach(visit)
  }
  graph.children?.forEach(visit)
  const arrows = (graph.edges ?? []).flatMap((edge): Arrow[] => {
    const way = ways.get(edge.id)
    const section = edge.sections?.[0]
    if (!way || !section) return []
    const points = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint]
    const label = edge.labels?.[0]
    return [{ source: way.source, parts: way.parts, points, label: label ? placeOf(label) : null }]
  })
  return { width: Math.ceil(graph.width ?? 0), height: Math.ceil(graph.height ?? 0), boxes, arrows }
}

const placeOf = ({ x = 0, y = 0, width = 0, height = 0 }: Partial<Placed>): Placed => ({ x, y, width, height })

function sizeOf(lines: readonly Line[]): { readonly width: number; readonly height: number } {
  const columns = Math.max(...lines.map(({ text }) => text.length))
  return { width: Math.ceil(columns * CHARACTER + 2 * PADDING), height: lines.length * LINE_HEIGHT + PADDING }
}

function labelLines(transition: AnyTransitionDefinition): readonly Line[] {
  const { event, guard, actions, why } = wordingOf(transition)
  return [
    ...wrap(event, LABEL_COLUMNS, 'event'),
    ...(guard ? wrap(`[${guard}]`, LABEL_COLUMNS, 'guard') : []),
    ...(actions.length > 0 ? wrap(`/ ${actions.join(', ')}`, LABEL_COLUMNS, 'effect') : []),
    ...wrap(why ?? '', LABEL_COLUMNS, 'note'),
  ]
}

/** What a state does on an event without leaving. */
function stayLines(transition: AnyTransitionDefinition): readonly Line[] {
  const { event, guard, actions, why } = wordingOf(transition)
  const effects = actions.length > 0 ? ` / ${actions.join(', ')}` : ''
  return [
    ...wrap(`${event}${guard ? ` [${guard}]` : ''}${effects}`, STATE_COLUMNS, 'event'),
    ...wrap(why ?? '', STATE_COLUMNS - 2, 'note', '  '),
  ]
}

function wrap(text: string, columns: number, style: Style, indent = ''): readonly Line[] {
  const lines: string[] = []
  for (const word of text.split(' ').filter(word => word !== '')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map((line, index) => ({ text: `${index === 0 || style === 'note' ? indent : `${indent}  `}${line}`, style }))
}
