import type { AccountSettings } from '../domain/settings.ts'
import type { Permit } from './ztm-agent.ts'

/**
 * Gets the account's permit, from the permit server or the file that the settings name. `publicKey` is the agent's, PEM.
 * @throws ZtmChatError; one that is not retryable needs people.
 */
export type PermitSource = (settings: AccountSettings, publicKey: string, signal: AbortSignal) => Promise<Permit>
