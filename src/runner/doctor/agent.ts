/** The ZTM agent of an account and its mesh. Only questions are asked, none of which changes anything for other clients of the agent. */

import { isLoopback } from '../../domain/config.ts'
import { sentenceOf } from '../../domain/errors.ts'
import { notJoined } from '../../domain/not-joined.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Mesh, ZtmAgent } from '../../ports/ztm-agent.ts'
import { certificateState } from '../../runtime/certificate.ts'
import { hasNoIndex } from '../../runtime/feed.ts'
import { lookAtHub } from '../../runtime/heal/hub-health.ts'
import { type Check, type Finding, findingsOf } from './finding.ts'

export type AgentLook = {
  readonly findings: readonly Finding[]
  /** Null: nobody knows. */
  readonly isJoined: boolean | null
  /** The mesh can be asked about people and groups. */
  readonly isUsable: boolean
}

const AFTER_AGENT: readonly Check[] = ['mesh', 'user', 'certificate', 'feed', 'clock', 'names']

export async function lookAtAgent(agent: ZtmAgent, settings: AccountSettings, clock: Clock, signal: AbortSignal): Promise<AgentLook> {
  const { agentUrl, meshName, id } = settings
  const { ok, problem, unknown } = findingsOf(id)
  const notLookedAt = (checks: readonly Check[], why: string) => checks.map(check => unknown(check, `Not looked at: ${why}.`))
  const findings: Finding[] = []
  let mesh: Mesh | null
  try {
    const { tag } = await agent.version(signal)
    findings.push(
      /^v?[01]\./.test(tag)
        ? problem('agent', `The ZTM agent at ${agentUrl} has version ${tag}.`, 'Install ZTM 2.0 or newer.')
        : ok('agent', `The ZTM agent at ${agentUrl} answers; its version is ${tag}.`),
    )
    mesh = await agent.mesh(signal)
  } catch (error) {
    const remedy = isLoopback(agentUrl)
      ? 'Start the ZTM agent of the bot, or correct agentUrl.'
      : 'Correct agentUrl or tls, or see to that machine.'
    const left = notLookedAt(AFTER_AGENT, 'the ZTM agent does not answer')
    return { findings: [...findings, problem('agent', sentenceOf(error), remedy), ...left], isJoined: null, isUsable: false }
  }
  if (mesh === null) {
    const left = notLookedAt(AFTER_AGENT.slice(1), 'the mesh is not joined')
    return { findings: [...findings, await notJoinedFinding(agent, settings, signal), ...left], isJoined: false, isUsable: false }
  }
  const certificate = certificateFinding(settings, mesh, clock)
  if (!mesh.connected) {
    const last = mesh.errors.at(-1)?.message
    const message = `The mesh "${meshName}" is not connected to its hub${last === undefined ? '' : ` (${last})`}.`
    const remedy = 'See whether the hub runs and can be reached from the machine of the agent; the agent goes on trying by itself.'
    const left = notLookedAt(['feed', 'clock', 'names'], 'the mesh is not connected')
    return {
      findings: [...findings, problem('mesh', message, remedy), ...userFindings(settings, mesh, null), certificate, ...left],
      isJoined: true,
      isUsable: false,
    }
  }
  findings.push(await hubFinding(agent, settings, signal))
  const appUser = await agent.appUser(signal).catch(error => problem('user', sentenceOf(error), CHAT_APP))
  findings.push(...(typeof appUser === 'string' ? userFindings(settings, mesh, appUser) : [appUser]), certificate)
  findings.push(await feedFinding(agent, settings, clock, signal), await clockFinding(agent, settings, clock, signal))
  return { findings, isJoined: true, isUsable: typeof appUser === 'string' }
}

const CHAT_APP = 'The chat app of the ZTM agent does not work; restart the agent.'

async function notJoinedFinding(
  agent: ZtmAgent,
  { id, meshName, permit, agentUrl }: AccountSettings,
  signal: AbortSignal,
): Promise<Finding> {
  const { problem, warning } = findingsOf(id)
  const others = await agent.meshes(signal).catch(() => [])
  const near = others.find(({ name }) => name.toLowerCase() === meshName.toLowerCase())
  const message = `${notJoined(agentUrl, meshName, others)}.`
  if (near !== undefined) return problem('mesh', message, `Set meshName to "${near.name}": names are compared letter for letter.`)
  if (permit !== null) return warning('mesh', message, `It is joined with the permit of the ${permit.source} when the bot starts.`)
  return problem('mesh', message, 'Join the mesh at the agent, correct meshName, or set permitSource.')
}

