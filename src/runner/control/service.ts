/** The commands of the control socket, carried out on a running system. */
import type { AccountHandle, Runtime } from '../../runtime/runtime.ts'
import { type Control, ControlRefused, type ControlRequest, type ControlResults, type PairingEnd } from './protocol.ts'

export function controlOf(runtime: Runtime): Control {
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
  const carryOut = (request: ControlRequest): ControlResults[ControlRequest['do']] | Promise<PairingEnd> => {
    switch (request.do) {
      case 'hello':
        return { pid: process.pid }
      case 'status':
        return { pid: process.pid, accounts: chosen(request.account).map(account => account.status()) }
      case 'pairing.list':
        return chosen(request.account).flatMap(account => account.pairings().map(pending => ({ account: account.id, ...pending })))
      case 'pairing.approve':
        return end(request.account, request.code, account => account.approve(request.code))
      case 'pairing.reject':
        return end(request.account, request.code, account => account.reject(request.code))
      default:
        return request satisfies never
    }
  }
  return async <Name extends ControlRequest['do']>(request: Extract<ControlRequest, { do: Name }>) =>
    (await carryOut(request)) as ControlResults[Name]
}

export const unknownCode = (code: string): string =>
  `No pending request has the code ${JSON.stringify(code)}; "ztm-chat pairing list" shows those that are pending.`
