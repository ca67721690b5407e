/**
 * A feeder's membership in the fleet. Its end here comes before its end there: it counts from when a renewal was sent, on two clocks, one of
 * which goes on while the machine sleeps.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { ALL, type Member } from '../contracts.ts'
import type { Engine } from '../engine.ts'

const RENEW_MS = 2_000
/** So much sooner it ends here. */
const MARGIN_MS = 1_000
/** An engine that is silent for longer is not told. */
const LEAVE_MS = 2_000

export interface Membership {
  /** Null while there is none. */
  session(): string | null
  /** Nobody else can have what is ours before this is false. */
  isValid(): boolean
  start(): void
  /** Gives it back. */
  leave(): Promise<void>
}

export type MembershipOptions = {
  readonly engine: Engine
  /** Where this feeder listens, `HOST:PORT`. */
  readonly address: string
  readonly clock: Clock
  readonly log: Log
  /** Renewed: who lives, this one included. */
  readonly onMembers: (members: readonly Member[]) => void
  /** It is over: nothing is ours any more. Another begins by itself. */
  readonly onEnded: () => void
}

type Held = { readonly session: string; readonly ttlMs: number; readonly monotonicMs: number; readonly wallMs: number }

export function createMembership({ engine, address, clock, log, onMembers, onEnded }: MembershipOptions): Membership {
  let held: Held | null = null
  let isAway = false
  let isLeaving = false
  let renewal = new AbortController()
  let cancel = () => {}
  let cancelEnd = () => {}

  const moment = () => ({ monotonicMs: clock.monotonic(), wallMs: clock.now() })
  const leftMs = ({ ttlMs, monotonicMs, wallMs }: Held) =>
    ttlMs - MARGIN_MS - Math.max(clock.monotonic() - monotonicMs, clock.now() - wallMs)
  const isValid = () => held !== null && leftMs(held) > 0

  const end = () => {
    if (held === null) return
    held = null
    cancelEnd()
    // Its answer would come too late, and whoever waits for it joins no fleet.
    renewal.abort()
    log.warn({}, 'the membership in the fleet is over: its accounts are left to others')
    onEnded()
  }

  /** A timer may come a moment early. */
  const endInTime = () => {
    if (held === null) return
    const ms = leftMs(held)
    if (ms <= 0) return end()
    cancelEnd = clock.after(ms, endInTime)
  }

  const hold = (what: Held) => {
    cancelEnd()
    held = what
    endInTime()
  }

  const tellLeft = async (session: string): Promise<void> => {
    const patience = new AbortController()
    const cancelPatience = clock.after(LEAVE_MS, () => patience.abort())
    // Whoever cannot be told finds out by itself.
    await engine.call(['fleet', ALL, 'leave'], { session }, patience.signal).catch(() => {})
    cancelPatience()
  }

  const join = async (): Promise<Held | null> => {
    const sentAt = moment()
    const { session, ttlMs } = (await engine.call(['fleet', ALL, 'join'], { address })) as { session: string; ttlMs: number }
    if (isLeaving) {
      await tellLeft(session)
      return null
    }
    log.info({ session }, 'joined the fleet')
    hold({ session, ttlMs, ...sentAt })
    return held
  }

  const renew = async (): Promise<void> => {
    // A machine that slept finds out here.
    if (!isValid()) end()
    const own = held ?? (await join())
    if (own === null) return
    const { session, ttlMs } = own
    const sentAt = moment()
    renewal = new AbortController()
    const members = (await engine.call(['fleet', ALL, 'renew'], { session }, renewal.signal)) as readonly Member[] | null
    // It may have ended, or was left, while the answer was on its way.
    if (held !== own) return
    if (members === null) return end()
    hold({ session, ttlMs, ...sentAt })
    if (isValid()) onMembers(members)
  }

  const tick = async (): Promise<void> => {
    try {
      await renew()
      if (isAway) log.info({}, 'the engine answers again')
      isAway = false
    } catch (error) {
      if (!isAway) log.warn({ err: error }, 'the fleet cannot be asked')
      isAway = true
    }
    if (!isLeaving) cancel = clock.after(RENEW_MS, () => void tick())
  }

  return {
    session: () => held?.session ?? null,
    isValid,
    start: () => void tick(),
    async leave() {
      isLeaving = true
      cancel()
      cancelEnd()
      if (held === null) return
      const { session } = held
      held = null
      await tellLeft(session)
    },
  }
}
