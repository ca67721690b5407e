import { ConfigInvalid, MalformedAnswer, PermitUnusable, ZtmAgentFailed, ZtmAgentRefused } from '../../domain/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Permit } from '../../ports/ztm-agent.ts'
import { readJson } from './answers.ts'
import { type Answer, exchange, type OtherSide } from './exchange.ts'
import { usablePermit } from './permit.ts'
import type { Transport } from './transport.ts'

/** A permit has two certificates, and a few KiB. */
const PERMIT_BYTES_MAX = 1_048_576

export type PermitRequest = {
  readonly url: string
  /** PEM, the agent's identity. */
  readonly publicKey: string
  readonly username: string
  readonly timeoutMs: number
  readonly clock: Clock
  /** Stays the caller's: it is not closed. */
  readonly transport: Transport
  readonly signal?: AbortSignal
}

/**
 * Asks the permit server to let this agent's key into the mesh as `username`. Fails like a call of ZtmAgent where trying again can
 * help (unreachable, silent, failed with 5xx), and where it is refused (4xx) or too large; PermitUnusable for all else that is no
 * good permit, and ConfigInvalid for a URL that would send the request in the clear.
 */
export async function fetchPermit(request: PermitRequest): Promise<Permit> {
  const { publicKey, username, clock } = request
  try {
    const answer = await ask(request)
    return usablePermit(readJson(answer), `The permit that ${answer.route()} gave`, { username, publicKey, nowMs: clock.now() })
  } catch (error) {
    // A page in place of a permit is there again at the next try.
    if (error instanceof MalformedAnswer) throw new PermitUnusable(error.message)
    throw error
  }
}

function ask({ url, publicKey, username, timeoutMs, clock, transport, signal }: PermitRequest): Promise<Answer> {
  return exchange(
    {
      method: 'POST',
      url: checkedUrl(url),
      contentType: 'application/json',
      body: new TextEncoder().encode(JSON.stringify({ PublicKey: publicKey, UserName: username })),
      pool: 'post',
      expected: [200, 201],
      timeoutMs,
      maxBytes: PERMIT_BYTES_MAX,
      limitName: null,
    },
    { transport, clock, otherSide: thePermitServer, signals: signal ? [signal] : [] },
  )
}

/** What is no answer to our question is a sign of life all the same; refusals and failures come as errors with their status. */
const ANSWERS = [200, 201, 202, 204, 301, 302, 303, 307, 308]

/**
 * Whether something answers there: the status of its answer to a GET, which asks for nothing and gives nothing.
 * Fails like `fetchPermit` where no answer comes.
 */
export async function reachPermitServer({
  url,
  timeoutMs,
  clock,
  transport,
  signal,
}: Omit<PermitRequest, 'publicKey' | 'username'>): Promise<number> {
  try {
    const { status } = await exchange(
      { method: 'GET', url: checkedUrl(url), pool: 'read', expected: ANSWERS, timeoutMs, maxBytes: PERMIT_BYTES_MAX, limitName: null },
      { transport, clock, otherSide: thePermitServer, signals: signal ? [signal] : [] },
    )
    return status
  } catch (error) {
    if (error instanceof ZtmAgentRefused || error instanceof ZtmAgentFailed) return error.status
    throw error
  }
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** The URL may carry a token, so it is not quoted. */
function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname))) return url.href
  throw new ConfigInvalid(['permitUrl is no https URL; expected https://..., or http:// on this machine alone.'])
}

const CHECK_URL = 'Is permitUrl the address of the permit server?'

const thePermitServer: OtherSide = {
  name: 'the permit server',
  option: 'permitUrl',
  whenUnreachable: 'Is the permit server running there?',
  whenSilent: 'Try again later, or put the permit into a file (permitSource "file").',
  whenNotJson: CHECK_URL,
  whenEmpty: 'the permit server is probably not well',
  statuses: {
    401: 'The permit server does not let this machine in; ask its owner.',
    403: 'The permit server refuses this user; ask its owner, or correct username.',
    404: CHECK_URL,
    405: CHECK_URL,
  },
}
