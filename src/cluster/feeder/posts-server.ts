/** Where services have a feeder post for them, and where it tells how its accounts are. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { sentenceOf } from '../../domain/errors.ts'
import type { AccountId } from '../../domain/ids.ts'
import { isSameSecret } from '../../inspector/guard.ts'
import type { AccountStatus } from '../../runtime/runtime.ts'
import type { Posts } from '../posts.ts'

export type PostsServerOptions = {
  readonly host: string
  readonly port: number
  /** Shared by services and feeders. */
  readonly secret: string
  /** Null: this feeder does not have the account. */
  readonly posts: (account: AccountId) => Posts | null
  /** Of the accounts that this feeder has. */
  readonly statuses: () => readonly AccountStatus[]
  /** What a health check is told; null = well. */
  readonly trouble: () => string | null
}

export interface PostsServer {
  readonly port: number
  close(): Promise<void>
}

const BODY_BYTES_MAX = 4 * 1024 * 1024
const HEALTH = '/health'
export const ACCOUNTS = '/accounts'

const ROUTES: readonly string[] = ['post', 'look', 'check', 'queued'] satisfies readonly (keyof Posts)[]
const isRoute = (what: string): what is keyof Posts => ROUTES.includes(what)

export async function servePosts({ host, port, secret, posts, statuses, trouble }: PostsServerOptions): Promise<PostsServer> {
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    try {
      if (request.url === HEALTH) {
        const reason = trouble()
        return say(reason === null ? 200 : 503, { ok: reason === null, reason })
      }
      if (!isSameSecret(request.headers.authorization ?? '', `Bearer ${secret}`))
        return say(401, { error: 'The secret of the cluster is wanted.' })
      if (request.method === 'GET' && request.url === ACCOUNTS) return say(200, { accounts: statuses() })
      const [, root, account = '', what = '', ...more] = (request.url ?? '').split('/').map(decodeURIComponent)
      const isKnown = root === 'posts' && more.length === 0 && isRoute(what)
      if (request.method !== 'POST' || !isKnown) return say(404, { error: 'There is POST /posts/ACCOUNT/post, look, check and queued.' })
      const bytes = Number(request.headers['content-length'])
      if (!(bytes <= BODY_BYTES_MAX)) return say(413, { error: `A job has a length, of ${BODY_BYTES_MAX} bytes at most.` })
      const job = JSON.parse(await text(request)) as never
      const theirs = posts(account)
      if (theirs === null) return say(200, { outcome: null })
      try {
        return say(200, { outcome: await theirs[what](job) })
      } catch (error) {
        // Begun: nobody may take it for undone.
        return say(500, { error: sentenceOf(error) })
      }
    } catch (error) {
      say(400, { error: sentenceOf(error) })
    }
  }

  return {
    port: portOf(server),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server of posts has no port.')
  return address.port
}
