/** The inspector: a page, its stream, metrics and status, on loopback, behind a token. */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { Inspected, Runtime } from '../runtime/runtime.ts'
import type { Commands, People } from './commands.ts'
import { readPage } from './files.ts'
import { type Refusal, refuseHost, refuseOrigin, refuseToken } from './guard.ts'
import { createHub } from './hub.ts'
import { metricsText } from './metrics.ts'
import { type Act, FRAME_BYTES_MAX, fromClient, type ToClient } from './protocol.ts'
import { sendStately } from './stately.ts'

export interface Watchable extends Partial<Pick<Runtime, 'unopened'>> {
  readonly events: Runtime['events']
  accounts(): readonly Inspected[]
  /** Where it is not seen as it happens: how it is seen, in a sentence for whoever looks. */
  readonly seen?: string
  /** Where it is seen only while somebody listens: resolves when what the accounts tell is of now. */
  fresh?(): Promise<void>
}

export type InspectorOptions = {
  readonly runtime: Watchable
  readonly version: string
  /** A free one when not set. */
  readonly port?: number | undefined
  /** Of a server that was here before, so that its pages come back by themselves; a new one when not set. */
  readonly token?: string | undefined
  /** Without: the page only shows. */
  readonly commands?: Commands | undefined
  /** Opens metrics and status, and nothing else: for programs that ask again after a restart. */
  readonly metricsToken?: string | undefined
  /** Of a simulated mesh. */
  readonly people?: People | undefined
  readonly now?: () => number
}

export interface Inspector {
  /** With the token; whoever has it may look, and act. */
  readonly url: string
  readonly port: number
  readonly token: string
  /** Accounts whose charts are listened to: none while nobody looks. */
  listening(): number
  close(): Promise<void>
}

const CLIENTS_MAX = 128
/** A client that cannot take an update in so long is gone. */
const STUCK_MS = 30_000
const CHECK_MS = 10_000

