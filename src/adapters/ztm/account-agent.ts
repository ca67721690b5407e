/** The real ZTM agent of an account, and its permit. */
import { getCACertificates } from 'node:tls'
import { ConfigInvalid, PermitUnusable } from '../../domain/errors.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { PermitSource } from '../../ports/permit-source.ts'
import type { Permit, ZtmAgent } from '../../ports/ztm-agent.ts'
import { type PermitHolder, usablePermit } from './permit.ts'
import { fetchPermit, reachPermitServer } from './permit-server.ts'
import { readSmallFile } from './small-file.ts'
import type { TlsIdentity } from './tls-faults.ts'
import { readTlsIdentity } from './tls-identity.ts'
import { createUndiciTransport } from './undici-transport.ts'
import { createZtmAgent } from './ztm-agent.ts'

/** `mayWrite`: asked just before anything is written. @throws {ConfigInvalid} when a TLS file cannot be read. */
export function openAccountAgent(settings: AccountSettings, clock: Clock, log: Log | null, mayWrite?: () => boolean): ZtmAgent {
  const { id: account, agentUrl, meshName, apiTimeoutMs, limits } = settings
  return createZtmAgent({
    baseUrl: agentUrl,
    mesh: meshName,
    apiTimeoutMs,
    limits,
    clock,
    transport: createUndiciTransport({ tls: readTlsIdentity(settings), ...(mayWrite && { mayWrite }) }),
    onOddity: (route, sentence) => log?.warn({ account, route, sentence }, 'odd answer of the ZTM agent'),
  })
}

/** Server or file, as the settings say. */
export const permitSource =
  (clock: Clock): PermitSource =>
  async (settings, publicKey, signal) => {
    const { id, permit, username, apiTimeoutMs } = settings
    if (permit === null) {
      throw new ConfigInvalid([`Account "${id}" has no permitSource; set it to "server" or "file", or join the mesh at the agent.`])
    }
    if (permit.source === 'file') return permitFrom(permit.path, { username, publicKey, nowMs: clock.now() })
    const transport = createUndiciTransport({ tls: permitIdentityOf(settings) })
    try {
      return await fetchPermit({ url: permit.url, publicKey, username, timeoutMs: apiTimeoutMs, clock, transport, signal })
    } finally {
      await transport.close()
    }
  }

/** The permit server may be a public one: what the agent's authority signed is trusted besides, not instead. */
function permitIdentityOf(settings: AccountSettings): TlsIdentity | null {
  const identity = readTlsIdentity(settings)
  return identity?.ca ? { ...identity, ca: [identity.ca, ...getCACertificates()].join('\n') } : identity
}

/** The status with which the permit server answers a request that asks for nothing. `url` is the account's permitUrl. */
export async function reachPermits(settings: AccountSettings, url: string, clock: Clock, signal: AbortSignal): Promise<number> {
  const transport = createUndiciTransport({ tls: permitIdentityOf(settings) })
  try {
    return await reachPermitServer({ url, timeoutMs: settings.apiTimeoutMs, clock, transport, signal })
  } finally {
    await transport.close()
  }
}

function permitFrom(path: string, holder: PermitHolder): Permit {
  const from = `The permit file ${path}`
  // The permit of a mesh's first user holds a private key.
  const file = readSmallFile(path, { isSecret: true })
  if ('fault' in file) throw new PermitUnusable(`${from} ${file.fault}.`)
  return usablePermit(parsed(file.text, from), from, holder)
}

function parsed(text: string, from: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Without its cause: that quotes the text.
    throw new PermitUnusable(`${from} is no JSON; ask the mesh's owner for a new one.`)
  }
}
