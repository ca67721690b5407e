import type { Json } from '../../domain/json.ts'
import type { SimAgent } from './agent.ts'
import { endpointLine, userLines, VERSION } from './directory.ts'
import type { IndexedFile } from './file-index.ts'
import { type AgentResponse, bare, HandlerFailed, json, NotConnected, octets, plain } from './http.ts'
import { type Endpoint, type EndpointQuery, HUB_ADDRESS } from './hub.ts'
import { decodeJson } from './json-text.ts'
import type { Membership } from './membership.ts'
import { certificatePem, isPublicKey, publicOfPrivate } from './pem.ts'
import { decodePiece, numberOf, type Params, pattern } from './routes.ts'

export type Call = {
  readonly agent: SimAgent
  readonly params: Params
  readonly query: ReadonlyMap<string, string>
  readonly body: Uint8Array
  readonly signal: AbortSignal | null
}
export type Handler = (call: Call) => AgentResponse | Promise<AgentResponse>

const meshName = ({ agent, params }: Call): string => decodePiece(params['mesh']!, agent.quirks)
const home = (call: Call): Membership | undefined => call.agent.membership(meshName(call))
const rest = ({ agent, params }: Call): string => `/${decodePiece(params['*']!, agent.quirks)}`

export function meshLine({ stored, user, connected, errors }: Membership): object {
  const { id, name, certificate } = stored.agent
  return {
    name: stored.name,
    ca: stored.ca,
    agent: { id, name, ...(user === '' ? {} : { username: user }), certificate, labels: [], offline: false },
    bootstraps: stored.bootstraps,
    connected,
    errors,
  }
}

