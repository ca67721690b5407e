/**
 * Everything that OpenClaw sends goes one way: into the account's outbox.
 *
 * O1. One owner of retries. What the outbox has made durable is sent for OpenClaw, and is never reported as failed again.
 * O2. A send that the outbox did not take is proven not to have left the machine, so that OpenClaw keeps it and tries again.
 * O3. The key is OpenClaw's delivery id, which survives a restart: asking the outbox again is the reconciliation. A turn that is run
 *     again after a crash gets new ids: the same final answer to the same message is then known by its place among them, and its text.
 */
import { createHash } from 'node:crypto'
import type { Attachment } from '../domain/attachments.ts'
import { StoreUnusable, sentenceOf, ZtmChatError } from '../domain/errors.ts'
import type { ChatId, MessageId, ReplyKey } from '../domain/ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { Content } from '../ports/ztm-agent.ts'
import type { AccountHandle } from '../runtime/runtime.ts'
import { defaultAccountId } from './accounts.ts'
import type { MediaToSend, MessageAdapter, OpenClawConfig, OutboundAdapter, Receipt, Sent, TextToSend, UnknownSend } from './host.ts'
import { CHANNEL_ID, messageOf } from './names.ts'
import type { RunningAccount, RunningAccounts } from './running.ts'
import { aborted } from './signals.ts'
import { chatOf, targetOf, unknownTarget } from './targets.ts'

/** The host's own error for "nothing was sent"; it is told from others by its class. */
export type NotDispatched = (message: string, options: { cause: unknown; retryable: boolean }) => Promise<Error>

/** Reads what the host wants sent: from where, and up to which size, is for it and the account to say. */
export type LoadMedia = (url: string, bytesMax: number, access: MediaAccess) => Promise<Content & { name: string; contentType: string }>
export type MediaAccess = { readonly [Name in 'mediaAccess' | 'mediaLocalRoots' | 'mediaReadFile']?: MediaToSend[Name] | undefined }

export type OutboundOptions = {
  readonly running: Pick<RunningAccounts, 'get' | 'arrival'>
  readonly notDispatched: NotDispatched
  readonly loadMedia: LoadMedia
  /** For a send that nobody has given an id: a command, a tool. */
  readonly freshKey: () => string
  readonly clock: Clock
}

type Addressed = { readonly cfg: OpenClawConfig; readonly to: string; readonly accountId?: string | null | undefined }

/** What the host's two ways to send have in common. */
type Sendable = Pick<
  TextToSend,
  | 'cfg'
  | 'to'
  | 'text'
  | 'accountId'
  | 'replyToId'
  | 'signal'
  | 'deliveryQueueId'
  | 'deliveryPartIndex'
  | 'onPlatformSendDispatch'
  | 'assertDirectAdapterHandoff'
> &
  MediaAccess & { readonly mediaUrl?: string | undefined }

/** A reload restarts an account within seconds. What the host hands over only once waits this long for it. */
const ARRIVAL_MS_MAX = 60_000

type Delivery = {
  readonly account: string
  readonly chat: ChatId
  readonly text: string
  /** What goes with the text: a path or URL of the host's. */
  readonly mediaUrls?: readonly string[]
  readonly access?: MediaAccess
  readonly key: string
  /** Whether the same answer was taken, perhaps under another delivery id. */
  readonly repeats?: (known: ReplyKey) => boolean
  /** The host does not keep it: there is no second try. */
  readonly once?: boolean
}

export interface Outbound {
  /** Resolves when the outbox has it durable. */
  deliver(delivery: Delivery): Promise<readonly string[]>
  /** An answer whose delivery the host has begun and will not end. Should it, after all: it is the same delivery. */
  takeOver(answer: {
    readonly account: string
    readonly chat: ChatId
    readonly messageId: MessageId
    /** The host's, of the delivery. */
    readonly id: string
    readonly text: string
  }): Promise<readonly string[]>
  readonly message: MessageAdapter
  readonly outbound: OutboundAdapter
}

