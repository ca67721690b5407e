import type { Exchange } from './exchanges.ts'

/** What one exchange came to: the status and type alone agree (`shape`), or the whole answer does (`exact`). */
export type Verdict = { readonly verdict: 'exact' | 'shape' | 'different'; readonly wanted: unknown; readonly got: unknown }

type Answer = { readonly status: number; readonly type: string; readonly body: string }

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const PEM = /-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----\n?/g

/** Keys whose value belongs to one run: clocks of hub and agents, ports, latencies, builds. */
const OF_ONE_RUN = new Set(['heartbeat', 'port', 'ping', 'stack', 'commit', 'date', 'pipy', 'since'])

/** What may differ from run to run becomes a word; messages and chats are put in order, as theirs is no promise. */
export function normalize(body: string, type: string): unknown {
  const plain = body.replaceAll(PEM, 'PEM').replaceAll(UUID, 'UUID')
  if (type !== 'application/json') return plain
  return tidy(JSON.parse(body), '')
}

function tidy(value: unknown, key: string): unknown {
  if (typeof value === 'string') return key === 'time' ? 'TIME' : value.replaceAll(PEM, 'PEM').replaceAll(UUID, 'UUID')
  if (Array.isArray(value)) {
    const all = value.map(item => tidy(item, ''))
    // A broken connection says the same once a second.
    const items = key === 'errors' ? [...new Map(all.map(item => [JSON.stringify(item), item])).values()] : all
    const isMessages = value.length > 0 && value.every(item => typeof item === 'object' && item !== null && 'sender' in item)
    const isChats = value.length > 0 && value.every(item => typeof item === 'object' && item !== null && 'updated' in item)
    if (isChats) return items.sort((a, b) => (whoOf(a) < whoOf(b) ? -1 : 1))
    return isMessages ? items.sort((a, b) => timeOf(a) - timeOf(b)) : items
  }
  if (typeof value !== 'object' || value === null) return value
  const isFile = 'hash' in value && 'size' in value && 'time' in value
  const entries = Object.entries(value)
    .filter(([name]) => !OF_ONE_RUN.has(name) && !(name === 'hash' && key.includes('nudge')))
    .map(([name, item]) => [name.replaceAll(UUID, 'UUID'), isFile && name === 'time' ? 'TIME' : tidy(item, name)] as const)
  return Object.fromEntries(isFile || key !== '' ? entries : entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

const whoOf = (chat: unknown): string => {
  const { peer, creator, group } = chat as { peer?: string; creator?: string; group?: string }
  return JSON.stringify([peer, creator, group])
}

const timeOf = (message: unknown): number => Number((message as { time?: unknown }).time)

export function compare(exchange: Exchange, answer: Answer | null): Verdict {
  const { response } = exchange
  if (!response || !answer) {
    const verdict = !response && !answer ? 'exact' : 'different'
    return { verdict, wanted: response ? response.status : 'no answer', got: answer ? answer.status : 'no answer' }
  }
  const type = response.headers['content-type'] ?? ''
  if (response.status !== answer.status || type !== answer.type) {
    return { verdict: 'different', wanted: [response.status, type, response.body], got: [answer.status, answer.type, answer.body] }
  }
  if (exchange.shortened && exchange.request.method === 'GET')
    return { verdict: answer.body.length > 1_000_000 ? 'exact' : 'shape', wanted: 'long', got: answer.body.length }
  const wanted = normalize(response.body, type)
  const got = normalize(answer.body, type)
  return { verdict: JSON.stringify(sorted(wanted)) === JSON.stringify(sorted(got)) ? 'exact' : 'shape', wanted, got }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  )
}
