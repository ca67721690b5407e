/** The feeders that live. Time is the engine's: it sends what ends a membership, and no clock of a machine is asked. */
import { implement, type ObjectContext, type ObjectSharedContext, rpc } from '@restatedev/restate-sdk'
import { FLEET, INSIDE, type Member, TRIED_AGAIN } from '../contracts.ts'
import { MEMBERS } from '../kept.ts'

/** Without a word for so long a feeder is a member no more. */
export const MEMBERSHIP_MS = 8_000

/** `renewed`: how often. */
type Kept = Member & { readonly renewed: number }

const membersOf = async (ctx: ObjectContext | ObjectSharedContext): Promise<readonly Kept[]> =>
  (await ctx.get<readonly Kept[]>(MEMBERS)) ?? []

export function fleetObject() {
  const keep = (ctx: ObjectContext, others: readonly Kept[], member: Kept): readonly Kept[] => {
    const members = [...others, member]
    ctx.set(MEMBERS, members)
    const { session, renewed } = member
    ctx.sendClient(FLEET, ctx.key).end({ session, renewed }, rpc.sendOpts({ delay: MEMBERSHIP_MS }))
    return members
  }
  return implement(FLEET, {
    handlers: {
      async join(ctx, { address }) {
        const session = ctx.rand.uuidv4()
        keep(ctx, await membersOf(ctx), { session, address, renewed: 0 })
        return { session, ttlMs: MEMBERSHIP_MS }
      },
      async renew(ctx, { session }) {
        const members = await membersOf(ctx)
        const member = members.find(one => one.session === session)
        if (!member) return null
        const now = keep(
          ctx,
          members.filter(one => one !== member),
          { ...member, renewed: member.renewed + 1 },
        )
        return now.map(({ session, address }) => ({ session, address }))
      },
      async leave(ctx, { session }) {
        ctx.set(
          MEMBERS,
          (await membersOf(ctx)).filter(one => one.session !== session),
        )
      },
      async end(ctx, { session, renewed }) {
        const members = await membersOf(ctx)
        const left = members.filter(one => one.session !== session || one.renewed !== renewed)
        if (left.length < members.length) ctx.set(MEMBERS, left)
      },
      async isMember(ctx, session) {
        return (await membersOf(ctx)).some(one => one.session === session)
      },
    },
    options: { ...TRIED_AGAIN, handlers: { end: INSIDE, isMember: INSIDE } },
  })
}
