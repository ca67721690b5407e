/** Whom pairing has let in, of accounts that run or rest. */
import type { AccountHandle } from '../../runtime/runtime.ts'
import type { Paired } from './protocol.ts'

export const pairedOf = (account: Pick<AccountHandle, 'id' | 'approved'>): readonly Paired[] =>
  account.approved().map(user => ({ account: account.id, user }))

/** The approval that was taken back, if there was one. Resolves when it is durable. */
export async function revokeOf(account: Pick<AccountHandle, 'id' | 'revoke'>, user: string): Promise<readonly Paired[]> {
  const revoked = await account.revoke(user)
  return revoked === null ? [] : [{ account: account.id, user: revoked }]
}

export const notPaired = (user: string): string =>
  `Pairing has not let in ${JSON.stringify(user)}; "ztm-chat users" shows whom it has, and names are compared letter for letter.`
