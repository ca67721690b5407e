/** Every world that a bounded run can lead to, by `xstate/graph`, each with the shortest way to it. */
import { fromTransition, type SnapshotFrom } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { advance, type Bounds, beginning, type Move, movesOf, type Name, type World } from './conversation.ts'

/** `worlds` has one more than `moves`: the first is the beginning. */
export type Path = { readonly worlds: readonly World[]; readonly moves: readonly Move[] }

/** Two worlds with the same future are one; how they came about is in the journal, which is left out. */
const essence = ({ journal: _, asked: __, snapshots, ...rest }: World): string =>
  JSON.stringify([Object.values(snapshots).map(snapshot => snapshot && [snapshot.value, snapshot.context]), rest])

/** Far enough for every transition to be taken, near enough for seconds. */
const BOUNDS: Readonly<Record<Name, Bounds & { isFarEnough: (world: World) => boolean }>> = {
  chat: { arrivals: 3, revives: false, isFarEnough: ({ underWay }) => underWay.length > 2 },
  pairing: { arrivals: 0, revives: false, isFarEnough: ({ underWay }) => underWay.length > 2 },
  outbox: {
    arrivals: 2,
    revives: false,
    isFarEnough({ snapshots: { outbox }, underWay, mayBeOnMesh }) {
      const { posts, looks, failures } = outbox!.context
      return underWay.length > 2 || mayBeOnMesh.length > 2 || looks > 1 || failures > 1 || posts.some(({ attempts }) => attempts > 1)
    },
  },
}

/** To every world there is a shortest path; from its end every move is made once. So the last steps are all edges of the graph. */
export function pathsOf(name: Name): readonly Path[] {
  const { isFarEnough, ...bounds } = BOUNDS[name]
  const start = beginning(name)
  const logic = fromTransition((world: World, move: Move) => advance(world, move), start)
  type State = SnapshotFrom<typeof logic>
  const ends = getShortestPaths(logic, {
    events: ({ context }: State) => (isFarEnough(context) ? [] : movesOf(context, bounds)),
    serializeState: ({ context }: State) => essence(context),
  })
  const walked = new Map<World, Map<string, World>>()
  /** Again from the beginning, as equal worlds have different histories; what paths have in common is walked once. */
  const walk = (world: World, move: Move): World => {
    const known = walked.get(world) ?? new Map<string, World>()
    walked.set(world, known)
    const name = JSON.stringify(move)
    const after = known.get(name) ?? advance(world, move)
    known.set(name, after)
    return after
  }
  return ends.flatMap(({ steps }) => {
    // The first step only enters the first state.
    const moves = steps.slice(1).map(({ event }) => event)
    const worlds = [start]
    for (const move of moves) worlds.push(walk(worlds.at(-1)!, move))
    const end = worlds.at(-1)!
    return movesOf(end, bounds).map(move => ({ worlds: [...worlds, walk(end, move)], moves: [...moves, move] }))
  })
}
