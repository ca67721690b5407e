/** The commands of the control socket, carried out on state at rest. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../adapters/clock/system-clock.ts'
import { accountFolder } from '../../adapters/store/account-store.ts'
import { openAccountAgent } from '../../adapters/ztm/account-agent.ts'
import type { ChatId, UserName } from '../../domain/ids.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Log } from '../../ports/log.ts'
import { createRecipients } from '../../runtime/recipients.ts'
import { type OfflineState, withOfflineState } from '../offline-state.ts'
import { newestChats } from './chats.ts'
import { lettersOf, type Settlement, settleLetters } from './letters.ts'
import { notPaired, pairedOf, revokeOf } from './paired.ts'
import {
  ControlRefused,
  type Explained,
  type KeptChats,
  type KeptLetter,
  type Paired,
  type PairingEnd,
  type PendingPairing,
  type Taken,
  type WantedLives,
} from './protocol.ts'
import { type Sending, sendOnce } from './sending.ts'
import { unknownCode } from './service.ts'

export type AtRest = {
  readonly accounts: readonly AccountSettings[]
  /** The account of a send that names none. */
  readonly sender: AccountSettings
  readonly stateDir: string
  readonly log: Log
}

/** Looks at each account that has state; one that never ran has none, and none is made. */
export async function eachAtRest<T>(
  { accounts, stateDir, log }: Omit<AtRest, 'sender'>,
  look: (state: OfflineState, settings: AccountSettings) => Promise<T> | T,
): Promise<readonly T[]> {
  const found: T[] = []
  for (const settings of accounts) {
    if (!existsSync(join(stateDir, 'accounts', accountFolder(settings.id)))) continue
    found.push(await withOfflineState({ settings, stateDir, log }, state => look(state, settings)))
  }
  return found
}

export async function pairingsAtRest(atRest: AtRest): Promise<readonly PendingPairing[]> {
  const found = await eachAtRest(atRest, (state, { id }) => state.pairings().map(pending => ({ account: id, ...pending })))
  return found.flat()
}

export async function endPairingAtRest(atRest: AtRest, how: 'approve' | 'reject', code: string): Promise<PairingEnd> {
  const ended = await eachAtRest(atRest, async (state, { id }) => ({ account: id, user: await state[how](code) }))
  for (const { account, user } of ended) if (user !== null) return { account, user }
  throw new ControlRefused(unknownCode(code))
}

export async function pairedAtRest(atRest: AtRest): Promise<readonly Paired[]> {
  return (await eachAtRest(atRest, pairedOf)).flat()
}

export async function revokeAtRest(atRest: AtRest, user: string): Promise<readonly Paired[]> {
  const revoked = (await eachAtRest(atRest, state => revokeOf(state, user))).flat()
  if (revoked.length === 0) throw new ControlRefused(notPaired(user))
  return revoked
}

export async function chatsAtRest(atRest: AtRest, last: number): Promise<KeptChats> {
  const found = await eachAtRest(atRest, state => newestChats([state], last))
  const chats = found.flatMap(each => each.chats).sort((one, other) => (other.lastAtMs ?? 0) - (one.lastAtMs ?? 0))
  return { total: found.reduce((sum, each) => sum + each.total, 0), chats: chats.slice(0, last) }
}

export async function lettersAtRest(atRest: AtRest): Promise<readonly KeptLetter[]> {
  return (await eachAtRest(atRest, lettersOf)).flat()
}

/** No ids: all there are. */
export async function settleAtRest(atRest: AtRest, how: Settlement, ids: readonly string[] | null): Promise<readonly KeptLetter[]> {
  const settled = await eachAtRest(atRest, state => settleLetters(state, how, ids ?? state.deadLetters().map(({ id }) => id)))
  return settled.flat()
}

export async function explainAtRest(atRest: AtRest, wanted: WantedLives): Promise<readonly Explained[]> {
  const found = await eachAtRest(atRest, async (state, { id }) => (await state.explain(wanted)).map(life => ({ account: id, ...life })))
  return found.flat()
}

/** @throws {NobodyThere} */
async function findRecipient(
  settings: AccountSettings,
  { chats, approved }: { chats: ReadonlySet<ChatId>; approved: ReadonlySet<UserName> },
  chat: ChatId,
): Promise<void> {
  const agent = openAccountAgent(settings, systemClock, null)
  const isPaired = async (user: UserName) => approved.has(user)
  try {
    await createRecipients({ settings, agent, clock: systemClock, chats, isPaired, isSettled: () => true }).find(chat)
  } finally {
    await agent.close()
  }
}

/** @throws {NobodyThere} when nobody is there to read it. */
export async function sendAtRest({ sender, stateDir, log }: AtRest, message: Sending): Promise<Taken> {
  const where = { accounts: [sender], stateDir, log }
  const [known] = await eachAtRest(where, state => ({
    chats: new Set(Array.from(state.chats(), ({ chat }) => chat)),
    approved: new Set(state.approved()),
  }))
  // The mesh takes its time, in which others may want the state.
  if (known) await findRecipient(sender, known, message.chat)
  const [taken] = await eachAtRest(where, state => sendOnce(state, message))
  if (taken) return taken
  throw new ControlRefused(
    `The account "${sender.id}" has never run with the state directory ${stateDir}, so nothing was sent; start it with "ztm-chat run", or name its own --state-dir.`,
  )
}
