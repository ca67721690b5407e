import { readFileSync } from 'node:fs'

/** One recorded exchange with a real agent; see test/fixtures. */
export type Exchange = {
  readonly id: string
  /** The user whose agent was asked. */
  readonly agent: string
  readonly request: { readonly method: string; readonly path: string; readonly body?: string; readonly bodyBase64?: string }
  /** Missing when the client gave up. */
  readonly response?: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  readonly shortened?: boolean
}

export const exchanges: readonly Exchange[] = readFileSync(new URL('../../../fixtures/ztm-exchanges.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Exchange)

export const CHAT = '/api/meshes/openclaw-mesh/apps/ztm/chat/api'
export const MESH = '/api/meshes/openclaw-mesh'
const SHARED = '/apps/ztm/chat/shared/'

/** A message that the recordings show in somebody's list or file. */
export type Shown = { readonly sender: string; readonly route: string; readonly time: number; readonly message: unknown }

type Entry = { readonly time: number; readonly message: unknown; readonly sender?: string }

function* shownBy({ agent, request, response }: Exchange): Iterable<Shown> {
  if (response?.status !== 200 || request.method !== 'GET') return
  let body: unknown
  try {
    body = JSON.parse(response.body)
  } catch {
    return
  }
  if (!Array.isArray(body)) return
  const path = decodeURIComponent(request.path.split('?', 1)[0]!)
  const peer = (name: string, sender: string) => `/peers/${encodeURIComponent(sender === agent ? name : agent)}/messages`
  const direct = /\/api\/peers\/([^/]+)\/messages$/.exec(path)
  const group = /\/api\/(groups\/[^/]+\/[^/]+)\/messages$/.exec(path)
  const file = new RegExp(`/file-data${SHARED}([^/]+)/publish/((peers|groups)/.+)/messages/`).exec(path)
  if (direct) for (const { sender = '', time, message } of body as Entry[]) yield { sender, time, message, route: peer(direct[1]!, sender) }
  if (group)
    for (const { sender = '', time, message } of body as Entry[])
      yield { sender, time, message, route: `/${encodeURI(group[1]!)}/messages` }
  if (file)
    for (const { time, message } of body as Entry[]) yield { sender: file[1]!, time, message, route: `/${encodeURI(file[2]!)}/messages` }
  if (path.endsWith('/api/chats')) {
    for (const chat of body as { peer?: string; creator?: string; group?: string; latest?: Entry }[]) {
      if (!chat.latest) continue
      const { sender = '', time, message } = chat.latest
      const route =
        chat.peer === undefined ? `/groups/${chat.creator}/${encodeURIComponent(chat.group!)}/messages` : peer(chat.peer, sender)
      yield { sender, time, message, route }
    }
  }
}

/** Every message that was shown, once, in order of time. */
export const shown: readonly Shown[] = [
  ...new Map(
    exchanges.flatMap(exchange => [...shownBy(exchange)]).map(item => [JSON.stringify([item.sender, item.route, item.time]), item]),
  ).values(),
].sort((a, b) => a.time - b.time)
