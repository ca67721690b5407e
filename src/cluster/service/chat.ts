/** One conversation, with its outbox: an object, which Restate gives what comes in one by one. */
import { randomUUID } from 'node:crypto'
import { implement, type ObjectContext, rpc } from '@restatedev/restate-sdk'
import type { ChatContext } from '../../../machines/chat.ts'
import type { OutboxContext, OutboxEvent } from '../../../machines/outbox.ts'
import { type ReplyBody, toChat } from '../../../machines/records.ts'
import { backoffMs } from '../../domain/backoff.ts'
import { lowestFloor } from '../../domain/cursor.ts'
import { KeyTaken, UnsafeName } from '../../domain/errors.ts'
import { countsApproval } from '../../domain/facts.ts'
import { type AccountId, parseChat, type ReplyKey, type UserName } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import { lookAfterMs } from '../../domain/lost-post.ts'
import { keyOfSending } from '../../domain/sending.ts'
import { keysOf, lettersOf, partsOf, settling } from '../../runtime/by-hand.ts'
import type { Input } from '../../runtime/cell.ts'
import type { Asked } from '../../runtime/effects.ts'
import { type ChatEntry, restoreChat, type StoredChat } from '../../runtime/entries.ts'
import { postedSinceMs } from '../../runtime/intake.ts'
import { ACCOUNT, CHAT, INSIDE, keyIn, LOOKER, PAIRING, postLimits, RESPONDER, TRIED_AGAIN } from '../contracts.ts'
import { isGone, type Kept, readKept, writeKept } from '../kept.ts'
import type { Posts } from '../posts.ts'
import { type Wake, wakeUp } from '../timers.ts'
import { advance, type Draft, startTimer } from './advance.ts'
import { inputsFor } from './door.ts'
import { adopting, goneFrom, leave, mustGoOn, notHere } from './moved.ts'
import { chatAt, refusing, type SettingsAt } from './settings-at.ts'
import { unlessEnded } from './unless-ended.ts'
import { withFeeder } from './with-feeder.ts'

// Restate keeps it as it was written.
const entryOf = (stored: Json): ChatEntry | null => (stored === null ? null : restoreChat(stored as unknown as StoredChat))

/** One clock dates a post, and tells its age: that of its chat. */
function dated(input: Input, nowMs: number): Input {
  // What a look into the mesh proves is as old as the question.
  if (input.to !== 'outbox' || input.event.type.startsWith('ledger.')) return input
  const { event } = input
  return { to: 'outbox', event: { ...event, ...('atMs' in event && { atMs: nowMs }), ...('nowMs' in event && { nowMs }) } as OutboxEvent }
}

const chartOf = (entry: ChatEntry | null) => (entry?.chat as { readonly context: ChatContext } | null | undefined)?.context ?? null
const outboxOf = (entry: ChatEntry | null) => (entry?.outbox as { readonly context: OutboxContext } | null | undefined)?.context.posts ?? []

/** Accepted messages that wait for the assistant. */
function queuedIn(entry: ChatEntry | null): number {
  const chart = chartOf(entry)
  return chart === null ? 0 : chart.queue.length + chart.urgent.length
}

/** How far back the chat is to be read for what was posted into it. */
const sinceMs = (entry: ChatEntry | null, nowMs: number): number => Math.max(0, Math.min(nowMs, postedSinceMs(outboxOf(entry))))

/** The first look for a reply where its file is pushed to the feeder, which tells of it. */
const PUSHED_LOOK_MS = 10_000
/** Longer than a post may take: whoever is silent for longer is taken for dead by Restate, and another is asked beside it. */
const SILENCE_MS = 15 * 60_000

