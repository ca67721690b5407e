/** Posts through the feeder that has the account, over HTTP. */
import type { OutboxEvent } from '../../machines/outbox.ts'
import { TransportFailure } from '../adapters/ztm/transport.ts'
import { createUndiciTransport } from '../adapters/ztm/undici-transport.ts'
import type { ReplyKey } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { Feeder } from './contracts.ts'
import type { Posts } from './posts.ts'

export interface PostsThroughFeeder extends Posts {
  close(): Promise<void>
}

/** Whoever is silent for longer is not waited for: more than a check may take. */
const SILENCE_MS = 11 * 60_000
const ANSWER_BYTES_MAX = 1_000_000
const CONNECTIONS = 64

export function postsThroughFeeder(secret: string): PostsThroughFeeder {
  const transport = createUndiciTransport({ connections: { post: CONNECTIONS } })

  /** Null: nothing was done, for it is nobody's, or not that one's. */
  const ask = async (feeder: Feeder | null, what: string, job: { readonly account: string }): Promise<Json> => {
    if (feeder === null) return null
    try {
      const { status, body } = await transport.request({
        method: 'POST',
        url: `http://${feeder.address}/posts/${encodeURIComponent(job.account)}/${what}`,
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(job)),
        pool: 'post',
        signal: AbortSignal.timeout(SILENCE_MS),
        maxBytes: ANSWER_BYTES_MAX,
      })
      return status === 200 ? (JSON.parse(Buffer.from(body).toString()) as { readonly outcome: Json }).outcome : null
    } catch (error) {
      if (error instanceof TransportFailure && error.kind === 'unreachable') return null
      throw error
    }
  }

  return {
    post: job =>
      ask(job.feeder, 'post', job).then(
        outcome => outcome as OutboxEvent | null,
        () => ({ type: 'post.unknown', key: job.key, atMs: Date.now() }),
      ),
    look: job =>
      ask(job.feeder, 'look', job).then(
        outcome => outcome as readonly ReplyKey[] | null,
        () => [],
      ),
    check: job =>
      ask(job.feeder, 'check', job).then(
        outcome => outcome as OutboxEvent | null,
        () => null,
      ),
    close: () => transport.close(),
  }
}
