/** `openclaw channels status --probe`: is the agent there, the mesh joined, and the bot user the agent's own? */
import type { AccountSettings } from '../domain/settings.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'

export type Probe =
  | { readonly ok: true; readonly agentVersion: string; readonly mesh: string; readonly user: string }
  | { readonly ok: false; readonly error: string; readonly agentVersion?: string }

/** Never throws: the host shows what it gets. */
export async function probeAgent(agent: ZtmAgent, settings: AccountSettings, signal: AbortSignal): Promise<Probe> {
  let found: { agentVersion?: string } = {}
  const no = (error: string): Probe => ({ ok: false, error, ...found })
  try {
    found = { agentVersion: (await agent.version(signal)).tag }
    const mesh = await agent.mesh(signal)
    if (mesh === null) return no(`The ZTM agent at ${settings.agentUrl} has not joined the mesh "${settings.meshName}".`)
    if (!mesh.connected) return no(`The mesh "${settings.meshName}" is not connected to its hub; see the ZTM agent's own log.`)
    const user = await agent.appUser(signal)
    if (user !== settings.username) {
      return no(`The ZTM agent is "${user}" on the mesh "${settings.meshName}", but username says "${settings.username}".`)
    }
    return { ok: true, agentVersion: found.agentVersion ?? '', mesh: mesh.name, user }
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  }
}

/** With an agent of its own, for an account that does not run here. */
export async function probeOnce(
  open: (settings: AccountSettings) => ZtmAgent,
  settings: AccountSettings,
  signal: AbortSignal,
): Promise<Probe> {
  try {
    const agent = open(settings)
    try {
      return await probeAgent(agent, settings, signal)
    } finally {
      await agent.close()
    }
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}

export function probeLines(probe: Probe): { text: string; tone?: 'success' | 'error' }[] {
  if (!probe.ok) return [{ text: probe.error, tone: 'error' }]
  return [{ text: `ZTM agent ${probe.agentVersion}, mesh ${probe.mesh}, user ${probe.user}`, tone: 'success' }]
}
