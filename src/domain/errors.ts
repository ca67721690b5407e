/** Base of every failure this product expects. The message is one sentence: what, where, and what to do. */
export abstract class ZtmChatError extends Error {
  /** Whether trying the same thing again later can succeed. Backoff reads this and nothing else. */
  abstract readonly retryable: boolean
  /** Whether the other side may have done it all the same. The outbox reads this before a second send. */
  abstract readonly mayHaveActed: boolean

  override get name(): string {
    return this.constructor.name
  }
}

/** No connection was made: nothing can have happened at the other side. */
export class ZtmAgentUnreachable extends ZtmChatError {
  readonly retryable = true
  readonly mayHaveActed = false
}

/** A connection was made, and no whole answer came (time-out, reset, abort). */
export class ZtmAgentSilent extends ZtmChatError {
  readonly retryable = true
  readonly mayHaveActed = true
}

/** 4xx: the ZTM agent understood and will not do it. */
export class ZtmAgentRefused extends ZtmChatError {
  readonly retryable = false
  readonly mayHaveActed = false
  readonly status: number
  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** 5xx: the ZTM agent or its chat app failed. Whether it acted is not known. */
export class ZtmAgentFailed extends ZtmChatError {
  readonly retryable = true
  readonly mayHaveActed = true
  readonly status: number
  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** An answer that is not what the route promises: no JSON, wrong shape, empty where an object is due. */
export class MalformedAnswer extends ZtmChatError {
  readonly retryable = true
  readonly mayHaveActed = true
}

/** An answer larger than the limit; the rest was not read. */
export class AnswerTooLarge extends ZtmChatError {
  readonly retryable = false
  readonly mayHaveActed = true
}

/** A peer, creator or group name that the ZTM agent would take for something else; nothing was sent. */
export class UnsafeName extends ZtmChatError {
  readonly retryable = false
  readonly mayHaveActed = false
}

/** A key says which message it is; this one says that of another. Nothing was sent. */
export class KeyTaken extends ZtmChatError {
  readonly retryable = false
  readonly mayHaveActed = false
}

/** Neither mesh nor state knows whom a message is for; nothing was sent. */
export class NobodyThere extends ZtmChatError {
  readonly retryable = false
  readonly mayHaveActed = false
}

/** The config is wrong; `problems` has one sentence for each fault, all of them at once. */
export class ConfigInvalid extends ZtmChatError {
  readonly retryable = false
  readonly mayHaveActed = false
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** A permit, or what came in its place, that is no good; the agent did not get it. */
export class PermitUnusable extends ZtmChatError {
  readonly retryable = false
  readonly mayHaveActed = false
}

/** The state directory cannot be used: locked by another process, newer version, no room, no rights. */
export class StoreUnusable extends ZtmChatError {
  readonly mayHaveActed = false
  readonly retryable: boolean
  constructor(message: string, retryable: boolean, options?: ErrorOptions) {
    super(message, options)
    this.retryable = retryable
  }
}

/** The responder failed, or gave nothing usable. */
export class ResponderFailed extends ZtmChatError {
  readonly retryable = true
  readonly mayHaveActed = true
}

/** The responder will not take this message, now or later. */
export class ResponderRefused extends ZtmChatError {
  readonly retryable = false
  readonly mayHaveActed = false
}

/** A file that had another number of bytes than it said; the mesh does not have it. */
export class FileChanged extends ZtmChatError {
  readonly retryable = true
  readonly mayHaveActed = false
}

/** A file beyond `mediaMaxMb`. */
export class FileTooLarge extends ZtmChatError {
  readonly retryable = false
  readonly mayHaveActed = false
}

/** What is told of whatever was thrown. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
