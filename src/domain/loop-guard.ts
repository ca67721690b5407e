/**
 * Two bots must not talk for ever. Counts strict alternations with one sender of a chat: our answer, then one message that
 * comes so fast that no person wrote it. Somebody who writes many messages at once waits for no answer, and counts nothing.
 */
import type { Limits } from './limits.ts'

export type LoopLimits = Pick<Limits, 'loopAlternations' | 'loopAnswerMs' | 'loopHoldMs'>

/** One for each chat; plain JSON. Times are wall clock, ms. */
export type LoopState = {
  /** With whom we alternate. */
  readonly sender: string | null
  readonly alternations: number
  /** Our answer that no message has followed yet. */
  readonly answeredAtMs: number | null
  readonly heldUntilMs: number | null
}

export const noLoop: LoopState = { sender: null, alternations: 0, answeredAtMs: null, heldUntilMs: null }

/** We answered `sender`. */
export function afterAnswer(state: LoopState, { sender, atMs }: { sender: string; atMs: number }): LoopState {
  // Held: an answer to somebody else must not let the held one go.
  if (state.heldUntilMs !== null && atMs < state.heldUntilMs) return state
  const alternations = state.sender === sender ? state.alternations : 0
  return { sender, alternations, answeredAtMs: atMs, heldUntilMs: null }
}

/** `looping` = this message is to be ignored. Tell it only of messages that ask for an answer: others alternate with nobody. */
export function onMessage(
  state: LoopState,
  { sender, atMs, limits }: { sender: string; atMs: number; limits: LoopLimits },
): { readonly state: LoopState; readonly looping: boolean } {
  if (isHeld(state, atMs, limits)) return { state, looping: state.sender === sender }

  const isAlternation = state.sender === sender && state.answeredAtMs !== null && atMs - state.answeredAtMs <= limits.loopAnswerMs
  const alternations = isAlternation ? state.alternations + 1 : 0
  if (alternations < limits.loopAlternations)
    return { state: { sender, alternations, answeredAtMs: null, heldUntilMs: null }, looping: false }
  // This one is still answered; those of the next minute are not.
  return { state: { sender, alternations: 0, answeredAtMs: null, heldUntilMs: atMs + limits.loopHoldMs }, looping: false }
}

/** A clock that was set back must not hold anybody longer than the hold lasts. */
const isHeld = ({ heldUntilMs }: LoopState, atMs: number, { loopHoldMs }: LoopLimits): boolean =>
  heldUntilMs !== null && atMs < heldUntilMs && heldUntilMs - atMs <= loopHoldMs
