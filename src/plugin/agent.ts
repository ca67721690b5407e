/** The real ZTM agent of an account, and its permit. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { z } from 'zod'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { fetchPermit } from '../adapters/ztm/permit-server.ts'
import { createUndiciTransport, type TlsIdentity } from '../adapters/ztm/undici-transport.ts'
import { createZtmAgent } from '../adapters/ztm/ztm-agent.ts'
import { expandHome } from '../domain/config.ts'
import { ConfigInvalid } from '../domain/errors.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { PermitSource } from '../ports/permit-source.ts'
import type { Permit, ZtmAgent } from '../ports/ztm-agent.ts'

export const atHome = (settings: AccountSettings): AccountSettings => expandHome(settings, homedir())

export function openAgent(settings: AccountSettings): ZtmAgent {
  return createZtmAgent({
    baseUrl: settings.agentUrl,
    mesh: settings.meshName,
    apiTimeoutMs: settings.apiTimeoutMs,
    limits: settings.limits,
    clock: systemClock,
    transport: createUndiciTransport({ tls: settings.tls && tlsOf(settings.tls) }),
  })
}

/** A PEM text, as a secret reference gives it, or the path of one. */
const pem = (value: string | null): string | null => (value === null || value.includes('-----BEGIN') ? value : readFileSync(value, 'utf8'))
const tlsOf = ({ ca, cert, key }: TlsIdentity): TlsIdentity => ({ ca: pem(ca), cert: pem(cert), key: pem(key) })

export const getPermit: PermitSource = async (settings, publicKey, signal) => {
  const { permit, username, apiTimeoutMs, tls } = settings
  if (permit === null)
    throw new ConfigInvalid([`Account "${settings.id}" has no permitSource; set it to "server" or "file", or join the mesh at the agent.`])
  if (permit.source === 'file') return permitFrom(permit.path)
  const transport = createUndiciTransport({ tls: tls && tlsOf(tls) })
  try {
    return await fetchPermit({ url: permit.url, publicKey, username, timeoutMs: apiTimeoutMs, clock: systemClock, transport, signal })
  } finally {
    await transport.close()
  }
}

const permitSchema = z.looseObject({ ca: z.string(), agent: z.looseObject({ certificate: z.string() }), bootstraps: z.array(z.string()) })

async function permitFrom(path: string): Promise<Permit> {
  try {
    return z.record(z.string(), z.json()).parse(permitSchema.parse(JSON.parse(await readFile(path, 'utf8'))))
  } catch (cause) {
    throw new ConfigInvalid([`permitFilePath ${path} cannot be used as a permit (${faultOf(cause)}); ask the mesh's owner for a new one.`])
  }
}

/** A permit holds a private key: never quote what stands in it. */
function faultOf(cause: unknown): string {
  if (cause instanceof z.ZodError) return 'it lacks ca, agent.certificate or bootstraps'
  if (cause instanceof SyntaxError) return 'it is no JSON'
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'it cannot be read'
}
