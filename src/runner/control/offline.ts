/** The commands of the control socket, carried out on state at rest. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { accountFolder } from '../../adapters/store/account-store.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Log } from '../../ports/log.ts'
import { type OfflineState, withOfflineState } from '../offline-state.ts'
import { newestChats, newestOf } from './chats.ts'
import { lettersOf, settleLetters } from './letters.ts'
import { notPaired, pairedOf, revokeOf } from './paired.ts'
import { type BotControl, type BotRequest, type BotResults, ControlRefused, type PairingEnd, type Taken } from './protocol.ts'
import { findRecipient } from './recipient.ts'
import { sendOnce } from './sending.ts'
import { unknownCode } from './service.ts'

export type AtRest = {
  readonly accounts: readonly AccountSettings[]
  /** The account of a send that names none. */
  readonly sender: AccountSettings
  readonly stateDir: string
  readonly log: Log
}

export function controlAtRest({ accounts, sender, stateDir, log }: AtRest): BotControl {
  /** Looks at each account that has state; one that never ran has none, and none is made. */
  const each = async <T>(account: string | null, look: (state: OfflineState) => Promise<T> | T): Promise<readonly T[]> => {
    const found: T[] = []
    for (const settings of accounts.filter(({ id }) => account === null || id === account.toLowerCase())) {
      if (!existsSync(join(stateDir, 'accounts', accountFolder(settings.id)))) continue
      found.push(await withOfflineState({ settings, stateDir, log }, look))
    }
    return found
  }
  const end = async (account: string | null, code: string, how: 'approve' | 'reject'): Promise<PairingEnd> => {
    const ended = await each(account, async state => ({ account: state.id, user: await state[how](code) }))
    for (const { account, user } of ended) if (user !== null) return { account, user }
    throw new ControlRefused(unknownCode(code))
  }
  const send = async (message: Extract<BotRequest, { do: 'send' }>): Promise<Taken> => {
    const [known] = await each(sender.id, state => ({
      chats: new Set(Array.from(state.chats(), ({ chat }) => chat)),
      approved: new Set(state.approved()),
    }))
    // The mesh takes its time, in which others may want the state.
    if (known) await findRecipient(sender, known, message.chat)
    const [taken] = await each(sender.id, state => sendOnce(state, message))
    if (taken) return taken
    throw new ControlRefused(
      `The account "${sender.id}" has never run with the state directory ${stateDir}, so nothing was sent; start it with "ztm-chat run", or name its own --state-dir.`,
    )
  }
  const carryOut = async (request: BotRequest): Promise<BotResults[BotRequest['do']]> => {
    switch (request.do) {
      case 'status':
        return { accounts: await each(request.account, statusOf) }
      case 'pairing.list':
        return (await each(request.account, state => state.pairings().map(pending => ({ account: state.id, ...pending })))).flat()
      case 'pairing.approve':
        return end(request.account, request.code, 'approve')
      case 'pairing.reject':
        return end(request.account, request.code, 'reject')
      case 'pairing.approved':
        return (await each(request.account, pairedOf)).flat()
      case 'pairing.revoke': {
        const revoked = (await each(request.account, state => revokeOf(state, request.user))).flat()
        if (revoked.length === 0) throw new ControlRefused(notPaired(request.user))
        return revoked
      }
      case 'chats':
        return newestOf(await each(request.account, state => newestChats([state], request.last)), request.last)
      case 'deadletter.list':
        return (await each(request.account, lettersOf)).flat()
      case 'deadletter.retry':
        return (await each(request.account, state => settleLetters(state, 'retry', request.ids))).flat()
      case 'deadletter.drop':
        return (await each(request.account, state => settleLetters(state, 'drop', request.ids))).flat()
      case 'explain': {
        const found = await each(request.account, async state =>
          (await state.explain(request.wanted)).map(life => ({ account: state.id, ...life })),
        )
        return found.flat()
      }
      case 'send':
        return send(request)
      default:
        return request satisfies never
    }
  }
  return async <Name extends BotRequest['do']>(request: Extract<BotRequest, { do: Name }>) => (await carryOut(request)) as BotResults[Name]
}

const statusOf = ({ id, chatCount, outbox, uncertain, deadLetters, problems, pairings }: OfflineState) => ({
  account: id,
  chats: chatCount,
  outbox,
  uncertain,
  deadLetters: deadLetters().length,
  pendingPairings: pairings().length,
  warnings: problems,
})
