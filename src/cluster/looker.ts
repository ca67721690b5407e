/** Looks for what was posted, which may take long, while its chat goes on. What came of it is an event of the chat. */
import { type Context, implement } from '@restatedev/restate-sdk'
import type { OutboxEvent } from '../../machines/outbox.ts'
import type { AccountId } from '../domain/ids.ts'
import { ACCOUNT, CHAT, type FeederAddress, INSIDE, keyIn, LOOKER, postLimits, TRIED_AGAIN } from './contracts.ts'
import type { Posts } from './posts.ts'
import { type SettingsAt, settingsOf } from './settings-at.ts'
import { unlessEnded } from './unless-ended.ts'

/** Longer than anything here may take: whoever is silent for longer is taken for dead by Restate, and another is asked beside it. */
const SILENCE_MS = 15 * 60_000

/**
 * A durable step at whoever posts for the account: at first the one that is known, then the one that has it now. Null: nobody has.
 * @throws TerminalError when somebody ends the invocation by hand.
 */
export async function withFeeder<Job extends { readonly account: AccountId; readonly feeder: FeederAddress | null }, Outcome>(
  ctx: Pick<Context, 'run' | 'client'>,
  name: string,
  job: Job,
  step: (job: Job, isElsewhere: boolean) => Promise<Outcome | null>,
): Promise<Outcome | null> {
  const outcome = await ctx.run(name, () => step(job, false))
  if (outcome !== null) return outcome
  const feeder = await ctx.client(ACCOUNT, job.account).holder()
  return feeder === null ? null : await ctx.run(`${name} elsewhere`, () => step({ ...job, feeder }, true))
}

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
