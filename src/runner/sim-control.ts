/** What people on the simulated mesh do, over HTTP. A real agent has none of this, so it has a port of its own. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import type { ChatId } from '../domain/ids.ts'
import { isSafeName } from '../domain/reply.ts'
import type { SimMesh, SimUser } from '../simulator/mesh/mesh.ts'

const BODY_BYTES_MAX = 16 * 1_048_576

const chatId = z.custom<ChatId>(
  value => typeof value === 'string' && /^(peer:[^/]+|group:[^/]+\/[^/]+)$/.test(value),
  'expected "peer:NAME" or "group:CREATOR/GROUP"',
)
const saysBody = z.union([
  z.strictObject({ text: z.string(), to: chatId.optional() }),
  z.strictObject({ message: z.json(), to: chatId.optional() }),
])
const groupBody = z.strictObject({ name: z.string().optional(), members: z.array(z.string()).optional() })
/** Requests of a `fault` that are answered wrongly; the next ones are answered as ever. */
const FAULTS_MAX = 10_000
const agentBody = z.discriminatedUnion('do', [
  z.strictObject({ do: z.enum(['down', 'up', 'restart']) }),
  z.strictObject({
    do: z.literal('fault'),
    fault: z.enum(['error500', 'garbage', 'empty', 'html', 'hang', 'lostAnswer']),
    times: z.int().min(1).max(FAULTS_MAX),
  }),
])

class Refused extends Error {
  readonly status: number
  constructor(status: number, sentence: string) {
    super(sentence)
    this.status = status
  }
}

export interface SimControl {
  readonly url: string
  close(): Promise<void>
}

export async function serveSimControl(mesh: SimMesh, port: number): Promise<SimControl> {
  const server = createServer((request, response) => void answer(mesh, request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: actual } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${actual}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** With a line break behind it: people read it in a terminal. */
const lineOf = (result: unknown): string => `${JSON.stringify(result)}\n`

async function answer(mesh: SimMesh, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const result = await route(mesh, request)
    response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' }).end(lineOf(result ?? {}))
  } catch (error) {
    const status = error instanceof Refused ? error.status : error instanceof z.ZodError ? 400 : 500
    const sentence = error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : String(error)
    response.writeHead(status, { 'content-type': 'application/json' }).end(lineOf({ error: sentence }))
  }
}

async function route(mesh: SimMesh, request: IncomingMessage): Promise<unknown> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const pieces = pathname.split('/').slice(1).map(decodeURIComponent)
  if (pieces[0] !== 'sim' || pieces[1] !== 'users') throw new Refused(404, 'Expected /sim/users/…; see ztm-chat agent --help.')
  if (pieces.length === 2) return mesh.users().map(({ name }) => name)
  const [, , name = '', what, group] = pieces
  if (!isSafeName(name)) throw new Refused(400, 'The user has a name that the mesh does not take.')
  const user = mesh.user(name)
  const routes: Readonly<Record<string, () => unknown>> = {
    'GET inbox': () => user.inbox(chatId.parse(searchParams.get('chat') ?? `peer:${mesh.bot}`)),
    'POST says': async () => says(user, saysBody.parse(await bodyOf(request))),
    'POST groups': async () => {
      const { name, members } = groupBody.parse(await bodyOf(request))
      await user.creates(group ?? '', { ...(name !== undefined && { name }), ...(members && { members }) })
    },
    'POST agent': async () => {
      const body = agentBody.parse(await bodyOf(request))
      if (body.do === 'fault') user.agent.answer(body.fault, { times: body.times })
      else user.agent[body.do]()
    },
  }
  const found = routes[`${request.method} ${what}`]
  if (!found || pieces.length !== (what === 'groups' ? 5 : 4)) throw new Refused(404, 'There is no such route; see ztm-chat agent --help.')
  return found()
}

function says(user: SimUser, body: z.infer<typeof saysBody>): Promise<void> {
  return user.says('text' in body ? body.text : body.message, body.to)
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length
    if (bytes > BODY_BYTES_MAX) throw new Refused(413, `The body has more than ${BODY_BYTES_MAX} bytes.`)
    chunks.push(chunk as Buffer)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new Refused(400, 'The body is no JSON.')
  }
}
