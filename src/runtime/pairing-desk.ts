/** Where strangers get their codes: from the gateway's store where there is one, otherwise from here. */
import type { PairingEvent } from '../../machines/pairing.ts'
import { type Change, toChat } from '../../machines/records.ts'
import { directFacts } from '../domain/facts.ts'
import { type ChatId, parseChat, peerChat, type UserName } from '../domain/ids.ts'
import { pairingCode } from '../domain/pairing-code.ts'
import { decide } from '../domain/policy.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { PairingStore } from '../ports/pairing-store.ts'
import type { Random } from '../ports/random.ts'
import type { Registry } from './registry.ts'
import type { Timers } from './timers.ts'

const TICKET_RETRY_MS = 5_000

export const APPROVED = 'You are approved. Your message is being answered now.'
const LET_IN = 'You may write to me now. Your message is being answered.'

export interface PairingDesk {
  isPaired(user: UserName): Promise<boolean>
  /** A chat holds a message of a stranger. */
  open(chat: ChatId, wrote: boolean): void
  requestTicket(user: UserName): void
  startBackoff(user: UserName): void
  startDeadline(user: UserName, atMs: number): void
  approve(code: string): UserName | null
  reject(code: string): UserName | null
}

export type PairingDeskOptions = {
  readonly settings: AccountSettings
  readonly store: PairingStore | null
  readonly clock: Clock
  readonly random: Random
  readonly timers: Timers
  readonly registry: Registry
  readonly commit: (changes: readonly Change[]) => void
}

export const codeNotice = (user: UserName, code: string) =>
  `I do not know you yet, ${user}, so I may not answer. Give this code to my owner: ${code}`
const instructions = (user: UserName, code: string) => `${codeNotice(user, code)}\nThey approve it with: ztm-chat pairing approve ${code}`

/** Who was a stranger to the config of an earlier start need not be one to this. Null: they still are. */
export function letIn(settings: AccountSettings, user: UserName) {
  const decision = decide({ gate: null, looping: false, conversation: directFacts(settings, user, false) })
  return decision.action === 'process' ? ({ type: 'pairing.approve', remember: false, notice: LET_IN, decision } as const) : null
}

export function createPairingDesk({ settings, store, clock, random, timers, registry, commit }: PairingDeskOptions): PairingDesk {
  const { limits } = settings
  const tell = (user: UserName, event: PairingEvent) => registry.tellPairing(user, event)
  const held = (user: UserName) => registry.chat(peerChat(user))?.context.held ?? []
  const notice = (user: UserName, code: string) => store?.instructions(user, code) ?? instructions(user, code)
  const byCode = (code: string) =>
    registry
      .pairings()
      .find(
        request =>
          request.matches('pending') && !request.matches({ pending: 'ending' }) && request.context.code === code.trim().toUpperCase(),
      )?.context

  const approve = (user: UserName) => tell(user, { type: 'pairing.approve', remember: store === null, notice: APPROVED })

  const isLetIn = (user: UserName): boolean => {
    const event = letIn(settings, user)
    if (event) tell(user, event)
    return event !== null
  }

  /** An approval by another process raises no event here. */
  const lookAtStore = (delayMs: number = limits.pairingLookMs) => {
    if (!store || registry.pairings().length === 0) return
    timers.set('pairing-look', delayMs, () => {
      store.approved().then(
        users => {
          for (const { context } of registry.pairings()) if (users.includes(context.user)) approve(context.user)
          lookAtStore()
        },
        // The store is busy or away: the next look tells.
        () => lookAtStore(),
      )
    })
  }

  const ownTicket = (user: UserName) => {
    if (
      registry.pairings().filter(request => request.matches('pending') || request.matches({ asking: 'recording' })).length >=
      limits.pairingPending
    ) {
      tell(user, { type: 'ticket.refused', held: held(user) })
      return
    }
    const code = pairingCode(random.integer)
    const atMs = clock.now()
    tell(user, { type: 'ticket.issued', code, atMs, expiresAtMs: atMs + limits.pairingCodeMs, notice: notice(user, code) })
  }

  return {
    async isPaired(user) {
      if (!store) return registry.account.approved.has(user)
      return (await store.approved()).includes(user)
    },
    open(chat, wrote) {
      const conversation = parseChat(chat)
      if (conversation.kind !== 'peer') return
      const user = conversation.peer
      // Decided before the approval was known, recorded after it: there is nothing left to wait for.
      if (!store && registry.account.approved.has(user)) {
        commit([toChat(chat, { type: 'message.released' })])
        return
      }
      const request = registry.pairing(user)
      if (request === null) registry.openPairing(user)
      else if (wrote) {
        tell(user, {
          type: 'stranger.wrote',
          atMs: clock.now(),
          reminderMs: limits.pairingReminderMs,
          notice: notice(user, request.context.code),
        })
      }
    },
    requestTicket(user) {
      if (isLetIn(user)) return
      if (!store) {
        ownTicket(user)
        return
      }
      store.request(user).then(
        ticket => {
          if (ticket.status === 'full') tell(user, { type: 'ticket.refused', held: held(user) })
          else {
            const { code, expiresAtMs } = ticket
            tell(user, { type: 'ticket.issued', code, atMs: clock.now(), expiresAtMs, notice: notice(user, code) })
            lookAtStore()
          }
        },
        () => tell(user, { type: 'ticket.failed' }),
      )
    },
    startBackoff: user => timers.set(`pairing:${user}/ticket`, TICKET_RETRY_MS, () => tell(user, { type: 'backoff.over' })),
    startDeadline(user, atMs) {
      if (isLetIn(user)) return
      // The first approval makes the gateway start the account anew: by then it is there.
      lookAtStore(0)
      timers.set(`pairing:${user}/deadline`, Math.max(0, atMs - clock.now()), () => {
        const expire = () => tell(user, { type: 'deadline.reached', nowMs: clock.now(), held: held(user) })
        if (!store) return expire()
        // Approved in time, perhaps, by another process while this one was away.
        store.approved().then(users => (users.includes(user) ? approve(user) : expire()), expire)
      })
    },
    approve(code) {
      const request = byCode(code)
      if (!request) return null
      approve(request.user)
      return request.user
    },
    reject(code) {
      const request = byCode(code)
      if (!request) return null
      tell(request.user, { type: 'pairing.reject', held: held(request.user) })
      return request.user
    },
  }
}
