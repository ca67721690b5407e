/** Restate's ingress: asks an object or a service for something, and waits for its answer. */
import { Pool } from 'undici'
import { reasonOf } from '../adapters/ztm/undici-transport.ts'
import type { Json } from '../domain/json.ts'

export interface Engine {
  /** `place`: `chat/KEY/receive`, each part encoded. @throws {EngineRefused | EngineAway} */
  call(place: readonly [service: string, key: string, handler: string], input: unknown, signal?: AbortSignal): Promise<Json>
  close(): Promise<void>
}

/** Nobody answered, or not for now: what was asked may have been done. */
export class EngineAway extends Error {}

/** It will not be done, however often it is asked. */
export class EngineRefused extends Error {
  readonly status: number
  /** What it said, without where. */
  readonly reason: string
  constructor(message: string, status: number, reason: string = message) {
    super(message)
    this.status = status
    this.reason = reason
  }
}

/** Nobody has told it of the services. */
export class ServicesUnknown extends EngineRefused {}

const CONNECTIONS = 64
/** What is asked of it ends with an answer soon, or waits behind what cannot end now. */
const ANSWER_MS = 60_000

/** Of whoever is asked for it at an engine's interface. */
export const headersWith = (token: string | null): Readonly<Record<string, string>> =>
  token === null ? {} : { authorization: `Bearer ${token}` }

/** A gate before the engine, which knows the token no more, or not yet. */
export const isLocked = (status: number): boolean => status === 401 || status === 403
export const LOCKED = '; give the token that it wants in the environment variable ZTM_CHAT_ENGINE_TOKEN.'

/** `token`: what an engine behind a gate asks for. */
export function createEngine(url: string, token: string | null = null): Engine {
  const { origin, pathname } = new URL(url)
  const prefix = pathname.replace(/\/+$/, '')
  const pool = new Pool(origin, { connections: CONNECTIONS, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS })
  return {
    async call(place, input, signal) {
      const path = `/${place.map(encodeURIComponent).join('/')}`
      const answer = await ask(path, input, signal).catch((error: unknown) => {
        const reason = error instanceof Error ? reasonOf(error) : String(error)
        throw new EngineAway(`The engine at ${url} does not answer ${path}: ${reason}`, { cause: error })
      })
      const { status, text } = answer
      if (status === 200) return text === '' ? null : parsed(text, path)
      if (isLocked(status)) throw new EngineAway(`The engine at ${url} lets nobody in (${status})${LOCKED}`)
      const reason = reasonIn(text)
      const said = (reason ?? text.trim()).slice(0, 500)
      const sentence = `The engine at ${url} answers ${path} with ${status}${said && `: ${said}`}`
      if (status === 404 && NOT_TOLD.test(said))
        throw new ServicesUnknown(
          `Restate at ${url} knows no services of a fleet; start ztm-chat serve with --admin, which tells it of them.`,
          status,
        )
      if (status >= 400 && status < 500 && status !== 429) throw new EngineRefused(sentence, status, reason ?? sentence)
      throw new EngineAway(sentence)
    },
    close: () => pool.destroy(),
  }

  function parsed(text: string, path: string): Json {
    try {
      return JSON.parse(text) as Json
    } catch (cause) {
      throw new EngineAway(`What answers ${path} at ${url} is no engine: it says ${JSON.stringify(text.slice(0, 100))}, which is no JSON`, {
        cause,
      })
    }
  }

  async function ask(path: string, input: unknown, signal?: AbortSignal) {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: prefix + path,
      headers: { ...headersWith(token), ...(input !== undefined && { 'content-type': 'application/json' }) },
      ...(input !== undefined && { body: JSON.stringify(input) }),
      ...(signal && { signal }),
    })
    return { status: statusCode, text: await body.text() }
  }
}

/** So the engine says that nobody has told it of a service. */
const NOT_TOLD = /^service '\w+' not found/

/** What a service said, as the engine hands it on. */
function reasonIn(text: string): string | null {
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown }
    return typeof message === 'string' ? message : null
  } catch {
    return null
  }
}
