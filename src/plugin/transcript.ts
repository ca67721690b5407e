/**
 * What a session of the host has of our messages. Its transcript keeps each that has come to the assistant under the id that it was given
 * here, and each answer with the run that made it. (What the host collects from several has no id; ours are exclusive, and never collected.)
 */
import { z } from 'zod'
import type { MessageId } from '../domain/ids.ts'
import type { PluginRuntime } from './host.ts'
import { CHANNEL_ID, messageOf } from './names.ts'
import type { SessionOf } from './sessions.ts'

/** Entries of a session, oldest first, as the host keeps them. */
export type LoadTranscript = (session: SessionOf & { readonly sessionId: string }) => Promise<readonly unknown[]>

export interface Transcript {
  /** Whether it has come to the assistant. */
  has(id: MessageId): boolean
  /** The run that has answered it; null when none has. */
  answerTo(id: MessageId): Answer | null
}

export interface Answer {
  /** When the last of it was written down, wall clock ms. */
  readonly atMs: number
  /** All messages that the run has answered. */
  readonly to: readonly MessageId[]
}

const entry = z.object({ type: z.literal('message') })
const ours = entry.extend({
  message: z.object({
    role: z.literal('user'),
    __openclaw: z.object({ transport: z.object({ channel: z.literal(CHANNEL_ID), messageId: z.string() }) }),
  }),
})
const answer = entry.extend({
  timestamp: z.iso.datetime(),
  message: z.object({
    role: z.literal('assistant'),
    stopReason: z.string(),
    __openclaw: z.object({ runId: z.string() }).optional(),
  }),
})

/** After these the turn goes on, or was broken off. */
const NO_END = new Set(['toolUse', 'error', 'aborted'])

export interface Transcripts {
  /** Of the session that stands under this key now; an empty one when none does. */
  of(session: SessionOf): Promise<Transcript>
}

export const createTranscripts = (session: PluginRuntime['agent']['session'], load: LoadTranscript): Transcripts => ({
  async of({ agentId, sessionKey }) {
    const found = session.getSessionEntry({ agentId, sessionKey, readConsistency: 'latest' })
    return readTranscript(found ? await load({ agentId, sessionKey, sessionId: found.sessionId }) : [])
  },
})

export function readTranscript(entries: readonly unknown[]): Transcript {
  const runs = new Map<string, { atMs: number; readonly to: MessageId[] }>()
  const runOf = new Map<MessageId, Answer | null>()
  let unanswered: MessageId[] = []
  entries.forEach((found, index) => {
    const question = ours.safeParse(found)
    if (question.success) {
      const id = messageOf(question.data.message.__openclaw.transport.messageId)
      // Asked again: what became of it before does not count.
      runOf.set(id, null)
      unanswered.push(id)
      return
    }
    const end = answer.safeParse(found)
    if (!end.success || NO_END.has(end.data.message.stopReason)) return
    const { timestamp, message } = end.data
    const key = message.__openclaw?.runId ?? `at ${index}`
    const run = runs.get(key) ?? { atMs: 0, to: [] }
    runs.set(key, run)
    run.atMs = Date.parse(timestamp)
    run.to.push(...unanswered)
    for (const id of unanswered) runOf.set(id, run)
    unanswered = []
  })
  return {
    has: id => runOf.has(id),
    answerTo: id => runOf.get(id) ?? null,
  }
}
