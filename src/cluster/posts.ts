/** Posts into the chats of an account, and what is to be seen there of them: beside the account's ZTM agent. */
import type { OutboxEvent } from '../../machines/outbox.ts'
import type { ChatId, ReplyKey } from '../domain/ids.ts'
import { replyKeyOf } from '../domain/inbound.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import { createLedger, isAway } from '../runtime/ledger.ts'
import { postOnce } from '../runtime/poster.ts'
import { type CheckJob, type LookJob, type PostJob, postLimits, type QueuedJob } from './contracts.ts'
import type { Posted } from './feeder/posted.ts'

/** Each is asked of the feeder that a job names; null: that one has the account no more, and has done nothing. */
export interface Posts {
  post(job: PostJob): Promise<OutboxEvent | null>
  /** Keys of ours that the chat shows; none when it cannot be read now. */
  look(job: LookJob): Promise<readonly ReplyKey[] | null>
  check(job: CheckJob): Promise<OutboxEvent | null>
  /** Which of these, that may never have been posted, are there. */
  queued(job: QueuedJob): Promise<readonly OutboxEvent[] | null>
}

/** Of a check, which makes a handful of calls of up to `apiTimeout` each: by then nobody can tell. */
const CHECK_MS = 10 * 60_000

/** A single call of the agent has a limit of its own. */
const noEnd = new AbortController().signal

/** Other posts into the account's chats, as far as they are known here. */
export type OtherPosts = Pick<Posted, 'seenUntilMs'> & { readonly othersWaiting: (key: ReplyKey, chat: ChatId) => number }

/** Nobody knows of any: then time alone tells that a post was lost. */
const noneKnown: OtherPosts = { seenUntilMs: () => 0, othersWaiting: () => 1 }

/** What clocks of two machines may differ by. */
const CLOCKS_MS = 10_000

/** Where the agent can be reached, whoever is named. */
export function postsAt(
  agent: Pick<ZtmAgent, 'post' | 'messages' | 'files' | 'fileData'>,
  settings: AccountSettings,
  clock: Clock,
  others: OtherPosts = noneKnown,
): Posts {
  const { username } = settings

  const shown = async (chat: ChatId, sinceMs: number, signal: AbortSignal): Promise<readonly ReplyKey[]> => {
    const messages = (await agent.messages(chat, sinceMs, signal)) ?? []
    return messages.flatMap(({ sender, message }) => (sender === username ? (replyKeyOf(message) ?? []) : []))
  }

  /** For one look. */
  const ledgerOf = ({ chat, sinceMs }: Pick<LookJob, 'chat' | 'sinceMs'>, hasFiles: boolean, signal: AbortSignal) => {
    let seen: readonly ReplyKey[] = []
    return createLedger({
      agent,
      username,
      async read() {
        seen = await shown(chat, sinceMs, signal)
      },
      hasFiles: () => hasFiles,
      writtenSinceMs: () => Number.POSITIVE_INFINITY,
      onShown: () => {},
      wasSeen: (_, key) => seen.includes(key),
    })
  }

  return {
    // Nobody here knows what a process that died had done.
    post: async ({ chat, key, body, tried }) =>
      tried.isAgain
        ? { type: 'post.unknown', key, atMs: clock.now() }
        : await postOnce(agent, { chat, key, ...body }, { monotonic: clock.now }, noEnd),
    // An agent that is away shows nothing; the next look is on its way already.
    look: ({ chat, sinceMs }) => shown(chat, sinceMs, noEnd).catch(() => []),
    async check({ chat, sinceMs, key, nowMs, answeredAtMs }) {
      const limits = postLimits(settings.limits)
      const signal = AbortSignal.timeout(CHECK_MS)
      // What is seen is as old as the question, and so is what it proves.
      const laterConfirmed = answeredAtMs !== null && others.seenUntilMs() > answeredAtMs + CLOCKS_MS
      const otherUnconfirmed = others.othersWaiting(key, chat)
      try {
        // Something was posted, so a list of nothing is none.
        if (await ledgerOf({ chat, sinceMs }, true, signal).has(chat, key, signal)) return { type: 'reply.seen', keys: [key] }
        return { type: 'ledger.absent', key, limits, nowMs, laterConfirmed, otherUnconfirmed }
      } catch {
        return { type: 'ledger.failed', key, limits, nowMs }
      }
    },
    async queued({ chat, sinceMs, keys, nowMs }) {
      const signal = AbortSignal.timeout(CHECK_MS)
      try {
        const there = await ledgerOf({ chat, sinceMs }, false, signal).find(chat, keys, signal)
        const absent: OutboxEvent = { type: 'unchecked.absent', keys: keys.filter(key => !there.includes(key)) }
        return there.length > 0 ? [{ type: 'reply.seen', keys: there }, absent] : [absent]
      } catch (error) {
        return [{ type: 'unchecked.unknown', away: isAway(error), nowMs, limits: postLimits(settings.limits) }]
      }
    },
  }
}
