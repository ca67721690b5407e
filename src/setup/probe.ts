/** Whether an account would work: is the agent there, the mesh joined, and the bot user the agent's own? */
import { notJoined } from '../domain/not-joined.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'

export type Probe =
  | { readonly ok: true; readonly agentVersion: string; readonly mesh: string; readonly user: string; readonly note?: string }
  | { readonly ok: false; readonly error: string; readonly agentVersion?: string }

export type OpenAgent = (settings: AccountSettings) => ZtmAgent

/** Never throws: whoever asks shows what it gets. */
export async function probeAgent(agent: ZtmAgent, settings: AccountSettings, signal: AbortSignal): Promise<Probe> {
  const { agentUrl, meshName, username, permit } = settings
  let found: { agentVersion?: string } = {}
  const no = (error: string): Probe => ({ ok: false, error, ...found })
  try {
    const agentVersion = (await agent.version(signal)).tag
    found = { agentVersion }
    const mesh = await agent.mesh(signal)
    if (mesh === null) {
      if (permit === null) {
        const what = notJoined(agentUrl, meshName, await agent.meshes(signal))
        return no(`${what}; join it there, correct meshName, or set permitSource.`)
      }
      const note = `the mesh is joined with the permit of the ${permit.source} when the account starts`
      return { ok: true, agentVersion, mesh: meshName, user: username, note }
    }
    if (!mesh.connected) return no(`The mesh "${meshName}" is not connected to its hub; see the ZTM agent's own log.`)
    const user = await agent.appUser(signal)
    if (user !== username) return no(`The ZTM agent is "${user}" on the mesh "${meshName}", but username says "${username}".`)
    const endsMs = mesh.certificateExpiresAtMs
    const note = endsMs === undefined ? {} : { note: `certificate until ${new Date(endsMs).toISOString().slice(0, 10)}` }
    return { ok: true, agentVersion, mesh: mesh.name, user, ...note }
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  }
}

/** With an agent of its own, for an account that does not run here. */
export async function probeOnce(open: OpenAgent, settings: AccountSettings, signal: AbortSignal): Promise<Probe> {
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

export const probeSentence = (probe: Probe): string =>
  probe.ok
    ? `ZTM agent ${probe.agentVersion}, mesh ${probe.mesh}, user ${probe.user}${probe.note === undefined ? '' : ` (${probe.note})`}`
    : probe.error

export type Detected = {
  readonly version: string
  readonly meshes: readonly { readonly name: string; readonly connected: boolean; readonly user: string | null }[]
}

/** What an agent says of itself, for whoever has not chosen a mesh yet. Rejects with one sentence when there is no answer. */
export async function detect(open: OpenAgent, settings: AccountSettings, signal: AbortSignal): Promise<Detected> {
  const agent = open(settings)
  try {
    const version = (await agent.version(signal)).tag
    const meshes = await agent.meshes(signal)
    return { version, meshes: meshes.map(({ name, connected, username }) => ({ name, connected, user: username ?? null })) }
  } finally {
    await agent.close()
  }
}
