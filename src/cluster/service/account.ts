/** What the chats of an account share: who was approved, the codes of the requests that are open, and which feeder has the account. */
import { implement, type ObjectContext, type ObjectSharedContext, TerminalError } from '@restatedev/restate-sdk'
import { type Change, toAccount } from '../../../machines/records.ts'
import { cryptoRandom } from '../../adapters/clock/crypto-random.ts'
import type { UserName } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import { pairingCode } from '../../domain/pairing-code.ts'
import { approvedAs } from '../../runtime/by-hand.ts'
import { ACCOUNT, ALL, type FeederAddress, FLEET, INSIDE, keyIn, type Move, PAIRING, TRIED_AGAIN } from '../contracts.ts'
import { HOLDER, MOVE, readKept, writeKept } from '../kept.ts'
import { advance } from './advance.ts'
import { conflict, goneFrom, isComing, notHere, sameVersion, spentBy } from './moved.ts'
import { refusing, type SettingsAt, settingsOf } from './settings-at.ts'

const REQUESTS = 'requests'
type Request = { readonly user: UserName; readonly code: string }

const requestsOf = async (ctx: ObjectContext): Promise<readonly Request[]> => (await ctx.get<readonly Request[]>(REQUESTS)) ?? []

const requestWith = async (ctx: ObjectContext, code: string): Promise<Request | undefined> =>
  (await requestsOf(ctx)).find(request => request.code === code.trim().toUpperCase())

const holderOf = (ctx: ObjectContext | ObjectSharedContext): Promise<FeederAddress | null> => ctx.get<FeederAddress>(HOLDER)

const moveOf = (ctx: ObjectContext | ObjectSharedContext): Promise<Move | null> => ctx.get<Move>(MOVE)

/** A request that ends tells its chat, which may not have come yet. @throws TerminalError */
async function mustBeHere(ctx: ObjectContext): Promise<void> {
  const away = notHere(ctx.key, await moveOf(ctx))
  if (away) throw away
}

/** Who has it must not write for it while it moves. @throws TerminalError */
async function withoutHolder(ctx: ObjectContext): Promise<void> {
  const holder = await holderOf(ctx)
  if (holder !== null && (await ctx.client(FLEET, ALL).isMember(holder.session)))
    throw conflict(
      `The feeder at ${holder.address} has the account "${ctx.key}"; stop all feeders, or start them without it, and try again 10 s later.`,
    )
  ctx.clear(HOLDER)
}

const approvedIn = (stored: Json): readonly UserName[] => (stored as { readonly approved: readonly UserName[] } | null)?.approved ?? []

async function record(ctx: ObjectContext, accounts: SettingsAt, changes: readonly Change[]): Promise<void> {
  const { limits } = settingsOf(accounts, ctx.key)
  const last = await moveOf(ctx)
  // Up to then it is taken along.
  if (last?.way === 'out' && last.isOver) throw goneFrom(ctx.key)
  const kept = await readKept(ctx)
  const atMs = await ctx.date.now()
  await advance(ctx, { subject: { at: 'account' }, limits, kept, inputs: [{ to: 'records', changes }], atMs, perform: () => [] })
}

/** The word of an owner goes to whoever has this code, and asks this object in turn: so nobody here can wait for it. */
async function passOn(
  ctx: ObjectContext,
  accounts: SettingsAt,
  code: string,
  word: 'approve' | 'reject',
): Promise<{ user: UserName | null }> {
  refusing(() => settingsOf(accounts, ctx.key))
  await mustBeHere(ctx)
  const request = await requestWith(ctx, code)
  if (request) ctx.sendClient(PAIRING, keyIn(ctx.key, request.user))[word]({ code: request.code })
  return { user: request?.user ?? null }
}

export const accountObject = (accounts: SettingsAt) =>
  implement(ACCOUNT, {
    handlers: {
      async claim(ctx, feeder) {
        refusing(() => settingsOf(accounts, ctx.key))
        if (notHere(ctx.key, await moveOf(ctx))) return null
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
      approve: (ctx, { code }) => passOn(ctx, accounts, code, 'approve'),
      reject: (ctx, { code }) => passOn(ctx, accounts, code, 'reject'),
      async revoke(ctx, { user }) {
        refusing(() => settingsOf(accounts, ctx.key))
        if ((await moveOf(ctx))?.way === 'out') throw goneFrom(ctx.key)
        const found = approvedAs(approvedIn((await readKept(ctx)).stored), user)
        if (found !== null) await record(ctx, accounts, [toAccount({ type: 'user.revoked', user: found })])
        return { user: found }
      },
      record: (ctx, changes) => record(ctx, accounts, changes),
      async ticket(ctx, user) {
        const { limits } = settingsOf(accounts, ctx.key)
        // The request comes to nothing: whoever answers for the account now makes another one.
        if ((await moveOf(ctx))?.way === 'out') throw goneFrom(ctx.key)
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
      newestMove: ctx => moveOf(ctx),
      async enlist(ctx, request) {
        ctx.set(REQUESTS, [...(await requestsOf(ctx)).filter(({ user }) => user !== request.user), request])
      },
      async adopt(ctx, { move, version, stored }) {
        refusing(() => settingsOf(accounts, ctx.key))
        sameVersion(version)
        const kept = await readKept(ctx)
        const last = await moveOf(ctx)
        if (!isComing(ctx.key, last, kept.stored !== null, move)) return
        await withoutHolder(ctx)
        ctx.clear(REQUESTS)
        ctx.set(MOVE, { way: 'in', move, isOver: false, spent: spentBy(last) } satisfies Move)
        writeKept(ctx, { ...kept, stored })
      },
      async arrived(ctx, { move }) {
        const last = await moveOf(ctx)
        if (last?.way === 'in' && last.move === move) ctx.set(MOVE, { ...last, isOver: true } satisfies Move)
      },
      async leave(ctx, { move }) {
        const last = await moveOf(ctx)
        if (last?.way === 'out' && last.isOver && last.move !== move)
          throw conflict(`The account "${ctx.key}" was moved to a state directory before, and nothing of it is in the fleet any more.`)
        if (last?.way !== 'out') await withoutHolder(ctx)
        if (last?.move !== move) ctx.set(MOVE, { way: 'out', move, isOver: false, spent: spentBy(last) } satisfies Move)
        const { version, stored } = await readKept(ctx)
        return { version, stored }
      },
      async left(ctx, { move }) {
        const last = await moveOf(ctx)
        if (last?.way !== 'out' || last.move !== move)
          throw conflict(`Another export has taken the account "${ctx.key}" meanwhile; this one is not to be used.`)
        ctx.set(MOVE, { ...last, isOver: true } satisfies Move)
      },
    },
    options: {
      ...TRIED_AGAIN,
      handlers: { enlist: INSIDE, record: INSIDE, ticket: INSIDE, ended: INSIDE, isApproved: INSIDE, holder: INSIDE, newestMove: INSIDE },
    },
  })
