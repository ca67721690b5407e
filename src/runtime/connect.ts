/** Is everything there for this bot user? Each answer is an event for the account's chart, with one sentence of remedy. */
import type { AccountEvent } from '../../machines/account.ts'
import { ZtmAgentRefused, ZtmChatError } from '../domain/errors.ts'
import { notJoined } from '../domain/not-joined.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { PermitSource } from '../ports/permit-source.ts'
import type { Mesh, ZtmAgent } from '../ports/ztm-agent.ts'

const CONNECTED_WITHIN_MS = 10_000
const CONNECTED_LOOK_MS = 250

type Outcome = Extract<AccountEvent, { type: `probe.${string}` | `join.${string}` }>

const sentence = (error: unknown) => (error instanceof Error ? error.message : String(error))

const isForbidden = (error: unknown) => error instanceof ZtmAgentRefused && (error.status === 401 || error.status === 403)

export async function probe(
  agent: ZtmAgent,
  settings: AccountSettings,
  { storeTrouble, onMesh }: { readonly storeTrouble: string | null; readonly onMesh: (mesh: Mesh) => void },
  signal: AbortSignal,
): Promise<Outcome> {
  const { meshName, username } = settings
  const at = `mesh "${meshName}" of the ZTM agent at ${settings.agentUrl}`
  try {
    const mesh = await agent.mesh(signal)
    if (mesh) onMesh(mesh)
    if (!mesh) {
      if (settings.permit) return { type: 'probe.not-joined' }
      // Whatever else answers at agentUrl knows no mesh either: it has no list of meshes, and says so.
      const what = notJoined(settings.agentUrl, meshName, await agent.meshes(signal))
      return {
        type: 'probe.blocked',
        reason: `${what}; join it there, correct meshName, or set permitSource (and permitUrl or permitFilePath).`,
      }
    }
    if (mesh.username !== undefined && mesh.username !== username) {
      return {
        type: 'probe.blocked',
        reason: `The user of ${at} is "${mesh.username}", but username is "${username}"; set username to "${mesh.username}", or use the agent of "${username}".`,
      }
    }
    if (!mesh.connected) {
      const last = mesh.errors.at(-1)?.message
      return { type: 'probe.failed', reason: `The ${at} is not connected to its hub${last ? ` (${last})` : ''}; it is tried again.` }
    }
    const appUser = await agent.appUser(signal)
    if (appUser !== username) {
      return {
        type: 'probe.blocked',
        reason: `The chat app of ${at} runs as "${appUser}", but username is "${username}"; set username to "${appUser}".`,
      }
    }
    if (storeTrouble) return { type: 'probe.failed', reason: storeTrouble }
    return { type: 'probe.passed' }
  } catch (error) {
    return { type: isForbidden(error) ? 'probe.blocked' : 'probe.failed', reason: sentence(error) }
  }
}

export async function join(
  agent: ZtmAgent,
  settings: AccountSettings,
  permits: PermitSource,
  clock: Clock,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const permit = await permits(settings, await agent.identity(signal), signal)
    await agent.join(permit, signal)
    // `connected` is false for some moments after the join.
    for (const untilMs = clock.monotonic() + CONNECTED_WITHIN_MS; clock.monotonic() < untilMs && !signal.aborted; ) {
      if ((await agent.mesh(signal))?.connected) break
      await new Promise<void>(resolve => clock.after(CONNECTED_LOOK_MS, resolve))
    }
    return { type: 'join.done' }
  } catch (error) {
    const mended = error instanceof ZtmChatError && error.retryable
    return { type: mended ? 'join.failed' : 'join.blocked', reason: sentence(error) }
  }
}
