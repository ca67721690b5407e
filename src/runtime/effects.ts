import type { Commit } from '../../machines/records.ts'
import type { ChatId, MessageId, ReplyKey, UserName } from '../domain/ids.ts'

/** What the charts of chats, outboxes and pairing requests ask for. Each answers with an event to the chart that asked. */
export interface Effects {
  commit(params: Commit): void
  dispatch(params: { chat: ChatId; id: MessageId; attempt: number }): void
  startDispatchBackoff(params: { chat: ChatId; attempt: number }): void
  openPairing(params: { chat: ChatId; wrote: boolean }): void
  requestSlot(params: { chat: ChatId }): void
  releaseSlot(params: { chat: ChatId }): void
  post(params: { chat: ChatId; key: ReplyKey }): void
  startPostBackoff(params: { chat: ChatId; failures: number }): void
  startLag(params: { chat: ChatId }): void
  startLook(params: { chat: ChatId; looks: number }): void
  look(params: { chat: ChatId }): void
  checkLedger(params: { chat: ChatId; key: ReplyKey; postedAtMs: number }): void
  requestTicket(params: { user: UserName }): void
  startPairingBackoff(params: { user: UserName }): void
  startDeadline(params: { user: UserName; atMs: number }): void
}
