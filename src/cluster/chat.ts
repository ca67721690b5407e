/** One conversation, with its outbox: an object, which Restate gives what comes in one by one. */
import { implement, type ObjectContext, rpc } from '@restatedev/restate-sdk'
import type { ChatContext } from '../../machines/chat.ts'
import type { OutboxContext, OutboxEvent } from '../../machines/outbox.ts'
import { backoffMs } from '../domain/backoff.ts'
import { countsApproval } from '../domain/facts.ts'
import { parseChat } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { Input } from '../runtime/cell.ts'
import type { Asked } from '../runtime/effects.ts'
import { type ChatEntry, restoreChat, type StoredChat } from '../runtime/entries.ts'
import { postedSinceMs } from '../runtime/intake.ts'
import { advance, type Draft, startTimer } from './advance.ts'
import { ACCOUNT, CHAT, INSIDE, keyIn, PAIRING, POSTER, postLimits, RESPONDER, TRIED_AGAIN } from './contracts.ts'
import { inputsFor } from './door.ts'
import { type Kept, readKept } from './kept.ts'
import { chatAt, refusing, type SettingsAt } from './settings-at.ts'
import { isRunning, stopTimer } from './timers.ts'

// Restate keeps it as it was written.
const entryOf = (stored: Json): ChatEntry | null => (stored === null ? null : restoreChat(stored as unknown as StoredChat))

/** One clock dates a post, and tells its age: that of its chat. */
function dated(input: Input, nowMs: number): Input {
  // What a look into the mesh proves is as old as the question.
  if (input.to !== 'outbox' || input.event.type.startsWith('ledger.')) return input
  const { event } = input
  return { to: 'outbox', event: { ...event, ...('atMs' in event && { atMs: nowMs }), ...('nowMs' in event && { nowMs }) } as OutboxEvent }
}

/** How far back the chat is to be read for what was posted into it. */
function sinceMs({ outbox }: ChatEntry, nowMs: number): number {
  const posts = (outbox as { readonly context: OutboxContext } | null)?.context.posts ?? []
  return Math.max(0, Math.min(nowMs, postedSinceMs(posts)))
}

export function chatObject(accounts: SettingsAt) {
  const take = async (ctx: ObjectContext, kept: Kept, inputs: readonly Input[], atMs: number): Promise<void> => {
    const { account, chat, settings } = chatAt(accounts, ctx.key)
    const { limits } = settings

    const later = (draft: Draft, name: string, delayMs: number, input: Input) =>
      ctx.sendClient(CHAT, ctx.key).fire({ ...startTimer(draft, name), input }, rpc.sendOpts({ delay: delayMs }))
    const restMs = (failures: number, baseMs: number, maxMs: number) => backoffMs({ failures, baseMs, maxMs, unit: ctx.rand.random() })

    const perform = (asked: Asked, draft: Draft): readonly Input[] => {
      const entry = entryOf(draft.stored)!
      switch (asked.type) {
        case 'dispatch': {
          const message = entry.messages.get(asked.params.id) ?? null
          const alternations = message !== null && entry.loop.sender === message.sender ? entry.loop.alternations : 0
          ctx.sendClient(RESPONDER).respond({ account, ...asked.params, message, alternations })
          return []
        }
        case 'startDispatchBackoff':
          later(draft, 'dispatch', restMs(asked.params.attempt - 1, limits.dispatchBackoffMs, limits.dispatchBackoffMsMax), {
            to: 'chat',
            event: { type: 'backoff.over' },
          })
          return []
        case 'openPairing': {
          const conversation = parseChat(chat)
          if (conversation.kind === 'peer') ctx.sendClient(PAIRING, keyIn(account, conversation.peer)).open({ wrote: asked.params.wrote })
          return []
        }
        case 'requestSlot':
          return [{ to: 'outbox', event: { type: 'slot.granted', atMs } }]
        case 'post': {
          const { key } = asked.params
          ctx.sendClient(POSTER).post({ account, chat, key, body: entry.replies.get(key) ?? { text: '' } })
          return []
        }
        case 'startPostBackoff':
          later(draft, 'post', restMs(asked.params.failures, limits.postBackoffMs, limits.postBackoffMsMax), {
            to: 'outbox',
            event: { type: 'backoff.over' },
          })
          return []
        case 'startLook':
          later(draft, 'look', Math.min(limits.confirmationLookMsMax, limits.confirmationLookMs * 2 ** asked.params.looks), {
            to: 'outbox',
            event: { type: 'look.due', nowMs: atMs, limits: postLimits(limits) },
          })
          return []
        case 'look':
          ctx.sendClient(POSTER).look({ account, chat, sinceMs: sinceMs(entry, atMs) })
          return []
        case 'checkLedger':
          ctx.sendClient(POSTER).check({ account, chat, key: asked.params.key, sinceMs: sinceMs(entry, atMs), nowMs: atMs })
          return []
        default:
          // No lag: nobody here would notice that the agent was away, and forgot what it had queued. No slots yet; what is uncertain shows
          // in the state; and nothing is ever put back to an earlier moment.
          return []
      }
    }
    await advance(ctx, { subject: { at: 'chat', chat }, limits, kept, inputs: inputs.map(input => dated(input, atMs)), atMs, perform })
  }

  return implement(CHAT, {
    handlers: {
      async receive(ctx, received) {
        const { account, chat, settings } = refusing(() => chatAt(accounts, ctx.key))
        const kept = await readKept(ctx)
        const isStranger = parseChat(chat).kind === 'peer' && countsApproval(settings, received.sender)
        const paired = isStranger && (await ctx.client(ACCOUNT, account).isApproved(received.sender))
        const nowMs = await ctx.date.now()
        await take(ctx, kept, inputsFor(settings, received, { chat, entry: entryOf(kept.stored), paired, nowMs }), nowMs)
      },
      async give(ctx, inputs) {
        await take(ctx, await readKept(ctx), inputs, await ctx.date.now())
      },
      async fire(ctx, fired) {
        const kept = await readKept(ctx)
        if (!isRunning(kept.timers, fired)) return
        await take(ctx, { ...kept, timers: stopTimer(kept.timers, fired.name) }, [fired.input], await ctx.date.now())
      },
      async held(ctx) {
        const { stored } = await readKept(ctx)
        const chart = entryOf(stored)?.chat as { readonly context: ChatContext } | null
        return chart?.context.held ?? []
      },
    },
    options: { ...TRIED_AGAIN, handlers: { give: INSIDE, fire: INSIDE, held: INSIDE } },
  })
}
