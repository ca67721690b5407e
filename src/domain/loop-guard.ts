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
  /** Whose message had the newest turn, and is answered by what we post next. */
  readonly answering: string | null
  /** Our answer that no message has followed yet. */
  readonly answeredAtMs: number | null
  readonly heldUntilMs: number | null
}

export const noLoop: LoopState = { sender: null, alternations: 0, answering: null, answeredAtMs: null, heldUntilMs: null }

/** A message of `sender` has had its turn. Its answer may be posted much later, or never. */
export const afterTurn = (state: LoopState, sender: string): LoopState => ({ ...state, answering: sender })

/** We posted: from now on the other can have read it. */
export function afterPost(state: LoopState, atMs: number): LoopState {
  const sender = state.answering
  if (sender === null) return state
  // Held: an answer to somebody else must not let the held one go.
  if (state.heldUntilMs !== null && atMs < state.heldUntilMs) return state
  const alternations = state.sender === sender ? state.alternations : 0
  return { ...state, sender, alternations, answeredAtMs: atMs, heldUntilMs: null }
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
    return { state: { ...state, sender, alternations, answeredAtMs: null, heldUntilMs: null }, looping: false }
  // This one is still answered; those of the next minute are not.
  return { state: { ...state, sender, alternations: 0, answeredAtMs: null, heldUntilMs: atMs + limits.loopHoldMs }, looping: false }
}

/** A clock that was set back must not hold anybody longer than the hold lasts. */
const isHeld = ({ heldUntilMs }: LoopState, atMs: number, { loopHoldMs }: LoopLimits): boolean =>
  heldUntilMs !== null && atMs < heldUntilMs && heldUntilMs - atMs <= loopHoldMs
