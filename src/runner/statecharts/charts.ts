import type { AnyStateMachine } from 'xstate'
import { accountMachine } from '../../../machines/account.ts'
import { chatMachine } from '../../../machines/chat.ts'
import { outboxMachine } from '../../../machines/outbox.ts'
import { pairingMachine } from '../../../machines/pairing.ts'
import { snapshotMachine } from '../../../machines/snapshot.ts'
import { watcherMachine } from '../../../machines/watcher.ts'

/** Every chart of machines/, by the name of its file. */
export const charts: Readonly<Record<string, AnyStateMachine>> = {
  account: accountMachine,
  chat: chatMachine,
  outbox: outboxMachine,
  pairing: pairingMachine,
  snapshot: snapshotMachine,
  watcher: watcherMachine,
}
