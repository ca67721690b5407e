/** One stranger who asked to be let in. Codes come from the account's object, and so does the word of an owner. */
import { implement, type ObjectContext, rpc } from '@restatedev/restate-sdk'
import type { PairingContext } from '../../../machines/pairing.ts'
import { toChat } from '../../../machines/records.ts'
import { type MessageId, peerChat } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import type { Input } from '../../runtime/cell.ts'
import type { Asked } from '../../runtime/effects.ts'
import { APPROVED, codeNotice, letIn } from '../../runtime/pairing-desk.ts'
import { ACCOUNT, CHAT, INSIDE, keyIn, PAIRING, TRIED_AGAIN } from '../contracts.ts'
import { isGone, type Kept, readKept, writeKept } from '../kept.ts'
import { type Wake, wakeUp } from '../timers.ts'
import { advance, type Draft, startTimer } from './advance.ts'
import { adopting, leave, mustGoOn } from './moved.ts'
import { refusing, type SettingsAt, strangerAt } from './settings-at.ts'

const codeOf = (stored: Json): string => (stored as { readonly context: PairingContext } | null)?.context.code ?? ''

export function pairingObject(accounts: SettingsAt) {
  const placeOf = (ctx: ObjectContext) => {
    const { account, user, settings } = strangerAt(accounts, ctx.key)
    const chat = peerChat(user)
    return { account, user, chat, chatKey: keyIn(account, chat), settings, limits: settings.limits }
  }
  const held = (ctx: ObjectContext): Promise<readonly MessageId[]> => ctx.client(CHAT, placeOf(ctx).chatKey).held()

  const take = async (ctx: ObjectContext, kept: Kept, inputs: readonly Input[], atMs: number): Promise<void> => {
    const { account, user, chat, chatKey, limits } = placeOf(ctx)

    const perform = async (asked: Asked, draft: Draft): Promise<readonly Input[]> => {
      switch (asked.type) {
        case 'requestTicket': {
          const code = await ctx.client(ACCOUNT, account).ticket(user)
          if (code === null) return [{ to: 'pairing', event: { type: 'ticket.refused', held: await held(ctx) } }]
          const notice = codeNotice(user, code)
          return [{ to: 'pairing', event: { type: 'ticket.issued', code, atMs, expiresAtMs: atMs + limits.pairingCodeMs, notice } }]
        }
        case 'startDeadline':
          wakeLater(ctx, startTimer(draft, { name: 'deadline', atMs: asked.params.atMs, input: null }), atMs)
          return []
        case 'commit': {
          const { changes } = asked.params
          const approvals = changes.filter(({ at }) => at === 'account')
          // Whoever finds no request any more finds the approval.
          if (approvals.length > 0) await ctx.client(ACCOUNT, account).record(approvals)
          const told = changes.filter(change => change.at === 'chat' && change.chat === chat)
          if (told.length > 0) ctx.sendClient(CHAT, chatKey).give({ inputs: [{ to: 'records', changes: told }], atMs })
          return []
        }
        default:
          // The account's object always answers, so there is no rest before it is asked again.
          return []
      }
    }
    const stored = await advance(ctx, { subject: { at: 'pairing', user }, limits, kept, inputs, atMs, perform })
    if (kept.stored !== null && stored === null) ctx.sendClient(ACCOUNT, account).ended(codeOf(kept.stored))
  }

  const wakeLater = (ctx: ObjectContext, wake: Wake | null, nowMs: number) => {
    if (wake !== null) ctx.sendClient(PAIRING, ctx.key).wake(wake, rpc.sendOpts({ delay: Math.max(0, wake.atMs - nowMs) }))
  }

  return implement(PAIRING, {
    handlers: {
      async open(ctx, { wrote }) {
        const { account, user, chat, chatKey, limits } = placeOf(ctx)
        if (await ctx.client(ACCOUNT, account).isApproved(user)) {
          // Decided before the approval was known, recorded after it: there is nothing left to wait for.
          ctx
            .sendClient(CHAT, chatKey)
            .give({ inputs: [{ to: 'records', changes: [toChat(chat, { type: 'message.released' })] }], atMs: null })
          return
        }
        const kept = await readKept(ctx)
        if (isGone(kept)) return
        const atMs = await ctx.date.now()
        const notice = codeNotice(user, codeOf(kept.stored))
        if (kept.stored === null) await take(ctx, kept, [{ to: 'request' }], atMs)
        else if (wrote)
          await take(
            ctx,
            kept,
            [{ to: 'pairing', event: { type: 'stranger.wrote', atMs, reminderMs: limits.pairingReminderMs, notice } }],
            atMs,
          )
      },
      async approve(ctx, { code }) {
        const kept = await readKept(ctx)
        if (isGone(kept) || codeOf(kept.stored) !== code) return
        const event = { type: 'pairing.approve', remember: true, notice: APPROVED } as const
        await take(ctx, kept, [{ to: 'pairing', event }], await ctx.date.now())
      },
      async reject(ctx, { code }) {
        const kept = await readKept(ctx)
        if (isGone(kept) || codeOf(kept.stored) !== code) return
        const event = { type: 'pairing.reject', held: await held(ctx) } as const
        await take(ctx, kept, [{ to: 'pairing', event }], await ctx.date.now())
      },
      async wake(ctx, wake) {
        const kept = await readKept(ctx)
        const woken = wakeUp(kept.timers, wake)
        if (woken === null) return
        const nowMs = await ctx.date.now()
        const { settings, user } = placeOf(ctx)
        const event = letIn(settings, user) ?? ({ type: 'deadline.reached', nowMs, held: await held(ctx) } as const)
        await take(ctx, { ...kept, timers: woken.timers }, [{ to: 'pairing', event }], nowMs)
      },
      async adopt(ctx, adopted) {
        const { account, user, settings } = refusing(() => strangerAt(accounts, ctx.key))
        const kept = adopting(ctx.key, await readKept(ctx), adopted)
        if (kept === null) return
        mustGoOn(ctx.key, { at: 'pairing', user }, kept.stored, settings.limits)
        writeKept(ctx, kept)
        const code = codeOf(kept.stored)
        if (code !== '') await ctx.client(ACCOUNT, account).enlist({ user, code })
      },
      async resume(ctx, { move }) {
        const kept = await readKept(ctx)
        if (kept.stored === null || kept.moved?.way !== 'in' || kept.moved.move !== move) return
        await take(ctx, kept, [{ to: 'resume' }], await ctx.date.now())
      },
      leave: ctx => leave(ctx),
    },
    options: { ...TRIED_AGAIN, handlers: { open: INSIDE, approve: INSIDE, reject: INSIDE, wake: INSIDE } },
  })
}