/** @throws {NodeJS.ErrnoException} when the port is taken. */
export async function serveInspector(options: InspectorOptions): Promise<Inspector> {
  const { runtime, version, token = randomBytes(24).toString('base64url'), commands, metricsToken, people, now = Date.now } = options
  const page = await readPage()
  const hub = createHub({ accounts: () => runtime.accounts(), now })
  let port = 0

  const answer = (response: ServerResponse, status: number, type: string, content: string | Buffer) => {
    response.writeHead(status, { ...headersFor(port), 'Content-Type': type, 'Content-Length': Buffer.byteLength(content) })
    response.end(response.req.method === 'HEAD' ? undefined : content)
  }
  const say = (response: ServerResponse, status: number, sentence: string) =>
    answer(response, status, 'text/plain; charset=utf-8', `${sentence}\n`)

  const server = createServer((request, response) => void respond(request, response))
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refusal = refuseHost(request, port) ?? refuseOrigin(request, port)
    if (refusal) return say(response, refusal.status, refusal.said)
    if (request.method !== 'GET' && request.method !== 'HEAD') return say(response, 405, 'Only GET is answered here.')
    const path = (request.url ?? '/').replace(/\?.*$/s, '')
    if (path === '/metrics' || path === '/status') {
      const isCollector = metricsToken !== undefined && refuseToken(request, metricsToken) === null
      const stranger = isCollector ? null : refuseToken(request, token)
      if (stranger) return say(response, stranger.status, stranger.said)
      await runtime.fresh?.()
      return path === '/metrics'
        ? answer(response, 200, 'text/plain; version=0.0.4; charset=utf-8', metricsText(hub.overview(), runtime.unopened?.()))
        : answer(response, 200, 'application/json; charset=utf-8', JSON.stringify({ version, accounts: hub.overview() }))
    }
    const file = page.get(path)
    if (file) return answer(response, 200, file.type, file.content)
    if (path === '/') return say(response, 503, 'The page has not been built; run "npm run build".')
    return say(response, 404, 'There is nothing here.')
  }
  // Whoever opens connections and says nothing is not waited for.
  server.headersTimeout = 10_000
  server.maxConnections = 2 * CLIENTS_MAX

  const sockets = new WebSocketServer({ noServer: true, maxPayload: FRAME_BYTES_MAX, perMessageDeflate: false })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const refusal: Refusal | { status: number; said: string } =
      refuseHost(request, port) ?? refuseOrigin(request, port) ?? refuseToken(request, token)
    const path = (request.url ?? '/').replace(/\?.*$/s, '')
    const full = sockets.clients.size >= CLIENTS_MAX ? { status: 503, said: 'Too many are looking; close a page.' } : null
    const unknown = path === '/stream' || path === '/stately' ? null : { status: 404, said: 'There is nothing here.' }
    const why = refusal ?? full ?? unknown
    if (why) {
      socket.end(
        `HTTP/1.1 ${why.status} Refused\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(why.said)}\r\n\r\n${why.said}`,
      )
      return
    }
    sockets.handleUpgrade(request, socket, head, client => {
      keepAlive(client)
      if (path === '/stream') converse(client)
      else speakStately(client)
    })
  })

  const keepAlive = (client: WebSocket) => {
    client.on('error', () => client.terminate())
    let readAtMs = performance.now()
    const check = setInterval(() => {
      if (client.bufferedAmount === 0) readAtMs = performance.now()
      else if (performance.now() - readAtMs > STUCK_MS) client.terminate()
    }, CHECK_MS).unref()
    client.once('close', () => clearInterval(check))
  }

  const converse = (client: WebSocket) => {
    const send = (message: ToClient) => client.send(JSON.stringify(message))
    const joined = hub.join({ send, unreadBytes: () => client.bufferedAmount })
    send({
      t: 'hello',
      accounts: runtime.accounts().map(({ id }) => id),
      mayAct: commands !== undefined,
      approveCommand: commands && 'command' in commands.pairing ? commands.pairing.command : null,
      personas: people?.personas ?? [],
      seen: runtime.seen ?? null,
      version,
    })
    client.on('message', data => {
      const parsed = fromClient.safeParse(parseJson(data))
      if (!parsed.success) return client.close(1008, 'not understood')
      if (parsed.data.t === 'want') {
        const { t: _, ...wants } = parsed.data
        return joined.want(wants)
      }
      if (parsed.data.t === 'past') {
        const { account, chat } = parsed.data
        const asked = runtime.accounts().find(({ id }) => id === account)
        asked?.inspection.past(chat).then(
          steps => send({ t: 'past', chat, steps }),
          // The account is stopping.
          () => {},
        )
        return
      }
      const { n, act } = parsed.data
      carryOut(act).then(
        said => send({ t: 'done', n, ok: true, said }),
        (error: unknown) => send({ t: 'done', n, ok: false, said: error instanceof Error ? error.message : String(error) }),
      )
    })
    client.once('close', () => joined.leave())
  }

  const carryOut = async (act: Act): Promise<string> => {
    if (act.do === 'say') {
      if (!people) throw new Error('Nobody’s messages can be written from here.')
      await people.say(act.user, act.chat, act.text)
      return 'Written.'
    }
    if (!commands) throw new Error('This page may only look.')
    if (act.do === 'approve' || act.do === 'reject') {
      const { pairing } = commands
      if ('command' in pairing) throw new Error(`Who is let in is decided with "${pairing.command} ${act.code} --account ${act.account}".`)
      return pairing[act.do](act.account, act.code)
    }
    return commands[act.do](act.account, act.id)
  }

  const speakStately = (client: WebSocket) => {
    const stop = sendStately({
      hub,
      accounts: () => runtime.accounts(),
      definition: kind => page.get(`/charts/${kind}.json`)?.content.toString(),
      send: event => client.send(JSON.stringify(event)),
      unreadBytes: () => client.bufferedAmount,
    })
    client.once('close', stop)
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
  port = (server.address() as AddressInfo).port
  const events = runtime.events.subscribe(event => hub.note(event))

  return {
    url: `http://127.0.0.1:${port}/#token=${token}`,
    port,
    token,
    listening: () => hub.listening(),
    async close() {
      events.unsubscribe()
      for (const client of sockets.clients) client.terminate()
      hub.close()
      sockets.close()
      server.closeAllConnections()
      await new Promise<void>(resolve => server.close(() => resolve()))
    },
  }
}

/** Nothing from elsewhere runs in the page, is loaded by it, or frames it. */
const headersFor = (port: number) => ({
  'Content-Security-Policy': `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws://127.0.0.1:${port} ws://localhost:${port}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
})

function parseJson(data: RawData): unknown {
  try {
    return JSON.parse(String(data))
  } catch {
    return undefined
  }
}
