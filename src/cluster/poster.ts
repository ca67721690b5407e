/** The way to an account's ZTM agent: posts, and looks for what was posted. What came of it is an event of the chat. */
import { randomUUID } from 'node:crypto'
import { implement } from '@restatedev/restate-sdk'
import type { OutboxEvent } from '../../machines/outbox.ts'
import type { AccountId, ReplyKey } from '../domain/ids.ts'
import { replyKeyOf } from '../domain/inbound.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import { createLedger } from '../runtime/ledger.ts'
import { postOnce } from '../runtime/poster.ts'
import { CHAT, type CheckJob, INSIDE, keyIn, type LookJob, POSTER, postLimits, TRIED_AGAIN } from './contracts.ts'
import { type SettingsAt, settingsOf } from './settings-at.ts'
import { unlessEnded } from './unless-ended.ts'

/** Longer than anything here may take: whoever is silent for longer is taken for dead by Restate, and another is asked beside it. */
const SILENCE_MS = 15 * 60_000
/** Of a check, which makes a handful of calls of up to `apiTimeout` each: by then nobody can tell. */
const CHECK_MS = 10 * 60_000

/** A single call of the agent has a limit of its own. */
const noEnd = new AbortController().signal

/** Keys of ours that the chat shows. */
async function shown(
  agent: ZtmAgent,
  { username }: AccountSettings,
  { chat, sinceMs }: LookJob,
  signal: AbortSignal,
): Promise<readonly ReplyKey[]> {
  const messages = (await agent.messages(chat, sinceMs, signal)) ?? []
  return messages.flatMap(({ sender, message }) => (sender === username ? (replyKeyOf(message) ?? []) : []))
}

async function checked(agent: ZtmAgent, settings: AccountSettings, job: CheckJob): Promise<OutboxEvent> {
  const { key, nowMs, chat } = job
  const { username } = settings
  const limits = postLimits(settings.limits)
  const signal = AbortSignal.timeout(CHECK_MS)
  let seen: readonly ReplyKey[] = []
  const ledger = createLedger({
    agent,
    username,
    async read() {
      seen = await shown(agent, settings, job, signal)
    },
    // Something was posted, so a list of nothing is none.
    hasFiles: () => true,
    writtenSinceMs: () => Number.POSITIVE_INFINITY,
    onShown: () => {},
    wasSeen: () => seen.includes(key),
  })
  try {
    if (await ledger.has(chat, key, signal)) return { type: 'reply.seen', keys: [key] }
    // Nobody here knows of the posts of other chats, whose confirmation would prove this one lost: time alone does.
    return { type: 'ledger.absent', key, limits, nowMs, laterConfirmed: false, otherUnconfirmed: 1 }
  } catch {
    return { type: 'ledger.failed', key, limits, nowMs }
  }
}

export function posterService(accounts: SettingsAt, agents: ReadonlyMap<AccountId, ZtmAgent>, clock: Clock) {
  const placeOf = (account: AccountId) => {
    const settings = settingsOf(accounts, account)
    return { settings, agent: agents.get(account)! }
  }
  return implement(POSTER, {
    handlers: {
      async post(ctx, { account, chat, key, body }) {
        const { agent } = placeOf(account)
        const own = randomUUID()
        // The chat dates it, when it hears of it.
        const unknown: OutboxEvent = { type: 'post.unknown', key, atMs: 0 }
        const posting = async () => {
          const begun = await ctx.run('begin', () => own)
          // Begun by a process that died: it may have been posted. It is looked for, and not repeated.
          const isRepeated = begun !== own
          return await ctx.run(
            'post',
            async (): Promise<OutboxEvent> => (isRepeated ? unknown : postOnce(agent, { chat, key, ...body }, clock, noEnd)),
          )
        }
        const event = await unlessEnded(posting(), () => unknown)
        ctx.sendClient(CHAT, keyIn(account, chat)).give([{ to: 'outbox', event }])
      },
      async look(ctx, job) {
        const { agent, settings } = placeOf(job.account)
        // An agent that is away shows nothing; the next look is on its way already.
        const keys = await ctx.run('look', () => shown(agent, settings, job, noEnd).catch(() => []))
        if (keys.length > 0)
          ctx.sendClient(CHAT, keyIn(job.account, job.chat)).give([{ to: 'outbox', event: { type: 'reply.seen', keys } }])
      },
      async check(ctx, job) {
        const { agent, settings } = placeOf(job.account)
        const { key, nowMs } = job
        const event = await unlessEnded<OutboxEvent>(
          ctx.run('check', () => checked(agent, settings, job)),
          () => ({ type: 'ledger.failed', key, limits: postLimits(settings.limits), nowMs }),
        )
        ctx.sendClient(CHAT, keyIn(job.account, job.chat)).give([{ to: 'outbox', event }])
      },
    },
    options: { ...TRIED_AGAIN, ...INSIDE, inactivityTimeout: SILENCE_MS },
  })
}