export function createOutbound({ running, notDispatched, loadMedia, freshKey, clock }: OutboundOptions): Outbound {
  const arrival = (account: string) =>
    new Promise<RunningAccount | undefined>(resolve => {
      const cancel = clock.after(ARRIVAL_MS_MAX, () => resolve(undefined))
      running.arrival(account).then(entry => {
        cancel()
        resolve(entry)
      })
    })

  const ordinals = createOrdinals()

  async function deliver({
    account,
    chat,
    text,
    mediaUrls = [],
    access = {},
    key,
    repeats,
    once = false,
  }: Delivery): Promise<readonly string[]> {
    const entry = once ? await arrival(account) : running.get(account)
    if (entry === undefined) {
      const message = `Account "${account}" of ${CHANNEL_ID} is not running, so nothing was sent.`
      throw await notDispatched(message, { cause: null, retryable: true })
    }
    entry.log?.debug({ account, chat, key }, 'reply handed over')
    const take = async (handle: AccountHandle) => {
      // Known already: then it need not be read again, which may no longer be possible.
      const before = repeats ? handle.known(chat).filter(repeats) : []
      if (before.length > 0) return { keys: before }
      await handle.findRecipient(chat)
      const files: Attachment[] = []
      for (const url of mediaUrls) files.push(await handle.upload(await loadMedia(url, handle.fileBytesMax, access)))
      return handle.send({ chat, text, key, ...(files.length > 0 && { files }), ...(repeats && { repeats }) })
    }
    try {
      const taken = await Promise.race([entry.enter(() => take(entry.handle)), aborted(entry.gone)])
      if (taken) return taken.keys
      throw new StoreUnusable(`Account "${account}" of ${CHANNEL_ID} stopped before it could take the message.`, true)
    } catch (cause) {
      // The outbox rejects only what it has not recorded.
      const retryable = !(cause instanceof ZtmChatError) || cause.retryable
      throw await notDispatched(sentenceOf(cause), { cause, retryable })
    }
  }

  async function sendText(message: Sendable): Promise<Sent & { messageId: string }> {
    const { account, chat } = await addressed(message)
    message.signal?.throwIfAborted()
    await message.onPlatformSendDispatch?.()
    message.assertDirectAdapterHandoff?.()
    const identity = await keyOf(message, account, chat).catch(async cause => {
      throw await notDispatched(sentenceOf(cause), { cause, retryable: true })
    })
    const { text, mediaUrl, mediaAccess, mediaLocalRoots, mediaReadFile } = message
    const keys = await deliver({
      account,
      chat,
      text,
      ...(mediaUrl === undefined ? {} : { mediaUrls: [mediaUrl] }),
      access: { mediaAccess, mediaLocalRoots, mediaReadFile },
      ...(identity ?? { key: freshKey() }),
    })
    return { receipt: receiptOf(keys, message.replyToId), messageId: keys[0] ?? '' }
  }

  const keyOf = async (
    { deliveryQueueId: id, deliveryPartIndex, replyToId, text, mediaUrl = '' }: Sendable,
    account: string,
    chat: ChatId,
  ) => {
    if (id === undefined) return null
    return deliveryKey(account, id, deliveryPartIndex ?? 0, replyToId || (await turnOf(account, chat, id)), text + mediaUrl)
  }

  /** The answer of a turn that has waited in the host, or was taken up again after a restart, does not say what it answers. */
  const turnOf = async (account: string, chat: ChatId, delivery: string) => running.get(account)?.turnOf?.(chat, delivery)

  /** The message that is answered stands in front, so that the mesh shows what was answered also when our own memory is lost. */
  function deliveryKey(account: string, queueId: string, part: number, replyToId: string | null | undefined, text: string) {
    const id = part === 0 ? queueId : `${queueId}.${part}`
    const isThisDelivery = (known: ReplyKey) => known.replace(/#\d+$/, '').endsWith(`.${id}`)
    if (!replyToId) return { key: id, repeats: isThisDelivery }
    const message = messageOf(replyToId)
    const answer = `${message}#${ordinals.of(`${account}/${message}`, id)}-${fingerprint(text)}.`
    return { key: `${answer}${id}`, repeats: (known: ReplyKey) => known.startsWith(answer) || isThisDelivery(known) }
  }

  async function addressed({ cfg, to, accountId }: Addressed): Promise<{ account: string; chat: ChatId }> {
    const chat = chatOf(to)
    if (chat === null) throw await notDispatched(unknownTarget(to), { cause: null, retryable: false })
    return { account: accountId?.toLowerCase() ?? defaultAccountId(cfg), chat }
  }

  async function reconcile(send: UnknownSend) {
    const [payload] = send.payloads
    const text = payload?.text ?? ''
    const mediaUrls = payload ? mediaOf(payload) : []
    if (send.payloads.length !== 1 || mediaUrls.length > 1 || (text === '' && mediaUrls.length === 0))
      return { status: 'unresolved', error: 'Only one text or file can be looked up.' } as const
    try {
      const { account, chat } = await addressed(send)
      const replyToId = send.effectiveReplyToId || send.replyToId || (await turnOf(account, chat, send.queueId))
      const identity = deliveryKey(account, send.queueId, 0, replyToId, text + mediaUrls.join(''))
      const keys = await deliver({ account, chat, text, mediaUrls, ...identity })
      return { status: 'sent', receipt: receiptOf(keys, replyToId), messageId: keys[0] ?? '' } as const
    } catch (error) {
      return { status: 'unresolved', retryable: true, error: sentenceOf(error) } as const
    }
  }

  const receiptOf = (keys: readonly string[], replyToId: string | null | undefined): Receipt => ({
    ...(keys[0] === undefined ? {} : { primaryPlatformMessageId: keys[0] }),
    platformMessageIds: [...keys],
    parts: keys.map((key, index) => ({ platformMessageId: key, kind: 'text', index })),
    ...(replyToId ? { replyToId } : {}),
    sentAt: clock.now(),
  })

  async function sendForChannel(message: Sendable) {
    const { receipt, messageId } = await sendText(message)
    return { channel: CHANNEL_ID, messageId, receipt }
  }

  return {
    deliver,
    takeOver: ({ account, chat, messageId, id, text }) =>
      deliver({ account, chat, text, ...deliveryKey(account, id, 0, messageId, text), once: true }),
    message: {
      id: CHANNEL_ID,
      durableFinal: {
        // Every reply carries the id of the message it answers. The mesh shows no such link, but the key does: `replyTo` is honoured
        // there. Without it OpenClaw would leave its queue out of every reply.
        capabilities: { text: true, payload: true, media: true, replyTo: true, messageSendingHooks: true, reconcileUnknownSend: true },
        automaticUnknownSendReconciliation: true,
        reconcileUnknownSendKinds: { text: true, payload: true, media: true },
        reconcileUnknownSend: reconcile,
      },
      send: {
        text: sendText,
        media: sendText,
        // Buttons and tables come with the text that stands for them.
        payload: message =>
          sendText({ ...message, text: message.payload.text ?? message.text, mediaUrl: message.mediaUrl ?? mediaOf(message.payload)[0] }),
      },
    },
    outbound: {
      // The process that runs the account owns its outbox: commands send through it.
      deliveryMode: 'gateway',
      resolveTarget({ to }) {
        const chat = chatOf(to ?? '')
        return chat === null ? { ok: false, error: new Error(unknownTarget(to ?? '')) } : { ok: true, to: targetOf(chat) }
      },
      sendText: sendForChannel,
      sendMedia: sendForChannel,
    },
  }
}

const FINGERPRINT_DIGITS = 8
const fingerprint = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, FINGERPRINT_DIGITS)

/** Messages whose deliveries are counted at once; the oldest are forgotten. */
const ANSWERED_MAX = 1_000

/** The how-manieth delivery of its message this is, from 0, as long as this process lives. */
function createOrdinals() {
  const known = new Map<string, string[]>()
  return {
    of(message: string, delivery: string): number {
      const deliveries = known.get(message) ?? []
      known.delete(message)
      known.set(message, deliveries)
      if (!deliveries.includes(delivery)) deliveries.push(delivery)
      const [oldest] = known.keys()
      if (known.size > ANSWERED_MAX && oldest !== undefined) known.delete(oldest)
      return deliveries.indexOf(delivery)
    },
  }
}

/** What a reply of the host brings besides its text. */
export const mediaOf = ({ mediaUrl, mediaUrls }: ReplyPayload): readonly string[] =>
  mediaUrls && mediaUrls.length > 0 ? mediaUrls : mediaUrl ? [mediaUrl] : []
type ReplyPayload = { readonly mediaUrl?: string; readonly mediaUrls?: readonly string[] }
