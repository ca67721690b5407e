/** The gateway's own pairing store: `openclaw pairing list|approve` reads and writes it, in a process of its own. */
import type { AccountId } from '../domain/ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { PairingStore } from '../ports/pairing-store.ts'
import type { PluginRuntime } from './host.ts'
import { CHANNEL_ID } from './names.ts'

/** How long the gateway's store keeps a code. It does not tell, so this is its constant. */
const CODE_MS = 3_600_000

export type PairingOptions = {
  readonly pairing: PluginRuntime['channel']['pairing']
  readonly accountId: AccountId
  readonly isOnlyAccount: boolean
  readonly clock: Clock
}

export function createPairingStore({ pairing, accountId, isOnlyAccount, clock }: PairingOptions): PairingStore {
  return {
    async request(user) {
      const { code, created } = await pairing.upsertPairingRequest({ channel: CHANNEL_ID, accountId, id: user, meta: { name: user } })
      // That is how the store says that it has three pending requests of this account.
      if (code === '') return { status: 'full' }
      // For a request of an earlier process this is the latest moment that it can expire.
      return { status: created ? 'created' : 'pending', code, expiresAtMs: clock.now() + CODE_MS }
    },
    approved: () => pairing.readAllowFromStore({ channel: CHANNEL_ID, accountId }),
    instructions(user, code) {
      const account = isOnlyAccount ? '' : ` --account ${accountId}`
      return [
        `I do not know you yet, ${user}, so I may not answer.`,
        `Pairing code: ${code}`,
        'Ask my owner to approve you with:',
        `openclaw pairing approve ${CHANNEL_ID} ${code}${account}`,
      ].join('\n')
    },
  }
}
