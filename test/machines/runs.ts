/** Runs of a conversation that chance chooses. */
import fc from 'fast-check'
import { advance, type Bounds, beginning, type Move, movesOf, type Name, type World } from './conversation.ts'

const MOVES_MAX = 80
export const bounds: Bounds = { arrivals: 3, revives: true }

/** What chance gives: numbers that choose among the moves that are possible. They shrink to the first moves, and to fewer. */
export const choices = fc.array(fc.nat(9_999), { maxLength: MOVES_MAX, size: 'max' })

/** Every world on the way, the beginning included, and the moves that led there. */
export function live(has: readonly Name[], numbers: readonly number[]): { worlds: readonly World[]; moves: readonly Move[] } {
  const worlds = [beginning(...has)]
  const moves: Move[] = []
  for (const number of numbers) {
    const world = worlds.at(-1)!
    const possible = movesOf(world, bounds)
    const move = possible[number % Math.max(1, possible.length)]
    if (!move) break
    moves.push(move)
    worlds.push(advance(world, move))
  }
  return { worlds, moves }
}
