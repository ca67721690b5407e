/** The commands of the control socket, carried out on a running system. */
import type { AccountId } from '../../domain/ids.ts'
import type { AccountHandle, Runtime } from '../../runtime/runtime.ts'
import { newestChats } from './chats.ts'
import { lettersOf, settleLetters } from './letters.ts'
import { notPaired, pairedOf, revokeOf } from './paired.ts'
import {
  type Control,
  ControlRefused,
  type ControlRequest,
  type ControlResults,
  type Explained,
  type KeptLetter,
  type Paired,
  type PairingEnd,
  type Taken,
} from './protocol.ts'
import { sendOnce } from './sending.ts'

type Settling = Extract<ControlRequest, { do: 'deadletter.retry' | 'deadletter.drop' }>
type Revoking = Extract<ControlRequest, { do: 'pairing.revoke' }>
type Explaining = Extract<ControlRequest, { do: 'explain' }>
type Sending = Extract<ControlRequest, { do: 'send' }>

export function controlOf(runtime: Pick<Runtime, 'account' | 'accounts' | 'unopened'>, defaultAccount: AccountId): Control {
  const chosen = (id: string | null): readonly AccountHandle[] => {
    if (id === null) return runtime.accounts()
    const account = runtime.account(id.toLowerCase())
    if (account) return [account]
    const known = runtime.accounts().map(each => JSON.stringify(each.id))
    throw new ControlRefused(`No account "${id}" runs here; expected ${known.join(' or ')}.`)
  }
  const end = async (id: string | null, code: string, act: (account: AccountHandle) => Promise<string | null>): Promise<PairingEnd> => {
    for (const account of chosen(id)) {
      const user = await act(account)
      if (user !== null) return { account: account.id, user }
    }
    throw new ControlRefused(unknownCode(code))
  }
  const settle = async ({ do: what, account, ids }: Settling): Promise<readonly KeptLetter[]> => {
    const settled: KeptLetter[] = []
    for (const each of chosen(account)) settled.push(...(await settleLetters(each, what === 'deadletter.retry' ? 'retry' : 'drop', ids)))
    return settled
  }
  const revoke = async ({ account, user }: Revoking): Promise<readonly Paired[]> => {
    const revoked = (await Promise.all(chosen(account).map(each => revokeOf(each, user)))).flat()
    if (revoked.length === 0) throw new ControlRefused(notPaired(user))
    return revoked
  }
  const explain = async ({ account, wanted }: Explaining): Promise<readonly Explained[]> => {
    const all = await Promise.all(
      chosen(account).map(async each => (await each.explain(wanted)).map(life => ({ account: each.id, ...life }))),
    )
    return all.flat()
  }
  const sending = new Map<string, Promise<Taken>>()
  const send = async ({ account, chat, text, key, files }: Sending): Promise<Taken> => {
    const [sender] = chosen(account ?? defaultAccount)
    // Of two with one key at once the second is to see the first.
    const name = JSON.stringify([sender!.id, chat, key])
    const before = sending.get(name)?.catch(() => {}) ?? Promise.resolve()
    const sent = before.then(async () => {
      await sender!.findRecipient(chat)
      return sendOnce(sender!, { chat, text, key, files })
    })
    sending.set(name, sent)
    try {
      return await sent
    } finally {
      if (sending.get(name) === sent) sending.delete(name)
    }
  }
  const carryOut = (request: ControlRequest): ControlResults[ControlRequest['do']] | Promise<ControlResults[ControlRequest['do']]> => {
    switch (request.do) {
      case 'hello':
        return { pid: process.pid }
      case 'status':
        return {
          pid: process.pid,
          accounts: [
            ...chosen(request.account).map(account => ({ ...account.status(), deadLetters: account.deadLetters().length })),
            ...(request.account === null ? runtime.unopened().map(status => ({ ...status, deadLetters: 0 })) : []),
          ],
        }
      case 'pairing.list':
        return chosen(request.account).flatMap(account => account.pairings().map(pending => ({ account: account.id, ...pending })))
      case 'pairing.approve':
        return end(request.account, request.code, account => account.approve(request.code))
      case 'pairing.reject':
        return end(request.account, request.code, account => account.reject(request.code))
      case 'pairing.approved':
        return chosen(request.account).flatMap(pairedOf)
      case 'pairing.revoke':
        return revoke(request)
      case 'chats':
        return newestChats(chosen(request.account), request.last)
      case 'deadletter.list':
        return chosen(request.account).flatMap(lettersOf)
      case 'deadletter.retry':
      case 'deadletter.drop':
        return settle(request)
      case 'explain':
        return explain(request)
      case 'send':
        return send(request)
      default:
        return request satisfies never
    }
  }
  return async <Name extends ControlRequest['do']>(request: Extract<ControlRequest, { do: Name }>) =>
    (await carryOut(request)) as ControlResults[Name]
}

export const unknownCode = (code: string, place = '--state-dir'): string =>
  `No pending request has the code ${JSON.stringify(code)}; it may have been used, have expired, or be of another ${place}: "ztm-chat pairing list" shows those that are pending.`
