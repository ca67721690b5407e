/** An assistant over HTTP that remembers how often it was asked about each message; now and then it fails, or takes its time. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import type { Random } from '../../../src/ports/random.ts'

const FAILING = 0.05
const SLOW = 0.05
const SLOW_MS_MAX = 300
/** An answer of these messages has several parts. */
const LONG_EVERY = 10
export const PARTS = 3
/** Two paragraphs of an answer are more than one part. */
export const PART_CHARACTERS = 80

export interface CountingResponder {
  readonly url: string
  /** How often each text was asked about. */
  readonly asks: ReadonlyMap<string, number>
  /** Texts by message id, and ids by text: they must stay the same from ask to ask. */
  readonly ids: ReadonlyMap<string, ReadonlySet<string>>
}

export const isLong = (index: number): boolean => index % LONG_EVERY === 0

/** What the answer to a message looks like, without the number of the ask. */
export const answersTo = (text: string, index: number): readonly string[] =>
  isLong(index) ? Array.from({ length: PARTS }, (_, part) => partOf(text, part)) : [`re: ${text}`]

const partOf = (text: string, part: number): string => `re: ${text}, part ${part} of what there is to say about it`

/** Each text ends with its number, as in "alice 7". A second ask is answered in other words: (2) in place of (1). */
export async function serveCountingResponder(random: Random): Promise<CountingResponder> {
  const asks = new Map<string, number>()
  const ids = new Map<string, Set<string>>()
  const failed = new Set<string>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { text, idempotencyKey } = JSON.parse(body) as { text: string; idempotencyKey: string }
    const ask = (asks.get(text) ?? 0) + 1
    asks.set(text, ask)
    ids.set(text, (ids.get(text) ?? new Set()).add(idempotencyKey))
    if (random.unit() < SLOW) await pause(random.integer(SLOW_MS_MAX))
    // At most once for each: a message that fails three times is a dead letter.
    if (!failed.has(text) && random.unit() < FAILING) {
      failed.add(text)
      response.writeHead(500).end()
      return
    }
    const index = Number(text.split(' ').at(-1))
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.end(
      answersTo(text, index)
        .map(part => `${part} (${ask})`)
        .join('\n\n'),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asks, ids }
}
