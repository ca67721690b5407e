/** A durable step that only a feeder can take, for it alone reaches the account's agent. */
import type { Context } from '@restatedev/restate-sdk'
import type { AccountId } from '../../domain/ids.ts'
import { ACCOUNT, type FeederAddress } from '../contracts.ts'

/**
 * At first at the one that is known, then at the one that has the account now. Null: nobody has.
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
