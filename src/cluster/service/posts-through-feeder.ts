/** Posts through the feeder that has the account, over HTTP. */
import type { OutboxEvent } from '../../../machines/outbox.ts'
import { type Transport, TransportFailure } from '../../adapters/ztm/transport.ts'
import type { ReplyKey } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Log } from '../../ports/log.ts'
import type { FeederAddress } from '../contracts.ts'
import type { Posts } from '../posts.ts'

/** Beyond what the agent may take for a single call. */
const PATIENCE_MS = 10_000
/** More than a check may take, which makes many. */
const CHECK_MS = 11 * 60_000
const ANSWER_BYTES_MAX = 1_000_000

/** `secret`: shared with feeders. */
export function postsThroughFeeder(
  { apiTimeoutMs }: Pick<AccountSettings, 'apiTimeoutMs'>,
  secret: string,
  transport: Transport,
  log: Log,
): Posts {
  /** Null: nothing was done, for it is nobody's, or not that one's. */
  const ask = async (feeder: FeederAddress | null, what: string, job: { readonly account: string }, withinMs: number): Promise<Json> => {
    if (feeder === null) return null
    try {
      const { status, body } = await transport.request({
        method: 'POST',
        url: `http://${feeder.address}/posts/${encodeURIComponent(job.account)}/${what}`,
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(job)),
        pool: 'post',
        signal: AbortSignal.timeout(withinMs),
        maxBytes: ANSWER_BYTES_MAX,
      })
      const text = Buffer.from(body).toString()
      if (status === 200) return (JSON.parse(text) as { readonly outcome: Json }).outcome
      // Before it began: the secret is another one, or what listens there is no feeder.
      if (status >= 400 && status < 500) {
        log.warn(
          { account: job.account, feeder: feeder.address, status, said: text.slice(0, 300) },
          'a feeder refuses what it is asked for',
        )
        return null
      }
      throw new Error(`The feeder at ${feeder.address} answers ${what} with ${status}: ${text.slice(0, 300)}`)
    } catch (error) {
      if (error instanceof TransportFailure && error.kind === 'unreachable') return null
      throw error
    }
  }

  return {
    post: job =>
      ask(job.feeder, 'post', job, apiTimeoutMs + PATIENCE_MS).then(
        outcome => outcome as OutboxEvent | null,
        () => ({ type: 'post.unknown', key: job.key, atMs: Date.now() }),
      ),
    look: job =>
      ask(job.feeder, 'look', job, apiTimeoutMs + PATIENCE_MS).then(
        outcome => outcome as readonly ReplyKey[] | null,
        () => [],
      ),
    check: job =>
      ask(job.feeder, 'check', job, CHECK_MS).then(
        outcome => outcome as OutboxEvent | null,
        () => null,
      ),
    queued: job =>
      ask(job.feeder, 'queued', job, CHECK_MS).then(
        outcome => outcome as readonly OutboxEvent[] | null,
        () => null,
      ),
  }
}
