import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UnsafeName, ZtmChatError } from '../../../src/domain/errors.ts'
import { groupChat, peerChat } from '../../../src/domain/ids.ts'
import type { ZtmAgent } from '../../../src/ports/ztm-agent.ts'
import { agentAt, listOf } from './agent-at.ts'
import { type LocalServer, startServer } from './local-server.ts'

/** One exchange with a real ZTM agent 2.0.0; bodies are text, PEM blocks are placeholders. */
type Recorded = {
  id: string
  request: { method: string; path: string; body?: string; bodyBase64?: string }
  response?: { status: number; headers: Record<string, string>; body: string }
  /** The recording holds a part of a body only. */
  shortened?: boolean
}

const recorded: Recorded[] = readFileSync(new URL('../../fixtures/ztm-exchanges.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => line !== '')
  .map(line => JSON.parse(line))

type Question = { agent: ZtmAgent; names: string[]; since: number; wait: boolean; json: never; bytes: Buffer }
type Route = {
  /** Of the path below /api, the query apart. */
  path: RegExp
  method: string
  ask(question: Question): Promise<unknown>
  /** What the recorded body means to us, said a second time and more simply than in the client. */
  means(body: string): unknown
}

const parsed = (body: string) => JSON.parse(body)
const meshOf = ({ name, connected, errors, agent }: { [key: string]: unknown; agent: Record<string, unknown> }) => {
  const { username, id: endpointId, certificate } = agent
  return { name, connected, errors, endpointId, certificate, ...(username !== undefined && { username }) }
}
const chatOf = ({ peer, creator, group, name, ...rest }: Record<string, string>) => ({
  chat: peer === undefined ? `group:${creator}/${group}` : `peer:${peer}`,
  ...(name && { name }),
  ...rest,
})
const bytesOf = (body: string) => Buffer.from(body)
const nothing = () => undefined

const MESH = '/meshes/([^/]+)'
const APP = `${MESH}/apps/ztm/chat/api`
const route = (method: string, path: string, ask: Route['ask'], means: Route['means']): Route => ({
  method,
  path: new RegExp(`^${path}$`),
  ask,
  means,
})

const routes = {
  version: route(
    'GET',
    '/version',
    ({ agent }) => agent.version(),
    body => ({ tag: parsed(body).ztm.tag, commit: parsed(body).ztm.commit }),
  ),
  identity: route(
    'GET',
    '/identity',
    ({ agent }) => agent.identity(),
    body => body,
  ),
  meshes: route(
    'GET',
    '/meshes',
    ({ agent }) => agent.meshes(),
    body => parsed(body).map(meshOf),
  ),
  mesh: route(
    'GET',
    MESH,
    ({ agent }) => agent.mesh(),
    body => meshOf(parsed(body)),
  ),
  join: route(
    'POST',
    MESH,
    ({ agent, json }) => agent.join(json),
    body => meshOf(parsed(body)),
  ),
  leave: route('DELETE', MESH, ({ agent }) => agent.leave(), nothing),
  meshLog: route('GET', `${MESH}/log`, ({ agent }) => agent.meshLog(), parsed),
  endpoints: route(
    'GET',
    `${MESH}/endpoints`,
    ({ agent }) => agent.endpoints(),
    body =>
      parsed(body).map(({ id, name, username, online, isLocal, heartbeat }: Record<string, unknown>) => ({
        id,
        name,
        username,
        online,
        isLocal,
        heartbeatMs: heartbeat,
      })),
  ),
  issuePermit: route('POST', `${MESH}/permits/([^/]+)`, ({ agent, names, bytes }) => agent.issuePermit(names[1]!, `${bytes}`), parsed),
  files: route(
    'GET',
    `${MESH}/files`,
    ({ agent, since, wait }) => listOf(agent, { sinceMs: since, wait }),
    body => Object.entries<object>(parsed(body)).map(([path, entry]) => ({ path, ...entry })),
  ),
  fileData: route('GET', `${MESH}/file-data((?:/[^/]+)+)`, ({ agent, names }) => agent.fileData(names[1]!), bytesOf),
  appUser: route(
    'GET',
    `${APP}/appinfo`,
    ({ agent }) => agent.appUser(),
    body => parsed(body).username,
  ),
  users: route('GET', `${APP}/users`, ({ agent }) => agent.users(), parsed),
  chats: route(
    'GET',
    `${APP}/chats`,
    ({ agent }) => agent.chats(),
    body => parsed(body).map(chatOf),
  ),
  peerMessages: route(
    'GET',
    `${APP}/peers/([^/]+)/messages`,
    ({ agent, names, since }) => agent.messages(peerChat(names[1]!), since),
    parsed,
  ),
  postToPeer: route('POST', `${APP}/peers/([^/]+)/messages`, ({ agent, names, json }) => agent.post(peerChat(names[1]!), json), nothing),
  group: route('GET', `${APP}/groups/([^/]+)/([^/]+)`, ({ agent, names }) => agent.group(names[1]!, names[2]!), parsed),
  setGroup: route('POST', `${APP}/groups/([^/]+)/([^/]+)`, ({ agent, names, json }) => agent.setGroup(names[1]!, names[2]!, json), nothing),
  groupMessages: route(
    'GET',
    `${APP}/groups/([^/]+)/([^/]+)/messages`,
    ({ agent, names, since }) => agent.messages(groupChat(names[1]!, names[2]!), since),
    parsed,
  ),
  postToGroup: route(
    'POST',
    `${APP}/groups/([^/]+)/([^/]+)/messages`,
    ({ agent, names, json }) => agent.post(groupChat(names[1]!, names[2]!), json),
    nothing,
  ),
  uploadFile: route(
    'POST',
    `${APP}/files`,
    ({ agent, bytes }) => agent.uploadFile({ size: bytes.length, chunks: [bytes] }),
    body => body,
  ),
  downloadFile: route(
    'GET',
    `${APP}/files/([^/]+)/([^/]+)`,
    async ({ agent, names }) => {
      const chunks = await agent.downloadFile(names[1]!, names[2]!, 1_000_000)
      return chunks && buffer(chunks)
    },
    bytesOf,
  ),
} satisfies Record<string, Route>

type RouteName = keyof typeof routes

/**
 * Every status that was recorded on a route of ours, and what the client makes of it. `empty` is a 200 without a body. `not sent`: names that the agent put in
 * the wrong place, and garbage keys; the test sees that no request was made.
 */
const table: Record<RouteName, Record<string, string>> = {
  version: { 200: 'value' },
  identity: { 200: 'value' },
  meshes: { 200: 'value' },
  mesh: { 200: 'value', 404: 'null' },
  join: { 201: 'value', 500: 'ZtmAgentFailed' },
  leave: { 204: 'done' },
  meshLog: { 200: 'value', 404: 'ZtmAgentRefused' },
  endpoints: { 200: 'value', 500: 'ZtmAgentFailed' },
  issuePermit: { 200: 'value', 403: 'ZtmAgentRefused', 'not sent': 'ConfigInvalid' },
  files: { 200: 'value', empty: 'MalformedAnswer', 500: 'ZtmAgentFailed' },
  fileData: { 200: 'value', 404: 'null' },
  appUser: { 200: 'value' },
  users: { 200: 'value', 500: 'ZtmAgentFailed', 502: 'ZtmAgentFailed', 503: 'ZtmAgentFailed' },
  chats: { 200: 'value', 502: 'ZtmAgentFailed', 503: 'ZtmAgentFailed' },
  peerMessages: { 200: 'value', 404: 'null', 'not sent': 'UnsafeName' },
  postToPeer: { 201: 'done', 500: 'ZtmAgentFailed', 'not sent': 'UnsafeName' },
  group: { 200: 'value', 404: 'null' },
  setGroup: { 201: 'done', 403: 'ZtmAgentRefused', 500: 'ZtmAgentFailed' },
  groupMessages: { 200: 'value', 404: 'null' },
  postToGroup: { 201: 'done', 404: 'ZtmAgentRefused', 500: 'ZtmAgentFailed' },
  uploadFile: { 200: 'value' },
  downloadFile: { 200: 'value', 404: 'null' },
}

/** Statuses that only requests of other clients met: a broken escape in a name, a garbage key. */
const outOfReach = ['peerMessages 500', 'issuePermit 500']

let server: LocalServer
let response: NonNullable<Recorded['response']>
beforeAll(async () => {
  server = await startServer((_, out) => out.writeHead(response.status, response.headers).end(response.body))
})
afterAll(() => server.close())

const statusOf = ({ status, body }: { status: number; body: string }) => (status === 200 && body === '' ? 'empty' : String(status))

function routeNameOf({ request }: Recorded): RouteName | null {
  const path = request.path.split('?')[0]!.replace(/^\/api/, '')
  const names = Object.keys(routes) as RouteName[]
  return names.find(name => routes[name].method === request.method && routes[name].path.test(path)) ?? null
}

/** The recorded request in the client's words, or null: a query, a body or an escape that this client never sends. */
function questionOf({ request, shortened }: Recorded, name: RouteName): Omit<Question, 'agent'> | null {
  const [path = '', query = ''] = request.path.split('?')
  const names = routes[name].path.exec(path.replace(/^\/api/, ''))!.slice(1)
  if (shortened || !/^(since=\d+)?(&?wait=true)?$/.test(query)) return null
  let decoded: string[]
  try {
    decoded = names.map(piece => decodeURIComponent(piece))
  } catch {
    return null
  }
  const encoded = decoded.map(piece => (piece.startsWith('/') ? piece.split('/') : [piece]).map(encodeURIComponent).join('/'))
  if (encoded.join() !== names.join()) return null

  const bytes = Buffer.from(request.bodyBase64 ?? request.body ?? '', request.bodyBase64 === undefined ? 'utf8' : 'base64')
  let json: unknown
  if (['join', 'setGroup', 'postToPeer', 'postToGroup'].includes(name)) {
    try {
      json = JSON.parse(request.body ?? '')
    } catch {
      return null
    }
    // A number beyond the range of JSON cannot be posted by us.
    if (!isDeepStrictEqual(JSON.parse(JSON.stringify(json)), json)) return null
    if (!name.startsWith('post') && (typeof json !== 'object' || json === null)) return null
  }
  const since = Number(new URLSearchParams(query).get('since'))
  return { names: decoded, since, wait: query.endsWith('wait=true'), json: json as never, bytes }
}

test.each(Object.keys(routes) as RouteName[])('%s: every recorded answer becomes its value or its error', async name => {
  const outcomes: Record<string, string> = {}
  let asked = 0
  for (const one of recorded) {
    const question = routeNameOf(one) === name ? questionOf(one, name) : null
    if (!question || !one.response) continue
    response = one.response
    const { agent } = agentAt(server.url, { mesh: question.names[0] ?? 'home' })
    const seenBefore = server.requests.length
    const result: unknown = await routes[name].ask({ agent, ...question }).catch(error => error)
    await agent.close()

    if (result instanceof UnsafeName || (result instanceof ZtmChatError && result.name === 'ConfigInvalid')) {
      expect(server.requests.length, one.id).toBe(seenBefore)
      outcomes['not sent'] = result.name
      continue
    }
    asked++
    const sent = server.requests.at(-1)!
    expect(server.requests.length, one.id).toBe(seenBefore + 1)
    expect([sent.method, sent.url.split('?')[0]], one.id).toEqual([one.request.method, one.request.path.split('?')[0]])
    expect(sent.url.split('?')[1] ?? '', one.id).toMatch(/^(since=\d+(&wait=true)?|limit=\d+)?$/)
    if (question.json !== undefined) expect(JSON.parse(sent.body.toString()), one.id).toEqual(question.json)
    else if (name !== 'leave') expect(sent.body, one.id).toEqual(question.bytes)

    const outcome = result instanceof Error ? result.name : result === null ? 'null' : result === undefined ? 'done' : 'value'
    expect(outcomes[statusOf(response)] ?? outcome, one.id).toBe(outcome)
    outcomes[statusOf(response)] = outcome
    if (outcome === 'value') expect(result, one.id).toEqual(routes[name].means(response.body))
    if (result instanceof Error) expect(result.message, one.id).toContain(`${sent.method} ${server.url}${sent.url.split('?')[0]}`)
  }
  expect(asked).toBeGreaterThan(0)
  expect(outcomes).toEqual(table[name])
})

test('the table has every status that was recorded on a route of ours', () => {
  const met = recorded.flatMap(one => {
    const name = routeNameOf(one)
    return name && one.response ? [`${name} ${statusOf(one.response)}`] : []
  })
  const covered = Object.entries(table)
    .flatMap(([name, outcomes]) => Object.keys(outcomes).map(status => `${name} ${status}`))
    .filter(line => !line.endsWith('not sent'))
  expect([...new Set(met)].sort()).toEqual([...covered, ...outOfReach].sort())
})