async function hubFinding(agent: ZtmAgent, { id, meshName, selfHeal }: AccountSettings, signal: AbortSignal): Promise<Finding> {
  const { ok, problem, warning } = findingsOf(id)
  try {
    const state = await lookAtHub(agent, signal)
    if (state === 'online') return ok('mesh', `The mesh "${meshName}" is joined and connected, and its hub sees the agent.`)
    if (state === 'unknown')
      return warning('mesh', `The mesh "${meshName}" was connected a moment ago, and is not now.`, 'Look again in a minute.')
    const message = `The ZTM agent says that the mesh "${meshName}" is connected, and the hub does not see the agent.`
    return problem(
      'mesh',
      message,
      selfHeal ? 'A bot that runs makes it join again by itself; or restart the agent.' : 'Restart the ZTM agent.',
    )
  } catch (error) {
    return problem('mesh', sentenceOf(error), 'Restart the ZTM agent when this does not pass.')
  }
}

function userFindings({ id, meshName, username }: AccountSettings, mesh: Mesh, appUser: string | null): readonly Finding[] {
  const { ok, problem, unknown } = findingsOf(id)
  const found = appUser ?? mesh.username
  if (found === undefined) return [unknown('user', 'Not looked at: the certificate of the agent does not tell its user.')]
  if (found === username) return [ok('user', `The bot is "${username}" on the mesh "${meshName}", as the agent is.`)]
  const message = `The ZTM agent is "${found}" on the mesh "${meshName}", but username is "${username}".`
  return [problem('user', message, `Set username to "${found}", or use the agent of "${username}".`)]
}

function certificateFinding({ id, username }: AccountSettings, mesh: Mesh, clock: Clock): Finding {
  const { ok, problem, warning, unknown } = findingsOf(id)
  const { certificateExpiresAtMs } = mesh
  const state = certificateState(certificateExpiresAtMs ?? null, clock.now())
  const remedy = "Get a new permit from the mesh's owner, and join with it."
  if (state === null && mesh.username === undefined) return problem('certificate', 'The agent has no certificate that can be read.', remedy)
  if (state === null) return unknown('certificate', 'Not looked at: the agent does not say until when its certificate is good.')
  const day = new Date(certificateExpiresAtMs ?? 0).toISOString().slice(0, 10)
  const message = `The certificate of "${username}" ${state === 'expired' ? 'ended' : 'is good until'} ${day}.`
  if (state === 'good') return ok('certificate', message)
  return state === 'expired' ? problem('certificate', message, remedy) : warning('certificate', message, remedy)
}

/** What a list of the newest files brings is not looked at: that there is such a list says that changes can be pushed. */
async function feedFinding(agent: ZtmAgent, { id, feed }: AccountSettings, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const { ok, problem, warning } = findingsOf(id)
  if (feed === 'poll') return ok('feed', 'Chats are polled, as feed says: what the chat app loses is not found.')
  try {
    await agent.files({ sinceMs: clock.now(), keep: () => false }, () => {}, signal)
    return ok('feed', 'The agent has a file index: changes are pushed.')
  } catch (error) {
    const isOld = hasNoIndex(error)
    if (isOld && feed === 'auto') {
      return warning(
        'feed',
        'The agent has no file index: chats are polled, and what its chat app loses is not found.',
        'Install a newer ZTM agent.',
      )
    }
    if (isOld)
      return problem('feed', 'feed is "push", and the agent has no file index.', 'Set feed to "auto", or install a newer ZTM agent.')
    return problem('feed', sentenceOf(error), 'Restart the ZTM agent when this does not pass.')
  }
}

/** An online endpoint was heard of by the hub in the last half minute of the hub's clock. */
const HEARD_WITHIN_MS = 30_000
/** With less than this nothing goes wrong. */
const SKEW_MS_MAX = 60_000

async function clockFinding(agent: ZtmAgent, { id }: AccountSettings, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const { ok, problem, unknown } = findingsOf(id)
  try {
    const endpoints = await agent.endpoints(signal)
    const nowMs = clock.now()
    const heard = endpoints.flatMap(({ online, heartbeatMs }) => (online && heartbeatMs !== undefined ? [heartbeatMs] : []))
    if (heard.length === 0) return unknown('clock', 'Not looked at: the hub does not tell its time.')
    const newestMs = Math.max(...heard)
    const skewMs = nowMs < newestMs ? nowMs - newestMs : Math.max(0, nowMs - newestMs - HEARD_WITHIN_MS)
    if (Math.abs(skewMs) <= SKEW_MS_MAX) return ok('clock', 'The clock of this machine agrees with that of the hub.')
    const message = `The clock of this machine is at least ${durationOf(Math.abs(skewMs))} ${skewMs < 0 ? 'behind' : 'ahead of'} that of the hub.`
    return problem('clock', message, 'Set both by a time server (NTP): the age of messages is judged by them, and certificates are.')
  } catch (error) {
    return problem('clock', sentenceOf(error), 'Restart the ZTM agent when this does not pass.')
  }
}

function durationOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 120) return `${minutes} min`
  return minutes < 2 * 24 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / (24 * 60))} days`
}
