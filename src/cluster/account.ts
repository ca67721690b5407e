/** What the chats of an account share: who was approved, the codes of the requests that are open, and which feeder has the account. */
import { implement, type ObjectContext, type ObjectSharedContext, TerminalError } from '@restatedev/restate-sdk'
import { type Change, toAccount } from '../../machines/records.ts'
import { cryptoRandom } from '../adapters/clock/crypto-random.ts'
import type { UserName } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import { pairingCode } from '../domain/pairing-code.ts'
import { approvedAs } from '../runtime/by-hand.ts'
import { advance } from './advance.ts'
import { ACCOUNT, ALL, type FeederAddress, FLEET, INSIDE, keyIn, PAIRING, TRIED_AGAIN } from './contracts.ts'
import { readKept } from './kept.ts'
import { refusing, type SettingsAt, settingsOf } from './settings-at.ts'

const REQUESTS = 'requests'
const HOLDER = 'holder'
type Request = { readonly user: UserName; readonly code: string }

const requestsOf = async (ctx: ObjectContext): Promise<readonly Request[]> => (await ctx.get<readonly Request[]>(REQUESTS)) ?? []

const requestWith = async (ctx: ObjectContext, code: string): Promise<Request | undefined> =>
  (await requestsOf(ctx)).find(request => request.code === code.trim().toUpperCase())

const holderOf = (ctx: ObjectContext | ObjectSharedContext): Promise<FeederAddress | null> => ctx.get<FeederAddress>(HOLDER)

const approvedIn = (stored: Json): readonly UserName[] => (stored as { readonly approved: readonly UserName[] } | null)?.approved ?? []

async function record(ctx: ObjectContext, accounts: SettingsAt, changes: readonly Change[]): Promise<void> {
  const { limits } = settingsOf(accounts, ctx.key)
  const kept = await readKept(ctx)
  const atMs = await ctx.date.now()
  await advance(ctx, { subject: { at: 'account' }, limits, kept, inputs: [{ to: 'records', changes }], atMs, perform: () => [] })
}

export const accountObject = (accounts: SettingsAt) =>
  implement(ACCOUNT, {
    handlers: {
      async claim(ctx, feeder) {
        refusing(() => settingsOf(accounts, ctx.key))
        const holder = await holderOf(ctx)
        const isTaken = holder !== null && holder.session !== feeder.session && (await ctx.client(FLEET, ALL).isMember(holder.session))
        if (isTaken) return null
        ctx.set(HOLDER, feeder)
        return { entry: (await readKept(ctx)).stored }
      },
      async release(ctx, { session }) {
        if ((await holderOf(ctx))?.session === session) ctx.clear(HOLDER)
      },
      async note(ctx, { session, changes }) {
        if ((await holderOf(ctx))?.session !== session)
          throw new TerminalError(`Account "${ctx.key}" belongs to another feeder by now.`, { errorCode: 409 })
        await record(ctx, accounts, changes)
      },
      holder: ctx => holderOf(ctx),
      // Whose code it is. The request asks this object in turn, so that nobody here can wait for it.
      async approve(ctx, { code }) {
        refusing(() => settingsOf(accounts, ctx.key))
        const request = await requestWith(ctx, code)
        if (request) ctx.sendClient(PAIRING, keyIn(ctx.key, request.user)).approve({ code: request.code })
        return { user: request?.user ?? null }
      },
      async reject(ctx, { code }) {
        refusing(() => settingsOf(accounts, ctx.key))
        const request = await requestWith(ctx, code)
        if (request) ctx.sendClient(PAIRING, keyIn(ctx.key, request.user)).reject({ code: request.code })
        return { user: request?.user ?? null }
      },
      async revoke(ctx, { user }) {
        refusing(() => settingsOf(accounts, ctx.key))
        const found = approvedAs(approvedIn((await readKept(ctx)).stored), user)
        if (found !== null) await record(ctx, accounts, [toAccount({ type: 'user.revoked', user: found })])
        return { user: found }
      },
      record: (ctx, changes) => record(ctx, accounts, changes),
      async ticket(ctx, user) {
        const { limits } = settingsOf(accounts, ctx.key)
        // One of this user that has ended, and has not been heard of yet, makes room.
        const others = (await requestsOf(ctx)).filter(request => request.user !== user)
        if (others.length >= limits.pairingPending) return null
        // The chance of `ctx` can be foretold: it is the invocation's name.
        const code = await ctx.run('code', () => pairingCode(cryptoRandom.integer))
        ctx.set(REQUESTS, [...others, { user, code }])
        return code
      },
      async ended(ctx, code) {
        ctx.set(
          REQUESTS,
          (await requestsOf(ctx)).filter(request => request.code !== code),
        )
      },
      async isApproved(ctx, user) {
        return approvedIn((await readKept(ctx)).stored).includes(user)
      },
    },
    options: { ...TRIED_AGAIN, handlers: { record: INSIDE, ticket: INSIDE, ended: INSIDE, isApproved: INSIDE, holder: INSIDE } },
  })
