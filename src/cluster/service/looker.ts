/** Looks for what was posted, which may take long, while its chat goes on. What came of it is an event of the chat. */
import { implement } from '@restatedev/restate-sdk'
import type { OutboxEvent } from '../../../machines/outbox.ts'
import type { AccountId } from '../../domain/ids.ts'
import { CHAT, INSIDE, keyIn, LOOKER, postLimits, TRIED_AGAIN } from '../contracts.ts'
import type { Posts } from '../posts.ts'
import { type SettingsAt, settingsOf } from './settings-at.ts'
import { unlessEnded } from './unless-ended.ts'
import { withFeeder } from './with-feeder.ts'

/** Longer than anything here may take: whoever is silent for longer is taken for dead by Restate, and another is asked beside it. */
const SILENCE_MS = 15 * 60_000

export function lookerService(accounts: SettingsAt, posts: ReadonlyMap<AccountId, Posts>) {
  const placeOf = (account: AccountId) => ({ settings: settingsOf(accounts, account), posts: posts.get(account)! })
  return implement(LOOKER, {
    handlers: {
      async look(ctx, job) {
        const { posts } = placeOf(job.account)
        const keys = (await withFeeder(ctx, 'look', job, one => posts.look(one))) ?? []
        if (keys.length > 0)
          ctx
            .sendClient(CHAT, keyIn(job.account, job.chat))
            .give({ inputs: [{ to: 'outbox', event: { type: 'reply.seen', keys } }], atMs: null })
      },
      async queued(ctx, job) {
        const { posts, settings } = placeOf(job.account)
        const unknown: OutboxEvent = { type: 'unchecked.unknown', away: true, nowMs: job.nowMs, limits: postLimits(settings.limits) }
        const events = await unlessEnded(
          withFeeder(ctx, 'queued', job, one => posts.queued(one)),
          () => null,
        )
        ctx
          .sendClient(CHAT, keyIn(job.account, job.chat))
          .give({ inputs: (events ?? [unknown]).map(event => ({ to: 'outbox', event })), atMs: null })
      },
      async check(ctx, job) {
        const { posts, settings } = placeOf(job.account)
        const { key, nowMs } = job
        const failed: OutboxEvent = { type: 'ledger.failed', key, limits: postLimits(settings.limits), nowMs }
        const event = await unlessEnded(
          withFeeder(ctx, 'check', job, one => posts.check(one)),
          () => failed,
        )
        ctx.sendClient(CHAT, keyIn(job.account, job.chat)).give({ inputs: [{ to: 'outbox', event: event ?? failed }], atMs: null })
      },
    },
    options: { ...TRIED_AGAIN, ...INSIDE, inactivityTimeout: SILENCE_MS },
  })
}
