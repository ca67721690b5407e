/** Which of the host's sessions a conversation has. */
import { DEFAULT_ACCOUNT } from '../domain/config.ts'
import { type ChatId, parseChat } from '../domain/ids.ts'
import type { OpenClawConfig, PluginRuntime } from './host.ts'
import { CHANNEL_ID, markOf } from './names.ts'

/** Everybody's transcript apart, whatever `session.dmScope` says: strangers must not read each other through the assistant. */
export const DM_SCOPE = 'per-account-channel-peer'

export type SessionOf = { readonly agentId: string; readonly sessionKey: string }

export type Place = { readonly kind: 'direct' | 'group'; readonly id: string; readonly label: string }

export function routeOf(host: PluginRuntime, account: string, place: Place) {
  const { agentId, dmScope, sessionKey } = host.channel.routing.resolveAgentRoute({
    cfg: host.config.current() as OpenClawConfig,
    channel: CHANNEL_ID,
    accountId: account,
    peer: { kind: place.kind, id: place.id },
    ...(place.kind === 'group' ? {} : { dmScope: DM_SCOPE }),
  })
  return { agentId, ...(dmScope && { dmScope }), sessionKey: exactSessionKey(sessionKey, place, account) }
}

export function placeOf(chat: ChatId): Place {
  const place = parseChat(chat)
  if (place.kind === 'peer') return { kind: 'direct', id: place.peer, label: place.peer }
  const id = `${place.creator}/${place.group}`
  return { kind: 'group', id, label: id }
}

/** A creator may call a group like another one: what tells them apart stands first. */
export const labelOf = ({ label }: Pick<Place, 'label'>, name: string | null): string => (name === null ? label : `${label} (${name})`)

/**
 * The host folds names to lower case in session keys; on the mesh `Alice` and `alice` are two people. And it gives the accounts that meet
 * in a group one session between them. Each mark stands behind a `/`, which no mesh name contains, so that nobody can be called like it.
 */
export function exactSessionKey(sessionKey: string, { kind, id }: Pick<Place, 'kind' | 'id'>, account: string): string {
  const folded = id.toLowerCase()
  const isExact = id === folded || !sessionKey.endsWith(`:${folded}`)
  const exact = isExact ? sessionKey : `${sessionKey}/${markOf(id)}`
  return kind === 'group' && account !== DEFAULT_ACCOUNT ? `${exact}/@${account}` : exact
}
