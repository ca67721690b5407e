import type { Endpoint, Hub } from './hub.ts'

export const VERSION = {
  ztm: { edition: 'Community', tag: 'v2.0.0', commit: '8eeb411c4e562112492174a7604ab68cdfec3fae', date: 'Wed, 4 Mar 2026 20:17:34 +0800' },
  pipy: { tag: '2.0.0-alpha.4', commit: 'd7674b8ff997516a42c18d8804ec296accae62ed', date: 'Tue, 24 Feb 2026 15:01:22 +0800' },
}

export function endpointLine(hub: Hub, endpoint: Endpoint): object {
  const { id, name, user, port, online } = endpoint
  const known = hub.now() >= endpoint.knownFromMs
  return {
    id,
    name,
    hubs: known ? [hub.id] : [],
    agent: { version: VERSION, labels: [] },
    username: user,
    ip: '127.0.0.1',
    port,
    heartbeat: hub.heartbeatOf(endpoint),
    ping: known ? 0 : null,
    online,
    stats: { controlSessions: online ? 1 : 0, passiveSessions: 0 },
  }
}

function instanceLine(hub: Hub, endpoint: Endpoint, localId: string): object {
  const { id, name, port, online } = endpoint
  const local = id === localId ? { isLocal: true } : {}
  return { id, name, labels: [], ip: '127.0.0.1', port, heartbeat: hub.heartbeatOf(endpoint), ping: null, online, ...local }
}

/** Users in the order of their first endpoint. */
export function userLines(hub: Hub, endpoints: readonly Endpoint[], localId: string): readonly { readonly name: string }[] {
  const instances = new Map<string, object[]>()
  for (const endpoint of endpoints) {
    const known = instances.get(endpoint.user)
    if (known) known.push(instanceLine(hub, endpoint, localId))
    else instances.set(endpoint.user, [instanceLine(hub, endpoint, localId)])
  }
  return [...instances].map(([name, list]) => ({ name, endpoints: { count: list.length, instances: list } }))
}
