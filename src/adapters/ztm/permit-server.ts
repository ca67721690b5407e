import { ConfigInvalid } from '../../domain/errors.ts'
import { LIMITS } from '../../domain/limits.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Permit } from '../../ports/ztm-agent.ts'
import { permitAnswer, readAs } from './answers.ts'
import { exchange, type OtherSide } from './exchange.ts'
import type { Transport } from './transport.ts'

/**
 * Asks the permit server to let this agent's key into the mesh as `username`. Fails like a call of ZtmAgent: unreachable, silent,
 * refused (4xx), failed (5xx), malformed, and ConfigInvalid for a URL that would send the request in the clear.
 */
export async function fetchPermit(request: {
  url: string
  /** PEM, the agent's identity. */
  publicKey: string
  username: string
  timeoutMs: number
  clock: Clock
  /** Stays the caller's: it is not closed. */
  transport: Transport
  signal?: AbortSignal
}): Promise<Permit> {
  const { url, publicKey, username, timeoutMs, clock, transport, signal } = request
  const answer = await exchange(
    {
      method: 'POST',
      url: checkedUrl(url),
      contentType: 'application/json',
      body: new TextEncoder().encode(JSON.stringify({ PublicKey: publicKey, UserName: username })),
      pool: 'post',
      expected: [200, 201],
      timeoutMs,
      maxBytes: LIMITS.fileBytes,
      limitName: 'limits.fileBytes',
    },
    { transport, clock, otherSide: thePermitServer, signals: signal ? [signal] : [] },
  )
  return readAs(answer, permitAnswer)
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
  whenUnreachable: 'Is the permit server running there?',
  whenSilent: 'Try again later, or put the permit into a file (permitSource "file").',
  whenNotJson: CHECK_URL,
  statuses: {
    401: 'The permit server does not let this machine in; ask its owner.',
    403: 'The permit server refuses this user; ask its owner, or correct username.',
    404: CHECK_URL,
    405: CHECK_URL,
  },
}