/** What the real agent's storage says about a body that is no mesh. */
function joinBody(call: Call): Readonly<Record<string, Json | undefined>> {
  const body = decodeJson(call.body, call.agent.quirks)
  if (body === null) throw new HandlerFailed('cannot read property of null')
  if (home(call) && typeof body === 'object' && !Array.isArray(body)) return body as Record<string, Json>
  if (typeof body !== 'object' || Array.isArray(body)) throw new HandlerFailed('cannot set property of undefined')
  const mesh = body as Record<string, Json>
  if (typeof mesh['agent'] !== 'object' || mesh['agent'] === null) throw new HandlerFailed('cannot set property of undefined')
  if (!Array.isArray(mesh['bootstraps'])) throw new HandlerFailed('cannot read property of undefined')
  return mesh
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

async function permit(call: Call): Promise<AgentResponse> {
  const mesh = home(call)
  const user = decodePiece(call.params['user']!, call.agent.quirks)
  if (!mesh) return bare(403)
  if (mesh.link === 'away' || mesh.link === 'connecting') throw new NotConnected()
  if (mesh.link === 'broken') return new Promise(() => {})
  if (mesh.link === 'lost' || mesh.user !== 'root') return bare(403)
  if (!isPublicKey(new TextDecoder().decode(call.body))) {
    if (mesh.quirks.garbageKeyBreaksHub) mesh.break()
    return bare(403)
  }
  const certificate = certificatePem({ user, notBeforeMs: mesh.world.hub.now() - mesh.quirks.certificateAgeMs })
  return json(200, { ca: mesh.stored.ca, agent: { certificate }, bootstraps: [HUB_ADDRESS] })
}

function endpointQuery(query: ReadonlyMap<string, string>): EndpointQuery {
  const number = (key: string) => {
    const value = numberOf(query.get(key) ?? '')
    return Number.isNaN(value) ? undefined : value
  }
  const word = (key: string) => query.get(key) || undefined
  return {
    id: word('id'),
    name: word('name'),
    user: word('user'),
    keyword: word('keyword'),
    offset: number('offset'),
    limit: number('limit'),
  }
}

const localLine = (mesh: Membership, endpoint: Endpoint): object => ({
  isLocal: endpoint.id === mesh.endpointId,
  ...endpointLine(mesh.world.hub, endpoint),
})

const entry = ({ hash, size, time }: IndexedFile): object => ({ hash, size, time })
const lateEntry = ({ hash, size, time, since }: IndexedFile): object => ({ hash, size, time, since })

async function files(call: Call): Promise<AgentResponse> {
  const mesh = home(call)
  if (!mesh) return bare(200)
  const noHub = () => (mesh.quirks.emptyBodyWithoutHub ? bare(200) : json(500, { status: 500, message: 'Not connected to mesh' }))
  const since = call.query.get('since') ?? ''
  if (since === '') {
    const found = await mesh.ask<readonly IndexedFile[] | null>(() => mesh.world.hub.list(mesh.user), null)
    return found ? json(200, Object.fromEntries(found.map(file => [file.path, entry(file)]))) : noHub()
  }
  const found = await mesh.changes(numberOf(since), call.query.get('wait') === 'true', call.signal)
  return found ? json(200, Object.fromEntries(found.map(file => [file.path, lateEntry(file)]))) : noHub()
}

export const routes: readonly { readonly pattern: ReturnType<typeof pattern>; readonly methods: Readonly<Record<string, Handler>> }[] =
  Object.entries<Record<string, Handler>>({
    '/version': { GET: () => json(200, VERSION) },
    '/identity': {
      GET: ({ agent }) => plain(200, agent.identity),
      POST: ({ agent, body }) => {
        const key = publicOfPrivate(new TextDecoder().decode(body))
        if (!key) throw new HandlerFailed('error:1E08010C:DECODER routines::unsupported')
        agent.identity = key
        return plain(201, key)
      },
    },
    '/meshes': { GET: ({ agent }) => json(200, agent.memberships().map(meshLine)) },
    '/meshes/{mesh}': {
      GET: call => {
        const mesh = home(call)
        return mesh ? json(200, meshLine(mesh)) : bare(404)
      },
      POST: call => json(201, meshLine(call.agent.join(meshName(call), joinBody(call)))),
      DELETE: call => {
        call.agent.leave(meshName(call))
        return bare(204)
      },
    },
    '/meshes/{mesh}/log': {
      GET: call => {
        const mesh = home(call)
        return mesh ? json(200, mesh.log) : bare(404)
      },
    },
    '/meshes/{mesh}/ca': {
      GET: call => {
        const mesh = home(call)
        return mesh ? plain(200, text(mesh.stored.ca)) : bare(404)
      },
    },
    '/meshes/{mesh}/agent/certificate': {
      GET: call => {
        const mesh = home(call)
        return mesh ? plain(200, text(mesh.stored.agent.certificate)) : bare(404)
      },
    },
    '/meshes/{mesh}/permits/{user}': { POST: permit },
    '/meshes/{mesh}/hubs': {
      GET: call => {
        const mesh = home(call)
        if (!mesh?.connected) return json(200, {})
        return json(200, { [mesh.world.hub.id]: { connected: true, zone: 'default', ports: [HUB_ADDRESS], version: VERSION } })
      },
    },
    '/meshes/{mesh}/endpoints': {
      GET: async call => {
        const mesh = home(call)
        if (!mesh) return json(200, [])
        const found = await mesh.ask(() => mesh.world.hub.directory(endpointQuery(call.query)), [])
        return json(
          200,
          found.map(endpoint => localLine(mesh, endpoint)),
        )
      },
    },
    '/meshes/{mesh}/endpoints/{endpoint}': {
      GET: async call => {
        const mesh = home(call)
        if (!mesh) return bare(404)
        const [found] = await mesh.ask(() => mesh.world.hub.directory({ id: call.params['endpoint']! }), [])
        return found ? json(200, localLine(mesh, found)) : bare(404)
      },
    },
    '/meshes/{mesh}/users': {
      GET: async call => {
        const mesh = home(call)
        if (!mesh) return json(200, [])
        const found = await mesh.ask(() => mesh.world.hub.directory({}), [])
        return json(200, userLines(mesh.world.hub, found, mesh.endpointId))
      },
    },
    '/meshes/{mesh}/users/{user}': {
      GET: async call => {
        const mesh = home(call)
        if (!mesh) return bare(404)
        const user = decodePiece(call.params['user']!, call.agent.quirks)
        const [found] = userLines(mesh.world.hub, await mesh.ask(() => mesh.world.hub.directory({ user }), []), mesh.endpointId)
        return found ? json(200, found) : bare(404)
      },
    },
    '/meshes/{mesh}/apps': { GET: () => json(200, []) },
    '/meshes/{mesh}/files': { GET: files },
    '/meshes/{mesh}/files/*': {
      GET: async call => {
        const mesh = home(call)
        const file = await mesh?.ask(() => mesh.info(rest(call)), null)
        return file ? json(200, { ...lateEntry(file), sources: [...file.sources] }) : bare(404)
      },
      DELETE: call => {
        home(call)?.erase(rest(call))
        return bare(204)
      },
    },
    '/meshes/{mesh}/file-data/*': {
      GET: async call => {
        const mesh = home(call)
        // While it knows of no hub, the agent finds not even its own copy.
        if (!mesh?.connected) return bare(404)
        const bytes = await mesh.read(rest(call))
        return bytes ? octets(200, bytes) : bare(404)
      },
      POST: call => {
        const mesh = home(call)
        if (!mesh) return bare(404)
        mesh.write(rest(call), call.body)
        return bare(201)
      },
      DELETE: call => bare(home(call)?.drop(rest(call)) ? 204 : 404),
    },
  }).map(([path, methods]) => ({ pattern: pattern(path), methods }))

export const appPattern = pattern('/meshes/{mesh}/apps/{provider}/{app}/*')
export const appRootPattern = pattern('/meshes/{mesh}/apps/{provider}/{app}')
