import type { Commit } from '../../machines/records.ts'
import type { ChatId, MessageId, ReplyKey, UserName } from '../domain/ids.ts'

/** What the charts of chats, outboxes and pairing requests ask for. Each answers with an event to the chart that asked. */
export type Effects = {
  commit(params: Commit): void
  dispatch(params: { chat: ChatId; id: MessageId; attempt: number; urgent: boolean }): void
  startDispatchBackoff(params: { chat: ChatId; attempt: number }): void
  reclaim(params: { chat: ChatId; ids: readonly MessageId[] }): void
  openPairing(params: { chat: ChatId; wrote: boolean }): void
  requestSlot(params: { chat: ChatId }): void
  releaseSlot(params: { chat: ChatId }): void
  post(params: { chat: ChatId; key: ReplyKey }): void
  startPostBackoff(params: { chat: ChatId; failures: number }): void
  startLag(params: { chat: ChatId; key: ReplyKey }): void
  stopLag(params: { chat: ChatId }): void
  reportUncertain(params: { chat: ChatId; key: ReplyKey }): void
  startLook(params: { chat: ChatId; looks: number }): void
  look(params: { chat: ChatId }): void
  checkLedger(params: { chat: ChatId; key: ReplyKey; answeredAtMs: number | null }): void
  checkQueued(params: { chat: ChatId; keys: readonly ReplyKey[] }): void
  requestTicket(params: { user: UserName }): void
  startPairingBackoff(params: { user: UserName }): void
  startDeadline(params: { user: UserName; atMs: number }): void
}

/** One of them, as data. */
export type Asked = {
  readonly [Name in keyof Effects]: { readonly type: Name; readonly params: Parameters<Effects[Name]>[0] }
}[keyof Effects]

const nothing = () => {}

/** For charts that are only to remember. */
export const noEffects: Effects = {
  commit: nothing,
  dispatch: nothing,
  startDispatchBackoff: nothing,
  reclaim: nothing,
  openPairing: nothing,
  requestSlot: nothing,
  releaseSlot: nothing,
  post: nothing,
  startPostBackoff: nothing,
  startLag: nothing,
  stopLag: nothing,
  reportUncertain: nothing,
  startLook: nothing,
  look: nothing,
  checkLedger: nothing,
  checkQueued: nothing,
  requestTicket: nothing,
  startPairingBackoff: nothing,
  startDeadline: nothing,
}

/** For a host that carries them out later, or elsewhere. */
export const asData = (take: (asked: Asked) => void): Effects =>
  Object.fromEntries(Object.keys(noEffects).map(type => [type, (params: never) => take({ type, params } as Asked)])) as unknown as Effects

/**
 * Carries effects out in the order in which they were asked for, after the step that asked: an effect may make other charts,
 * and XState does not want that inside an action.
 */
export function inOrder<Performers extends { readonly [name: string]: (params: never) => void }>(
  performers: Performers,
  /** One that throws must not keep the others from being carried out. */
  onError: (error: unknown) => void,
): {
  readonly effects: Performers /** Resolves when everything asked for so far has been carried out. */
  readonly drained: () => Promise<void>
} {
  const queue: (() => void)[] = []
  const drain = () => {
    for (let run = queue.shift(); run; run = queue.shift()) {
      try {
        run()
      } catch (error) {
        onError(error)
      }
    }
  }
  const later = (perform: (params: never) => void) => (params: never) => {
    queue.push(() => perform(params))
    if (queue.length === 1) queueMicrotask(drain)
  }
  return {
    effects: Object.fromEntries(Object.entries(performers).map(([name, perform]) => [name, later(perform)])) as Performers,
    drained: () => new Promise(resolve => later(() => resolve())(undefined as never)),
  }
}
