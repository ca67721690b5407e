/** The real ZTM agent of an account, and its permit. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { ConfigInvalid } from '../../domain/errors.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { PermitSource } from '../../ports/permit-source.ts'
import type { Permit, ZtmAgent } from '../../ports/ztm-agent.ts'
import { fetchPermit } from './permit-server.ts'
import { createUndiciTransport, type TlsIdentity } from './undici-transport.ts'
import { createZtmAgent } from './ztm-agent.ts'

/** @throws {ConfigInvalid} when a TLS file cannot be read. */
export function openAccountAgent(settings: AccountSettings, clock: Clock, log: Log | null): ZtmAgent {
  const { id: account, agentUrl, meshName, apiTimeoutMs, limits } = settings
  return createZtmAgent({
    baseUrl: agentUrl,
    mesh: meshName,
    apiTimeoutMs,
    limits,
    clock,
    transport: createUndiciTransport({ tls: identityOf(settings) }),
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
    if (permit.source === 'file') return permitFrom(permit.path)
    const transport = createUndiciTransport({ tls: identityOf(settings) })
    try {
      return await fetchPermit({ url: permit.url, publicKey, username, timeoutMs: apiTimeoutMs, clock, transport, signal })
    } finally {
      await transport.close()
    }
  }

function identityOf({ id, tls }: AccountSettings): TlsIdentity | null {
  if (tls === null) return null
  const pem = (name: keyof TlsIdentity): string | null => {
    const value = tls[name]
    // A secret reference gives the text itself.
    if (value === null || value.includes('-----BEGIN')) return value
    try {
      return readFileSync(value, 'utf8')
    } catch (cause) {
      throw new ConfigInvalid([`tls.${name} of account "${id}", ${value}, cannot be read (${codeOf(cause)}); expected a PEM file.`])
    }
  }
  return { ca: pem('ca'), cert: pem('cert'), key: pem('key') }
}

const permitSchema = z.looseObject({ ca: z.string(), agent: z.looseObject({ certificate: z.string() }), bootstraps: z.array(z.string()) })

async function permitFrom(path: string): Promise<Permit> {
  try {
    return z.record(z.string(), z.json()).parse(permitSchema.parse(JSON.parse(await readFile(path, 'utf8'))))
  } catch (cause) {
    throw new ConfigInvalid([`permitFilePath ${path} cannot be used as a permit (${faultOf(cause)}); ask the mesh's owner for a new one.`])
  }
}

/** A permit may hold a private key: never quote what stands in it. */
function faultOf(cause: unknown): string {
  if (cause instanceof z.ZodError) return 'it lacks ca, agent.certificate or bootstraps'
  return cause instanceof SyntaxError ? 'it is no JSON' : codeOf(cause)
}

const codeOf = (cause: unknown): string => (cause instanceof Error && 'code' in cause ? String(cause.code) : 'it cannot be read')
