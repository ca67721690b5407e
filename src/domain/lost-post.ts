/** When a post may be made again. A 201 is no receipt, and absence alone proves nothing: posts were seen to arrive after 85 s. */
import type { Limits } from './limits.ts'

export type PostLimits = Pick<Limits, 'lostPostMs' | 'lostUnansweredPostMs' | 'uncertainRepostMs'>

/** How long to wait before the next look for a reply on the mesh, ms. `firstMs`: its file is likely to come by itself within that; 0 = it is not. */
export const lookAfterMs = (
  { confirmationLookMs, confirmationLookMsMax }: Pick<Limits, 'confirmationLookMs' | 'confirmationLookMsMax'>,
  looks: number,
  firstMs: number,
): number => Math.min(confirmationLookMsMax, Math.max(confirmationLookMs, firstMs) * 2 ** looks)

export type PostState = {
  /**
   * Monotonic, ms: when the newest attempt was answered, or given up, or this process took it over. Null while it is under way,
   * however long: the agent may take it at any moment, and nothing that is confirmed meanwhile was posted behind it.
   */
  readonly answeredAtMs: number | null
  /** Whether the agent said 201 to it; true when that is not known any more. */
  readonly accepted: boolean
}

/** What a fresh look at our own files and the chat's history gave; the key was in neither. */
export type Absence = {
  /** Monotonic. */
  readonly nowMs: number
  /** A post that was begun after this one was answered has been confirmed: the agent's queue writes one after the other. */
  readonly laterConfirmed: boolean
  /** Other posts of this account without confirmation. */
  readonly otherUnconfirmed: number
  /** Monotonic, ms: when the agent last joined again, and so forgot what it had queued. */
  readonly queueLostAtMs?: number
}

const ageMs = ({ answeredAtMs }: PostState, nowMs: number): number => (answeredAtMs === null ? 0 : nowMs - answeredAtMs)

/** Old enough that its absence is worth a look at our own files. */
export const isOverdue = (post: PostState, nowMs: number, limits: PostLimits): boolean =>
  post.answeredAtMs !== null && ageMs(post, nowMs) >= (post.accepted ? limits.lostPostMs : limits.lostUnansweredPostMs)

/** Nothing proves it lost, and nothing was seen of it for so long that others may go first. */
export const isUncertain = (post: PostState, nowMs: number, limits: PostLimits): boolean => ageMs(post, nowMs) >= 2 * limits.lostPostMs

/** There is evidence that the newest attempt is gone, or so much time has passed that we would rather repeat it. */
export function isLost(post: PostState, absence: Absence, limits: PostLimits): boolean {
  if (post.answeredAtMs === null) return false
  if (ageMs(post, absence.nowMs) >= limits.uncertainRepostMs) return true
  if (absence.laterConfirmed) return true
  // What it had written by then may still come to light.
  const lostAtMs = absence.queueLostAtMs
  if (lostAtMs !== undefined && lostAtMs > post.answeredAtMs && absence.nowMs - lostAtMs >= limits.lostPostMs) return true
  return absence.otherUnconfirmed === 0 && isOverdue(post, absence.nowMs, limits)
}
