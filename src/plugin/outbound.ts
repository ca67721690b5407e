/**
 * Everything that OpenClaw sends goes one way: into the account's outbox.
 *
 * O1. One owner of retries. What the outbox has made durable is sent for OpenClaw, and is never reported as failed again.
 * O2. A send that the outbox did not take is proven not to have left the machine, so that OpenClaw keeps it and tries again.
 * O3. The key is OpenClaw's delivery id, which survives a restart: asking the outbox again is the reconciliation.
 */
import { StoreUnusable, ZtmChatError } from '../domain/errors.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Clock } from '../ports/clock.ts'
import { defaultAccountId } from './accounts.ts'
import type { MessageAdapter, OpenClawConfig, OutboundAdapter, Receipt, Sent, TextToSend, UnknownSend } from './host.ts'
import { CHANNEL_ID } from './names.ts'
import type { RunningAccount, RunningAccounts } from './running.ts'
import { aborted } from './signals.ts'
import { chatOf, targetOf, unknownTarget } from './targets.ts'

/** The host's own error for "nothing was sent"; it is told from others by its class. */
export type NotDispatched = (message: string, options: { cause: unknown; retryable: boolean }) => Promise<Error>

export type OutboundOptions = {
  readonly running: Pick<RunningAccounts, 'get' | 'arrival'>
  readonly notDispatched: NotDispatched
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
>

/** A reload restarts an account within seconds. What the host hands over only once waits this long for it. */
const ARRIVAL_MS_MAX = 60_000

type Delivery = {
  readonly account: string
  readonly chat: ChatId
  readonly text: string
  readonly key: string
  /** The host does not keep it: there is no second try. */
  readonly once?: boolean
}

export interface Outbound {
  /** Resolves when the outbox has it durable. */
  deliver(delivery: Delivery): Promise<readonly string[]>
  readonly message: MessageAdapter
  readonly outbound: OutboundAdapter
}

export function createOutbound({ running, notDispatched, freshKey, clock }: OutboundOptions): Outbound {
  const arrival = (account: string) =>
    new Promise<RunningAccount | undefined>(resolve => {
      const cancel = clock.after(ARRIVAL_MS_MAX, () => resolve(undefined))
      running.arrival(account).then(entry => {
        cancel()
        resolve(entry)
      })
    })

  async function deliver({ account, chat, text, key, once = false }: Delivery): Promise<readonly string[]> {
    const entry = once ? await arrival(account) : running.get(account)
    if (entry === undefined) {
      const message = `Account "${account}" of ${CHANNEL_ID} is not running, so nothing was sent.`
      throw await notDispatched(message, { cause: null, retryable: true })
    }
    try {
      const taken = await Promise.race([entry.enter(() => entry.handle.send({ chat, text, key })), aborted(entry.gone)])
      if (taken) return taken.keys
      throw new StoreUnusable(`Account "${account}" of ${CHANNEL_ID} stopped before it could take the message.`, true)
    } catch (cause) {
      // The outbox rejects only what it has not recorded.
      const retryable = !(cause instanceof ZtmChatError) || cause.retryable
      throw await notDispatched(cause instanceof Error ? cause.message : String(cause), { cause, retryable })
    }
  }

  async function sendText(message: Sendable): Promise<Sent & { messageId: string }> {
    const { account, chat } = await addressed(message)
    message.signal?.throwIfAborted()
    await message.onPlatformSendDispatch?.()
    message.assertDirectAdapterHandoff?.()
    const keys = await deliver({ account, chat, text: message.text, key: keyOf(message) ?? freshKey() })
    return { receipt: receiptOf(keys, message.replyToId), messageId: keys[0] ?? '' }
  }

  async function addressed({ cfg, to, accountId }: Addressed): Promise<{ account: string; chat: ChatId }> {
    const chat = chatOf(to)
    if (chat === null) throw await notDispatched(unknownTarget(to), { cause: null, retryable: false })
    return { account: accountId?.toLowerCase() ?? defaultAccountId(cfg), chat }
  }

  async function reconcile(send: UnknownSend) {
    const [payload] = send.payloads
    const text = payload?.text ?? ''
    if (send.payloads.length !== 1 || text === '') return { status: 'unresolved', error: 'Only one text can be looked up.' } as const
    try {
      const { account, chat } = await addressed(send)
      const replyToId = send.effectiveReplyToId ?? send.replyToId
      const keys = await deliver({ account, chat, text, key: deliveryKey(send.queueId, 0, replyToId) })
      return { status: 'sent', receipt: receiptOf(keys, replyToId), messageId: keys[0] ?? '' } as const
    } catch (error) {
      return { status: 'unresolved', retryable: true, error: error instanceof Error ? error.message : String(error) } as const
    }
  }

  const receiptOf = (keys: readonly string[], replyToId: string | null | undefined): Receipt => ({
    ...(keys[0] === undefined ? {} : { primaryPlatformMessageId: keys[0] }),
    platformMessageIds: [...keys],
    parts: keys.map((key, index) => ({ platformMessageId: key, kind: 'text', index })),
    ...(replyToId ? { replyToId } : {}),
    sentAt: clock.now(),
  })

  return {
    deliver,
    message: {
      id: CHANNEL_ID,
      durableFinal: {
        // Every reply carries the id of the message it answers. The mesh shows no such link, but the key does: `replyTo` is honoured
        // there. Without it OpenClaw would leave its queue out of every reply.
        capabilities: { text: true, payload: true, replyTo: true, messageSendingHooks: true, reconcileUnknownSend: true },
        automaticUnknownSendReconciliation: true,
        reconcileUnknownSendKinds: { text: true, payload: true },
        reconcileUnknownSend: reconcile,
      },
      send: {
        text: sendText,
        // Buttons and tables come with the text that stands for them.
        payload: message => sendText({ ...message, text: message.payload.text ?? message.text }),
      },
    },
    outbound: {
      // The process that runs the account owns its outbox: commands send through it.
      deliveryMode: 'gateway',
      resolveTarget({ to }) {
        const chat = chatOf(to ?? '')
        return chat === null ? { ok: false, error: new Error(unknownTarget(to ?? '')) } : { ok: true, to: targetOf(chat) }
      },
      sendText: async message => {
        const { receipt, messageId } = await sendText(message)
        return { channel: CHANNEL_ID, messageId, receipt }
      },
    },
  }
}

const keyOf = ({ deliveryQueueId, deliveryPartIndex, replyToId }: Sendable): string | null =>
  deliveryQueueId === undefined ? null : deliveryKey(deliveryQueueId, deliveryPartIndex ?? 0, replyToId)

/** The message that is answered stands in front, so that the mesh shows what was answered also when our own memory is lost. */
function deliveryKey(queueId: string, part: number, replyToId: string | null | undefined): string {
  const key = part === 0 ? queueId : `${queueId}.${part}`
  return replyToId ? `${replyToId}#${key}` : key
}
