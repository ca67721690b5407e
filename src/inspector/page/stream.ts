/** The connection to the server, and what it last told, as signals. */
import { batch, signal } from '@preact/signals'
import type { AccountOverview, Act, LogLine, Persona, ToClient, Wants } from '../protocol.ts'

type Tick = Extract<ToClient, { t: 'tick' }>

export type Connection = 'connecting' | 'live' | 'lost' | 'refused'

export const connection = signal<Connection>('connecting')
export const nowMs = signal(Date.now())
/** When the connection was lost; of use only while it is. */
export const lostAtMs = signal(0)
export const overview = signal<readonly AccountOverview[] | null>(null)
export const list = signal<Tick['list'] | null>(null)
export const actor = signal<Tick['actor'] | null>(null)
export const chat = signal<Tick['chat'] | null>(null)
export const past = signal<Extract<ToClient, { t: 'past' }> | null>(null)
export const log = signal<readonly LogLine[]>([])
export const skipped = signal(0)
export const paused = signal(false)
export const mayAct = signal(false)
export const approveCommand = signal<string | null>(null)
export const personas = signal<readonly Persona[]>([])
export const version = signal('')
/** How it is seen, where not as it happens. */
export const seen = signal<string | null>(null)
/** Updates so far; for whoever counts them. */
export const updates = signal(0)

const LOG_MAX = 500
const AGAIN_MS = 500
const AGAIN_MS_MAX = 10_000
const TOKEN = 'ztm-chat-token'

let socket: WebSocket | null = null
let wants: Wants = { list: null, actor: null, chat: null, log: false }
let failures = 0
let calls = 0
const open = new Map<number, (outcome: { readonly ok: boolean; readonly said: string }) => void>()

/** The token comes in the address once, and stays in this tab. */
export function takeToken(): string {
  const found = /token=([\w-]+)/.exec(location.hash)?.[1]
  if (found !== undefined) {
    sessionStorage.setItem(TOKEN, found)
    history.replaceState(null, '', `${location.pathname}#/`)
  }
  return sessionStorage.getItem(TOKEN) ?? ''
}

export function connect(token: string): void {
  if (token === '') {
    connection.value = 'refused'
    return
  }
  let wasOpen = false
  const made = new WebSocket(`ws://${location.host}/stream?token=${encodeURIComponent(token)}`)
  socket = made
  made.onopen = () => {
    wasOpen = true
    failures = 0
    connection.value = 'live'
    send({ t: 'want', ...wants })
  }
  made.onmessage = ({ data }) => take(JSON.parse(String(data)) as ToClient)
  made.onclose = async () => {
    for (const settle of open.values()) settle({ ok: false, said: 'The connection was lost; look whether it was done.' })
    open.clear()
    if (connection.value !== 'lost') lostAtMs.value = Date.now()
    connection.value = 'lost'
    failures++
    // A browser does not say why: ask in a way that it tells.
    if (!wasOpen && (await isRefused(token))) connection.value = 'refused'
    else setTimeout(() => connect(token), Math.min(AGAIN_MS_MAX, AGAIN_MS * 2 ** Math.min(failures, 6)))
  }
}

async function isRefused(token: string): Promise<boolean> {
  try {
    return (await fetch('/status', { headers: { Authorization: `Bearer ${token}` } })).status === 401
  } catch {
    return false
  }
}

function send(message: unknown): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}

export function want(part: Partial<Wants>): void {
  const next = { ...wants, ...part }
  if (JSON.stringify(next) === JSON.stringify(wants)) return
  batch(() => {
    if (JSON.stringify(next.actor) !== JSON.stringify(wants.actor)) actor.value = null
    if (JSON.stringify(next.chat) !== JSON.stringify(wants.chat)) chat.value = null
  })
  wants = next
  send({ t: 'want', ...wants })
}

export const hasSeveral = (): boolean => (overview.value?.length ?? 0) > 1

export const askPast = (account: string, chat: string): void => send({ t: 'past', account, chat })

export function act(what: Act): Promise<{ readonly ok: boolean; readonly said: string }> {
  return new Promise(resolve => {
    if (connection.value !== 'live') return resolve({ ok: false, said: 'There is no connection, so nothing was done.' })
    const n = ++calls
    open.set(n, resolve)
    send({ t: 'act', n, act: what })
  })
}

function take(message: ToClient): void {
  if (message.t === 'done') {
    open.get(message.n)?.(message)
    open.delete(message.n)
    return
  }
  if (message.t === 'past') {
    past.value = message
    return
  }
  batch(() => {
    if (message.t === 'hello') {
      mayAct.value = message.mayAct
      approveCommand.value = message.approveCommand
      personas.value = message.personas
      version.value = message.version
      seen.value = message.seen
      return
    }
    updates.value++
    nowMs.value = message.nowMs
    if (message.overview) overview.value = message.overview
    if (message.list) list.value = message.list
    if (message.actor) actor.value = message.actor
    if (message.chat) chat.value = message.chat
    if (message.log && !paused.value) {
      log.value = [...log.value, ...message.log.lines].slice(-LOG_MAX)
      skipped.value += message.log.skipped
    }
  })
}
