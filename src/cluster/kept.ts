/** What an object keeps: the entry of a snapshot, in the version that the disk has, and the timers that run. */
import type { ObjectContext, ObjectSharedContext } from '@restatedev/restate-sdk'
import { SHARD_VERSION } from '../adapters/store/shard-file.ts'
import type { Json } from '../domain/json.ts'
import type { FeederAddress, Member, Move, Moved } from './contracts.ts'
import type { Past } from './past.ts'
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

/** What objects keep, by the names that it has there. */
export type Values = {
  /** Of each chat, pairing request and account. */
  readonly entry: Kept
  /** Of a chat. */
  readonly past: Past
  /** Of an account: its newest move, with all that belongs to it. */
  readonly move: Move
  /** Of an account: the feeder that has it, or had. */
  readonly holder: FeederAddress
  /** Of the fleet. */
  readonly members: readonly Member[]
}
export const NAME = 'entry'
export const MOVE = 'move'
export const HOLDER = 'holder'
export const MEMBERS = 'members'

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
