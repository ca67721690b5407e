import type { Json } from '../../domain/json.ts'
import type { Chat, ChatApp } from './chat-app.ts'
import { uploadPath } from './chat-paths.ts'
import { endpointLine } from './directory.ts'
import { uploadHash } from './hash.ts'
import { type AgentRequest, type AgentResponse, bare, HandlerFailed, json, octets, plain } from './http.ts'
import { decodeJson } from './json-text.ts'
import type { Membership } from './membership.ts'
import { decodePiece, match, numberOf, type Params, pathOf, pattern, piecesOf, queryOf } from './routes.ts'

type Call = {
  readonly home: Membership
  readonly app: ChatApp
  readonly params: Params
  readonly query: ReadonlyMap<string, string>
  readonly body: Uint8Array
}
type Handler = (call: Call) => AgentResponse | Promise<AgentResponse>

const name = (call: Call, key: string): string => decodePiece(call.params[key]!, call.home.quirks)
const bodyOf = (call: Call): Json => decodeJson(call.body, call.home.quirks)

function chatLine(chat: Chat): object {
  const who = chat.peer === undefined ? { creator: chat.creator, group: chat.group, name: chat.name } : { peer: chat.peer }
  return { ...who, time: chat.updateTime, updated: chat.newCount, ...(chat.latest ? { latest: chat.latest } : {}) }
}

/** Undefined when the bound is not to be looked at; null when it is refused (only with the quirk off). */
function bound({ query, home }: Call, key: string): number | undefined | null {
  const text = query.get(key)
  if (text === undefined) return undefined
  const value = numberOf(text)
  if (value) return value
  return home.quirks.oddBoundsIgnored ? undefined : null
}

function messages(call: Call, chat: Chat | undefined): AgentResponse {
  if (!chat) return bare(404)
  const { quirks } = call.home
  const since = bound(call, 'since')
  const before = bound(call, 'before')
  if (since === null || before === null) return bare(400)
  if (quirks.getResetsUpdated) chat.newCount = 0
  chat.checkTime = chat.updateTime
  const from = since ?? 0
  const to = before ?? Number.POSITIVE_INFINITY
  const found = chat.messages.filter(message => {
    const time = Number(message.time)
    return quirks.inclusiveBounds ? from <= time && time <= to : from < time && time < to
  })
  const limit = quirks.limitIgnored ? Number.NaN : numberOf(call.query.get('limit') ?? '')
  return json(200, limit > 0 ? found.slice(-limit) : found)
}

function post(call: Call, to: 'peer' | 'group'): AgentResponse {
  const { app, home } = call
  const acceptedAtMs = home.world.hub.now()
  if (to === 'peer') {
    const peer = name(call, 'peer')
    const message = bodyOf(call)
    app.postToPeer(peer, message)
    home.world.hub.truth.accepted.push({ sender: home.user, to: `peer:${peer}`, message, acceptedAtMs })
    return bare(201)
  }
  const creator = name(call, 'creator')
  const group = name(call, 'group')
  const message = bodyOf(call)
  if (!app.postToGroup(creator, group, message)) return bare(404)
  home.world.hub.truth.accepted.push({ sender: home.user, to: `group:${creator}/${group}`, message, acceptedAtMs })
  return bare(201)
}

const routes: readonly { readonly pattern: ReturnType<typeof pattern>; readonly methods: Readonly<Record<string, Handler>> }[] =
  Object.entries<Record<string, Handler>>({
    '/api/appinfo': {
      GET: ({ home }) =>
        json(200, { name: 'chat', provider: 'ztm', username: home.user, endpoint: { id: home.endpointId, name: home.endpointName } }),
    },
    '/api/endpoints': {
      GET: async ({ home }) => {
        const found = await home.ask(() => home.world.hub.directory({}), [])
        return json(
          200,
          found.map(endpoint => endpointLine(home.world.hub, endpoint)),
        )
      },
    },
    '/api/users': {
      GET: async ({ home }) => {
        const found = await home.ask(() => home.world.hub.directory({}), [])
        return json(200, [...new Set(found.map(endpoint => endpoint.user))].sort())
      },
    },
    '/api/chats': { GET: ({ app }) => json(200, Array.from(app.chats(), chatLine)) },
    '/api/peers/{peer}/messages': {
      GET: call => messages(call, call.app.findPeer(name(call, 'peer'))),
      POST: call => post(call, 'peer'),
    },
    '/api/groups/{creator}/{group}': {
      GET: call => {
        const chat = call.app.findGroup(name(call, 'creator'), name(call, 'group'))
        if (!chat) return bare(404)
        return json(200, { creator: chat.creator, group: chat.group, name: chat.name, members: chat.members })
      },
      POST: call => {
        const creator = name(call, 'creator')
        const group = name(call, 'group')
        const info = bodyOf(call)
        if (creator === call.home.user && info === null) throw new HandlerFailed('cannot read property of null')
        const fields = typeof info === 'object' && info !== null && !Array.isArray(info) ? (info as Record<string, Json>) : {}
        return bare(call.app.setGroup(creator, group, fields) ? 201 : 403)
      },
    },
    '/api/groups/{creator}/{group}/messages': {
      GET: call => messages(call, call.app.findGroup(name(call, 'creator'), name(call, 'group'))),
      POST: call => post(call, 'group'),
    },
    '/api/files': {
      POST: ({ home, body }) => {
        const hash = uploadHash(body)
        home.write(uploadPath(home.user, hash), body)
        return plain(200, hash)
      },
    },
    '/api/files/{owner}/{hash}': {
      GET: async ({ home, params }) => {
        const bytes = await home.read(uploadPath(params['owner']!, params['hash']!.split('.', 1)[0]!))
        if (!bytes) return bare(404)
        return bytes.length === 0 ? bare(200) : octets(200, bytes)
      },
      DELETE: ({ home, params }) => {
        home.drop(uploadPath(params['owner']!, params['hash']!))
        return bare(204)
      },
    },
    // The place of the app's GUI, which is not built in: GET finds nothing, and any other method is not allowed.
    '/*': { GET: () => bare(404) },
  }).map(([path, methods]) => ({ pattern: pattern(path), methods }))

/** One request to the chat app; `target` is what follows `…/apps/ztm/chat`. */
export function serveChatApp(
  home: Membership,
  app: ChatApp,
  request: AgentRequest,
  target: string,
): AgentResponse | Promise<AgentResponse> {
  const path = piecesOf(pathOf(target, home.quirks))
  for (const route of routes) {
    const params = match(route.pattern, path, home.quirks)
    if (!params) continue
    const handler = route.methods[request.method]
    if (!handler) return bare(405)
    return handler({ home, app, params, query: queryOf(target), body: request.body ?? new Uint8Array(0) })
  }
  return bare(request.method === 'GET' ? 404 : 405)
}
