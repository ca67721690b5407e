/** An invocation that somebody ends by hand ends no chat with it: the chat is told what is known then. */
import { TerminalError } from '@restatedev/restate-sdk'

export async function unlessEnded<T>(outcome: PromiseLike<T>, ended: (reason: string) => T): Promise<T> {
  try {
    return await outcome
  } catch (error) {
    if (error instanceof TerminalError) return ended(error.message)
    throw error
  }
}
