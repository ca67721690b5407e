import type { Content } from '../../ports/ztm-agent.ts'

/** Long-polls, reads and posts do not wait for each other's connections. */
export type PoolName = 'wait' | 'read' | 'post'

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Absolute, http or https, everything encoded already: sent as it is. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** What comes in pieces is read once, and only as fast as the other side takes it. */
  readonly body?: Uint8Array | Content
  readonly pool: PoolName
  /** When it aborts, the request rejects at once (in the same turn), whatever the other side does. */
  readonly signal: AbortSignal
  /** Bytes of body that may be read; one more is a failure, and the rest is not read. */
  readonly maxBytes: number
  /**
   * Gets the body of a 200 as it comes in, and the answer has none then. False: the rest is not wanted, the answer ends here.
   * While a promise of it is open, nothing more is read: what has come in already may still be given, and so may the answer. It never rejects.
   */
  readonly onData?: (chunk: Uint8Array) => boolean | Promise<boolean>
}

export interface TransportAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * What carries HTTP for the ZTM client: undici in life, the simulated mesh in simulation. It has no time-outs beyond that of
 * opening a connection; the caller's signal is the deadline. Redirects are not followed, a status is never a failure.
 *
 * A request without a whole answer rejects with TransportFailure, and its `kind` says what can have happened:
 * - `unreachable`: nothing of the request was sent (refused, unknown host, failed TLS handshake, aborted or closed while it queued);
 * - `silent`: a connection was made and the request, or a part of it, went out; reset, cut short, unreadable, aborted or closed since;
 * - `too-large`: a status came, and a body beyond `maxBytes`.
 * When in doubt it is `silent`: a post that was taken for unsent would be sent twice.
 *
 * A GET may be sent a second time, once, when a kept connection turned out to be dead. Nothing else is ever sent twice.
 */
export interface Transport {
  request(request: TransportRequest): Promise<TransportAnswer>
  /** Ends every connection; requests under way reject as above, later ones as `unreachable`. */
  close(): Promise<void>
}

/** Why two sides did not get through TLS: who has to mend what. */
export type TlsFault =
  /** Its certificate comes from nobody whom we trust. */
  | 'untrusted'
  /** Its certificate is for another host. */
  | 'wrong-name'
  /** Its certificate is over, or not valid yet. */
  | 'out-of-date'
  /** It seems to want a client certificate, and we have none. */
  | 'certificate-wanted'
  /** It does not take ours. */
  | 'certificate-refused'
  /** No TLS, or none that we speak. */
  | 'no-tls'

export class TransportFailure extends Error {
  readonly kind: 'unreachable' | 'silent' | 'too-large'
  readonly tls: TlsFault | null
  /** `message` is a few words for the middle of a sentence: `connection refused`. */
  constructor(kind: TransportFailure['kind'], reason: string, { tls = null, ...options }: ErrorOptions & { tls?: TlsFault | null } = {}) {
    super(reason, options)
    this.kind = kind
    this.tls = tls
  }
}
