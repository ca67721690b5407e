/** How the accounts of a fleet are, as their feeders tell it. */
import { type Transport, TransportFailure } from '../adapters/ztm/transport.ts'
import type { AccountId } from '../domain/ids.ts'
import type { AccountStatus } from '../runtime/runtime.ts'
import { ACCOUNTS } from './feeder/posts-server.ts'

/** `troubles`: one sentence for each feeder that does not tell. */
export type Told = { readonly accounts: ReadonlyMap<AccountId, AccountStatus>; readonly troubles: readonly string[] }

/** Whoever looks waits for it. */
const ANSWER_MS = 5_000
const ANSWER_BYTES_MAX = 16_000_000

/** `addresses`: `HOST:PORT` of each. What a feeder knows is the connection; what it does not know is 0 (`AccountFeed.status`). Never rejects. */
export async function accountsAt(addresses: readonly string[], secret: string, transport: Pick<Transport, 'request'>): Promise<Told> {
  const accounts = new Map<AccountId, AccountStatus>()
  const troubles: string[] = []
  const answers = await Promise.all(addresses.map(address => ask(address, secret, transport)))
  for (const answer of answers) {
    if (typeof answer === 'string') troubles.push(answer)
    else for (const status of answer) accounts.set(status.account, status)
  }
  return { accounts, troubles }
}

/** A sentence when there is no answer. */
async function ask(address: string, secret: string, transport: Pick<Transport, 'request'>): Promise<readonly AccountStatus[] | string> {
  try {
    const { status, body } = await transport.request({
      method: 'GET',
      url: `http://${address}${ACCOUNTS}`,
      headers: { authorization: `Bearer ${secret}` },
      pool: 'read',
      signal: AbortSignal.timeout(ANSWER_MS),
      maxBytes: ANSWER_BYTES_MAX,
    })
    if (status === 401) return `The feeder at ${address} has another secret; give the same to every process of the fleet.`
    const told = status === 200 ? accountsIn(Buffer.from(body).toString()) : null
    return told ?? `What answers at ${address} does not tell how its accounts are (${status}); is it a feeder of this version?`
  } catch (error) {
    const reason = error instanceof TransportFailure ? error.message : String(error)
    return `The feeder at ${address} does not answer: ${reason}. Is it running, and can it be reached from here?`
  }
}

function accountsIn(text: string): readonly AccountStatus[] | null {
  try {
    const { accounts } = JSON.parse(text) as { readonly accounts?: readonly AccountStatus[] }
    return Array.isArray(accounts) ? accounts : null
  } catch {
    return null
  }
}
