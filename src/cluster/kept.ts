/** What an object keeps: the entry of a snapshot, in the version that the disk has, and the timers that run. */
import type { ObjectContext, ObjectSharedContext } from '@restatedev/restate-sdk'
import { SHARD_VERSION } from '../adapters/store/shard-file.ts'
import type { Json } from '../domain/json.ts'
import type { FeederAddress, Moved } from './contracts.ts'
import { noTimers, type Timers } from './timers.ts'

export type Kept = {
  readonly version: number
  readonly stored: Json
  readonly timers: Timers
  /** Of a chat: who has last read it for us; null when nobody is known. */
  readonly feeder: FeederAddress | null
  /** It came from a state directory, or went to one; absent: neither. */
  readonly moved?: Moved
}

export const NAME = 'entry'

export async function readKept(ctx: ObjectContext | ObjectSharedContext): Promise<Kept> {
  const kept = await ctx.get<Kept>(NAME)
  if (kept === null) return { version: SHARD_VERSION, stored: null, timers: noTimers, feeder: null }
  // No reason to give up: whoever knows the version goes on where this one stops.
  if (kept.version !== SHARD_VERSION)
    throw new Error(`What is kept of "${ctx.key}" has version ${kept.version}, and this program knows version ${SHARD_VERSION} only.`)
  return kept
}

export const writeKept = (ctx: ObjectContext, kept: Kept): void => ctx.set(NAME, kept)

/** It is elsewhere: whatever comes does nothing here. */
export const isGone = ({ moved }: Kept): boolean => moved?.way === 'out'

/** Where an account's object keeps its newest move, with all that belongs to it. */
export const MOVE = 'move'
export type Move = {
  readonly way: 'in' | 'out'
  readonly move: string
  readonly isOver: boolean
  /** Imports whose state was moved out again; absent: none. */
  readonly spent?: readonly string[]
}
