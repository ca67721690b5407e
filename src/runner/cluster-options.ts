/** What the commands of a fleet have in common. */
import { UsageError } from './usage-error.ts'

const SECRET_VARIABLE = 'ZTM_CHAT_CLUSTER_SECRET'
const SECRET_MIN = 16

/** @throws {UsageError} */
export function clusterSecret(env: Readonly<Record<string, string | undefined>>): string {
  const secret = env[SECRET_VARIABLE] ?? ''
  if (secret.length >= SECRET_MIN) return secret
  const found = secret === '' ? 'is not set' : `has ${secret.length} characters`
  throw new UsageError(
    `${SECRET_VARIABLE} ${found}; make one of ${SECRET_MIN} or more, such as with "openssl rand -hex 16", and give the same to every serve and feed.`,
  )
}

/** Null: it is not set. @throws {UsageError} when it is too short to be that of a fleet. */
export const secretIfAny = (env: Readonly<Record<string, string | undefined>>): string | null =>
  env[SECRET_VARIABLE] ? clusterSecret(env) : null

const TOKEN_VARIABLE = 'ZTM_CHAT_ENGINE_TOKEN'
const KEYS_VARIABLE = 'ZTM_CHAT_ENGINE_KEYS'

/** What a gate before Restate asks for; null: there is none. @throws {UsageError} */
export function engineToken(env: Readonly<Record<string, string | undefined>>): string | null {
  const token = env[TOKEN_VARIABLE] || null
  if (token === null || /^[\x21-\x7e]+$/.test(token)) return token
  throw new UsageError(`${TOKEN_VARIABLE} has blanks, or characters that no header can have; give it as Restate's gate wrote it.`)
}

/** With any, a service serves nobody who does not sign with one of them. @throws {UsageError} */
export function engineKeys(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const keys = (env[KEYS_VARIABLE] ?? '').split(/[\s,]+/).filter(key => key !== '')
  const odd = keys.find(key => !/^publickeyv1_[1-9A-HJ-NP-Za-km-z]+$/.test(key))
  if (odd === undefined) return keys
  throw new UsageError(
    `${KEYS_VARIABLE} has ${JSON.stringify(odd)}; expected Restate's public keys, such as "publickeyv1_w7Yj…", with commas between.`,
  )
}

/** Where to listen: `HOST:PORT`, the host in brackets when it is an IPv6 address. @throws {UsageError} */
export function placeOf(option: string, text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(digits) > 65_535)
    throw new UsageError(`${option} is ${JSON.stringify(text)}; expected HOST:PORT, such as 127.0.0.1:9080.`)
  return { host, port: Number(digits) }
}

const shownPlace = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)

/** Every address of the machine: what listens there is reached at one of them. */
const EVERYWHERE = ['0.0.0.0', '::']

/** Where the others reach what listens at `host`, once its port is known; `isTold`: they are told so. @throws {UsageError} */
export function reachedAt(host: string, advertise: string | undefined, isTold = true): (port: number) => string {
  if (advertise !== undefined) placeOf('--advertise', advertise)
  else if (isTold && EVERYWHERE.includes(host))
    throw new UsageError(
      `--listen has ${host}, where nobody else can reach this process; name an address of this machine with --advertise.`,
    )
  return port => advertise ?? shownPlace(host, port)
}

/** @throws {UsageError} when the address of `--listen` cannot be had. */
export async function listening<T>({ host, port }: { readonly host: string; readonly port: number }, start: () => Promise<T>): Promise<T> {
  try {
    return await start()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const fault = LISTEN_FAULTS[code]
    if (fault === undefined) throw error
    throw new UsageError(`--listen is ${shownPlace(host, port)}, ${fault}.`)
  }
}

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'where another program listens; choose another port, or 0 for a free one',
  EADDRNOTAVAIL: 'which is no address of this machine; correct it, or listen on 127.0.0.1',
  EACCES: 'which this user may not have; choose a port from 1024',
  ENOTFOUND: 'whose host nobody knows; correct it',
  EAI_AGAIN: 'whose host cannot be looked up now; name its address',
}

/** Where Restate has them by itself. */
const PORTS = { '--admin': 9070, '--ingress': 8080 } as const

/** Of an engine's interface. @throws {UsageError} */
export function engineUrl(option: '--admin' | '--ingress', text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const expected = `expected the URL of Restate's ${option.slice(2)}, such as http://127.0.0.1:${PORTS[option]}`
  if (url?.username || url?.password)
    throw new UsageError(`${option} has a user name or password in it, which would be seen wherever it is told; ${expected}.`)
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return text
  throw new UsageError(`${option} is ${JSON.stringify(text)}; ${expected}.`)
}

/** An optional peer, which only those who scale out install. @throws {UsageError} */
export async function loadingTheSdk<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if (!isMissing(error)) throw error
    throw new UsageError('The SDK of Restate is not installed; add it beside this package: npm install @restatedev/restate-sdk')
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes('@restatedev/')
