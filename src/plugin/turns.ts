/**
 * The turns that OpenClaw has in hand for us, followed until they are over.
 *
 * T1. A turn outlives the call that began it: the first approval restarts the channel in mid-turn, and OpenClaw goes on. Who asks for
 *     the same message again joins its turn; OpenClaw would take a second one for a duplicate and drop it.
 * T2. A turn is never cancelled from here. One that waits behind another keeps its place, and when OpenClaw has written it into its
 *     session, a cancelled one would be answered by nobody.
 * T3. A turn that is over without having been adopted needs nothing more: OpenClaw had the message already, or it asks for no answer.
 * T4. A queued turn is over when the host settles it, any other with the host's call; a message that the turn under way takes in, queued or
 *     not, with that turn: until then it may be in the memory of the process alone. The host does not say which it was, so that each waits
 *     for those that were under way when it was adopted.
 */
import { ResponderFailed } from '../domain/errors.ts'
import type { MessageId } from '../domain/ids.ts'
import type { Turn } from '../ports/responder.ts'
import { aborted } from './signals.ts'

/** What the host calls back while it has a turn in hand. */
export interface TurnLifecycle {
  readonly admission: 'exclusive'
  onAdopted(): Promise<void>
  onDeferred(): void
  onAbandoned(): void
  onSettled(): void
  readonly abortSignal: AbortSignal
}

export interface Turns {
  /**
   * Begins the turn, or joins the one under way; resolves when it is over, rejects when it has to be tried again or `signal` fires.
   * `begin` resolves when the host's call is over, which for a queued turn is before it has begun. `session`: whose turn may take it in;
   * null for what is only about that turn. `isQueued`: the host has queued it, so that it runs apart from the call that began it.
   */
  follow(key: string, session: string | null, turn: Pick<Turn, 'adopted'>, signal: AbortSignal, begin: Begin): Promise<void>
  /** It waited behind another, and runs now. */
  isQueuedRun(key: string): boolean
  /** Whether it has been in hand since this process began; resolves when it is over. */
  ended(key: string): Promise<boolean>
}

type Begin = (lifecycle: TurnLifecycle, isQueued: () => boolean) => Promise<unknown>
type Asked = { readonly turn: Pick<Turn, 'adopted'>; readonly signal: AbortSignal }
type Flight = {
  readonly session: string | null
  asked: Asked
  adopted: boolean
  deferred: boolean
  /** Adopted before it, and not over by then: its own turn, or the one that took it in, is behind them or among them. */
  underWay: readonly Flight[]
  readonly over: Promise<void>
}

export const turnKey = (account: string, id: MessageId): string => `${account}/${id}`

/** Turns whose end is remembered: the account may have stopped before it could record it. */
const ENDED_MAX = 1_000

export function createTurns(): Turns {
  /** As many as the host has turns in hand. */
  const flights = new Map<string, Flight>()
  const ended = new Set<string>()

  function takeOff(key: string, session: string | null, asked: Asked, begin: Begin): Flight {
    const { promise: over, resolve, reject } = Promise.withResolvers<void>()
    const flight: Flight = { session, asked, adopted: false, deferred: false, underWay: [], over }
    const end = async () => {
      await Promise.allSettled(flight.underWay.map(({ over }) => over))
      // They hold those before them.
      flight.underWay = []
      resolve()
    }
    flights.set(key, flight)
    const lifecycle: TurnLifecycle = {
      admission: 'exclusive',
      async onAdopted() {
        if (!flight.adopted && session !== null)
          flight.underWay = [...flights.values()].filter(other => other.session === session && other.adopted)
        flight.adopted = true
        // By now the host's session has the message, so that whoever asks again may be told so.
        await recorded(flight.asked)
      },
      onDeferred() {
        flight.deferred = true
      },
      onAbandoned() {
        if (!flight.adopted) reject(new ResponderFailed('OpenClaw gave the message up before its turn began.'))
      },
      onSettled() {
        if (flight.deferred) void end()
      },
      abortSignal: new AbortController().signal,
    }
    begin(lifecycle, () => flight.deferred).then(() => {
      if (!flight.deferred) void end()
    }, reject)
    const land = () => {
      flights.delete(key)
      if (!flight.adopted) return
      ended.add(key)
      const [oldest] = ended
      if (ended.size > ENDED_MAX && oldest !== undefined) ended.delete(oldest)
    }
    over.then(land, land)
    return flight
  }

  return {
    async follow(key, session, turn, signal, begin) {
      const asked = { turn, signal }
      let flight = flights.get(key)
      if (flight === undefined) flight = takeOff(key, session, asked, begin)
      else {
        flight.asked = asked
        if (flight.adopted) await recorded(asked)
      }
      const ended = flight.over.then(
        () => {},
        error => {
          // What fails after the adoption is the host's to mend.
          if (!flight.adopted) throw error
        },
      )
      await Promise.race([ended, aborted(signal)])
      // Not an end: the message is asked again, or asked about, after the start.
      signal.throwIfAborted()
    },
    isQueuedRun(key) {
      const flight = flights.get(key)
      return flight?.deferred === true && flight.adopted
    },
    async ended(key) {
      const flight = flights.get(key)
      await flight?.over.catch(() => {})
      return ended.has(key)
    },
  }
}

/** The account may stop meanwhile; the host must not wait for it. */
const recorded = async ({ turn, signal }: Asked): Promise<void> => {
  // An attempt that was given up refuses to be adopted; the turn must not fail for it, since the host takes the same message only once.
  if (!signal.aborted) await Promise.race([turn.adopted(), aborted(signal)])
}