export function chatObject(accounts: SettingsAt, posts: ReadonlyMap<AccountId, Posts>) {
  /** `isByHand`: somebody waits at the ingress, to whom it is enough that it is durable. */
  const take = async (ctx: ObjectContext, kept: Kept, inputs: readonly Input[], atMs: number, isByHand = false): Promise<void> => {
    const { account, chat, settings } = chatAt(accounts, ctx.key)
    // Whoever waits for an answer hears it; with what comes by itself, such as a late answer of a responder, it ends.
    if (isGone(kept)) throw goneFrom(ctx.key)
    const { limits } = settings
    const { feeder } = kept

    const wakeLater = (wake: Wake | null) => {
      if (wake !== null) ctx.sendClient(CHAT, ctx.key).wake(wake, rpc.sendOpts({ delay: Math.max(0, wake.atMs - atMs) }))
    }
    const later = (draft: Draft, name: string, delayMs: number, input: Input): readonly Input[] => {
      wakeLater(startTimer(draft, { name, atMs: atMs + delayMs, input }))
      return []
    }
    const restMs = (failures: number, baseMs: number, maxMs: number) => backoffMs({ failures, baseMs, maxMs, unit: ctx.rand.random() })

    const post = async (key: ReplyKey, body: ReplyBody, isAwaited: boolean): Promise<OutboxEvent> => {
      const own = randomUUID()
      const begun = await ctx.run('begin', () => ({ id: own, begunAtMs: Date.now() }))
      // Begun by a process that died.
      const isAgain = begun.id !== own
      const job = { account, chat, key, body, feeder, isAwaited, tried: { ...begun, isAgain } }
      const event = await withFeeder(ctx, 'post', job, async (one, isElsewhere) =>
        // The feeder of that time may have posted it, and is not there to be asked. It is looked for, and not repeated.
        isAgain && isElsewhere ? ({ type: 'post.unknown', key, atMs } as const) : posts.get(account)!.post(one),
      )
      return event ?? { type: 'post.not-sent', key }
    }

    const perform = async (asked: Asked, draft: Draft): Promise<readonly Input[]> => {
      switch (asked.type) {
        case 'dispatch': {
          const entry = entryOf(draft.stored())!
          const message = entry.messages.get(asked.params.id) ?? null
          const alternations = message !== null && entry.loop.sender === message.sender ? entry.loop.alternations : 0
          ctx.sendClient(RESPONDER).respond({ account, ...asked.params, message, alternations })
          return []
        }
        case 'startDispatchBackoff':
          return later(draft, 'dispatch', restMs(asked.params.attempt - 1, limits.dispatchBackoffMs, limits.dispatchBackoffMsMax), {
            to: 'chat',
            event: { type: 'backoff.over' },
          })
        case 'openPairing': {
          const conversation = parseChat(chat)
          if (conversation.kind === 'peer') ctx.sendClient(PAIRING, keyIn(account, conversation.peer)).open({ wrote: asked.params.wrote })
          return []
        }
        case 'requestSlot':
          if (isByHand) {
            ctx.sendClient(CHAT, ctx.key).give({ inputs: [{ to: 'outbox', event: { type: 'slot.granted', atMs } }], atMs: null })
            return []
          }
          return [{ to: 'outbox', event: { type: 'slot.granted', atMs } }]
        case 'post': {
          const entry = entryOf(draft.stored())!
          const { key } = asked.params
          const body = entry.replies.get(key) ?? { text: '' }
          const isAwaited = outboxOf(entry).some(post => post.key !== key && post.phase === 'queued')
          // Whoever ends it by hand cannot tell either whether it was posted.
          const event = await unlessEnded<OutboxEvent>(post(key, body, isAwaited), () => ({ type: 'post.unknown', key, atMs }))
          return [{ to: 'outbox', event }]
        }
        case 'startPostBackoff':
          return later(draft, 'post', restMs(asked.params.failures, limits.postBackoffMs, limits.postBackoffMsMax), {
            to: 'outbox',
            event: { type: 'backoff.over' },
          })
        case 'startLook':
          return later(draft, 'look', lookAfterMs(limits, asked.params.looks, feeder?.isPushed ? PUSHED_LOOK_MS : 0), {
            to: 'outbox',
            event: { type: 'look.due', nowMs: atMs, limits: postLimits(limits) },
          })
        case 'look':
          ctx.sendClient(LOOKER).look({ account, chat, feeder, sinceMs: sinceMs(entryOf(draft.stored()), atMs) })
          return []
        case 'checkQueued': {
          const entry = entryOf(draft.stored())
          // Nobody knows when they may have been posted: as far back as anything of the chat is remembered.
          const fromMs = entry === null ? 0 : Math.min(lowestFloor(entry.cursor), sinceMs(entry, atMs))
          ctx.sendClient(LOOKER).queued({ ...asked.params, account, feeder, sinceMs: Math.max(0, fromMs), nowMs: atMs })
          return []
        }
        case 'checkLedger':
          ctx.sendClient(LOOKER).check({ ...asked.params, account, feeder, sinceMs: sinceMs(entryOf(draft.stored()), atMs), nowMs: atMs })
          return []
        default:
          // No lag: nobody here would notice that the agent was away, and forgot what it had queued. No slots yet; what is uncertain shows
          // in the state.
          return []
      }
    }
    await advance(ctx, { subject: { at: 'chat', chat }, limits, kept, inputs: inputs.map(input => dated(input, atMs)), atMs, perform })
  }

  /** A chat that is new knows nothing of where its account is. */
  const awayFrom = async (ctx: ObjectContext, account: AccountId, { stored }: Kept) =>
    stored === null ? notHere(account, await ctx.client(ACCOUNT, account).newestMove()) : null

  return implement(CHAT, {
    handlers: {
      async receive(ctx, found) {
        const { account, chat, settings } = refusing(() => chatAt(accounts, ctx.key))
        const kept = { ...(await readKept(ctx)), feeder: found.feeder }
        // What a feeder told before it gave the account up may come late.
        if (isGone(kept) || (await awayFrom(ctx, account, kept))) return { taken: 0 }
        const strangers = parseChat(chat).kind === 'peer' ? new Set(found.messages.map(({ sender }) => sender)) : []
        const paired = new Set<UserName>()
        for (const sender of strangers)
          if (countsApproval(settings, sender) && (await ctx.client(ACCOUNT, account).isApproved(sender))) paired.add(sender)
        const entry = entryOf(kept.stored)
        const { inputs, taken } = inputsFor(settings, found, { chat, entry, queued: queuedIn(entry), paired })
        const keys = outboxOf(entry).flatMap(({ key, seen }) => (!seen && found.seen.includes(key) ? key : []))
        const seeing: readonly Input[] = keys.length > 0 ? [{ to: 'outbox', event: { type: 'reply.seen', keys } }] : []
        if (seeing.length + inputs.length > 0) await take(ctx, kept, [...seeing, ...inputs], found.nowMs)
        return { taken }
      },
      async send(ctx, { text, key, files }) {
        const { account, chat, settings } = refusing(() => chatAt(accounts, ctx.key))
        const kept = await readKept(ctx)
        const away = await awayFrom(ctx, account, kept)
        if (away) throw away
        const known = keysOf(entryOf(kept.stored) ?? undefined)
        const nowMs = await ctx.date.now()
        try {
          const sending = keyOfSending({ chat, text, key, files }, known)
          const replies = partsOf({ chat, text, files, key: sending.key }, settings.limits)
          const fresh = replies.filter(reply => !known.includes(reply.key))
          const changes = [toChat(chat, { type: 'reply.queued', replies: fresh })]
          if (fresh.length > 0) await take(ctx, kept, [{ to: 'records', changes }], nowMs, true)
          return { keys: replies.map(reply => reply.key), repeated: sending.repeated }
        } catch (error) {
          if (error instanceof KeyTaken || error instanceof UnsafeName) return { refused: error.message }
          throw error
        }
      },
      async settle(ctx, { id, how }) {
        const { chat } = refusing(() => chatAt(accounts, ctx.key))
        const kept = await readKept(ctx)
        const entry = entryOf(kept.stored)
        const letter = entry === null ? undefined : lettersOf(chat, entry).find(one => one.id === id)
        if (letter === undefined) return null
        await take(ctx, kept, [{ to: 'records', changes: [toChat(chat, settling(how, letter))] }], await ctx.date.now(), true)
        return letter
      },
      async give(ctx, { inputs, atMs }) {
        await take(ctx, await readKept(ctx), inputs, atMs ?? (await ctx.date.now()))
      },
      async wake(ctx, wake) {
        const kept = await readKept(ctx)
        const woken = wakeUp(kept.timers, wake)
        if (woken === null) return
        // It may come hours after the time for which it was sent, when no service was there: what is sent from here on is counted from now.
        const nowMs = Math.max(wake.atMs, await ctx.date.now())
        const inputs = woken.due.flatMap(({ input }) => input ?? [])
        if (woken.send !== null)
          ctx.sendClient(CHAT, ctx.key).wake(woken.send, rpc.sendOpts({ delay: Math.max(0, woken.send.atMs - nowMs) }))
        await take(ctx, { ...kept, timers: woken.timers }, inputs, nowMs)
      },
      async held(ctx) {
        const { stored } = await readKept(ctx)
        return chartOf(entryOf(stored))?.held ?? []
      },
      async adopt(ctx, adopted) {
        const { chat, settings } = refusing(() => chatAt(accounts, ctx.key))
        const kept = adopting(ctx.key, await readKept(ctx), adopted)
        mustGoOn(ctx.key, { at: 'chat', chat }, kept?.stored ?? null, settings.limits)
        if (kept?.stored === null) writeKept(ctx, kept)
        else if (kept !== null) await take(ctx, kept, [{ to: 'resume' }], await ctx.date.now())
      },
      leave: ctx => leave(ctx),
    },
    options: { ...TRIED_AGAIN, inactivityTimeout: SILENCE_MS, handlers: { give: INSIDE, wake: INSIDE, held: INSIDE } },
  })
}
