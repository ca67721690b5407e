/** Who may come in: this machine's own pages and programs, with the token. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Null = welcome; otherwise the status and one sentence. */
export type Refusal = { readonly status: 401 | 403 | 421; readonly said: string } | null

export const HOSTS = ['127.0.0.1', 'localhost'] as const

/** The name that was asked for must be ours: a foreign one that points here is somebody's page reaching for us. */
export function refuseHost({ headers }: IncomingMessage, port: number): Refusal {
  const host = headers.host ?? ''
  return HOSTS.some(name => host === `${name}:${port}`)
    ? null
    : { status: 421, said: `This server answers to http://127.0.0.1:${port} only.` }
}

/** A page that asks says where it is from; programs say nothing. */
export function refuseOrigin({ headers }: IncomingMessage, port: number): Refusal {
  const { origin } = headers
  if (origin === undefined || HOSTS.some(name => origin === `http://${name}:${port}`)) return null
  return { status: 403, said: 'Pages from elsewhere may not ask here.' }
}

export function refuseToken({ headers, url }: IncomingMessage, token: string): Refusal {
  const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
  // What comes as the path of a request need not be one.
  const given = bearer ?? URL.parse(url ?? '/', 'http://localhost')?.searchParams.get('token') ?? ''
  return isSameSecret(given, token)
    ? null
    : { status: 401, said: 'The token is missing or wrong; open the whole address of the inspector.' }
}

/** In the same time, whatever differs. */
export const isSameSecret = (given: string, wanted: string): boolean => timingSafeEqual(digest(given), digest(wanted))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
