/** When a post may be made again. A 201 is no receipt, and absence alone proves nothing: posts were seen to arrive after 85 s. */
import type { Limits } from './limits.ts'

export type PostLimits = Pick<Limits, 'lostPostMs' | 'lostUnansweredPostMs' | 'uncertainRepostMs'>

export type PostState = {
  /** Wall clock, ms, of the newest attempt. */
  readonly postedAtMs: number
  /** Whether the agent said 201 to it; true when that is not known any more. */
  readonly accepted: boolean
}

/** What a fresh look at our own files and the chat's history gave; the key was in neither. */
export type Absence = {
  readonly nowMs: number
  /** A post that this agent took later has been confirmed: its queue writes one after the other. */
  readonly laterConfirmed: boolean
  /** Other posts of this account without confirmation. */
  readonly otherUnconfirmed: number
}

/** Old enough that its absence is worth a look at our own files. */
export const isOverdue = (post: PostState, nowMs: number, limits: PostLimits): boolean =>
  nowMs - post.postedAtMs >= (post.accepted ? limits.lostPostMs : limits.lostUnansweredPostMs)

/** Nothing proves it lost, and nothing was seen of it for so long that others may go first. */
export const isUncertain = (post: PostState, nowMs: number, limits: PostLimits): boolean => nowMs - post.postedAtMs >= 2 * limits.lostPostMs

/** There is evidence that the newest attempt is gone, or so much time has passed that we would rather repeat it. */
export function isLost(post: PostState, absence: Absence, limits: PostLimits): boolean {
  const ageMs = absence.nowMs - post.postedAtMs
  if (ageMs >= limits.uncertainRepostMs) return true
  if (absence.laterConfirmed) return true
  return absence.otherUnconfirmed === 0 && isOverdue(post, absence.nowMs, limits)
}
