/**
 * A feeder's membership in the fleet. Its end here comes before its end there: it counts from when a renewal was sent, on two clocks, one of
 * which goes on while the machine sleeps.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { ALL, type Member } from '../contracts.ts'
import type { Engine } from './engine.ts'

const RENEW_MS = 2_000
/** So much sooner it ends here. */
const MARGIN_MS = 1_000

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
  let cancel = () => {}
  let cancelEnd = () => {}

  const isValid = () =>
    held !== null && clock.monotonic() - held.monotonicMs < held.ttlMs - MARGIN_MS && clock.now() - held.wallMs < held.ttlMs - MARGIN_MS

  const end = () => {
    if (held === null) return
    held = null
    cancelEnd()
    log.warn({}, 'the membership in the fleet is over: its accounts are left to others')
    onEnded()
  }

  const hold = (session: string, ttlMs: number, sentAt: { readonly monotonicMs: number; readonly wallMs: number }) => {
    held = { session, ttlMs, ...sentAt }
    cancelEnd()
    cancelEnd = clock.after(Math.max(0, ttlMs - MARGIN_MS - (clock.monotonic() - sentAt.monotonicMs)), () => {
      if (!isValid()) end()
    })
  }

  const renew = async (): Promise<void> => {
    const sentAt = { monotonicMs: clock.monotonic(), wallMs: clock.now() }
    // A machine that slept finds out here.
    if (held !== null && !isValid()) end()
    if (held === null) {
      const { session, ttlMs } = (await engine.call(['fleet', ALL, 'join'], { address })) as { session: string; ttlMs: number }
      hold(session, ttlMs, sentAt)
      log.info({ session }, 'joined the fleet')
    }
    const { session, ttlMs } = held!
    const members = (await engine.call(['fleet', ALL, 'renew'], { session })) as readonly Member[] | null
    // It may have ended, or begun anew, while the answer was on its way.
    if (isLeaving || held?.session !== session) return
    if (members === null) return end()
    hold(session, ttlMs, sentAt)
    onMembers(members)
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
      // Whoever cannot be told finds out by itself.
      await engine.call(['fleet', ALL, 'leave'], { session }).catch(() => {})
    },
  }
}
