/** Asks the assistant, as often as it takes: after a crash again, under the same message id. Its outcome is an event of the chat. */
import { implement } from '@restatedev/restate-sdk'
import type { ChatEvent } from '../../../machines/chat.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Responder } from '../../ports/responder.ts'
import { APOLOGY, createDispatcher } from '../../runtime/dispatcher.ts'
import { CHAT, INSIDE, keyIn, RESPONDER, TRIED_AGAIN, type Turn } from '../contracts.ts'
import { type SettingsAt, settingsOf } from './settings-at.ts'
import { unlessEnded } from './unless-ended.ts'

/** On top of the longest answer: whoever is silent for longer is taken for dead by Restate, and another is asked beside it. */
const SILENCE_MS = 60_000

type Answering = { readonly settings: AccountSettings; readonly responder: Pick<Responder, 'respond'>; readonly clock: Clock }

type Outcome = { readonly event: ChatEvent; readonly atMs: number | null }

/** One attempt, with the limits and the words of every other dispatch. */
const attempt = ({ settings, responder, clock }: Answering, { message, alternations, ...job }: Turn): Promise<ChatEvent> =>
  new Promise(resolve => {
    const dispatcher = createDispatcher({
      settings,
      responder,
      clock,
      senders: { waitMs: () => 0, spend: () => {} },
      message: () => message ?? undefined,
      alternations: () => alternations,
      history: () => [],
      groupNames: { of: async () => null },
      tell: (_, event) => resolve(event),
      onStart: () => {},
    })
    dispatcher.submit(job)
  })

export function responderService(accounts: SettingsAt, responder: Pick<Responder, 'respond'>, clock: Clock) {
  const timeoutMs = Math.max(0, ...[...accounts.values()].map(({ limits }) => limits.dispatchTimeoutMs)) + SILENCE_MS
  return implement(RESPONDER, {
    handlers: {
      async respond(ctx, turn) {
        const settings = settingsOf(accounts, turn.account)
        const { id } = turn
        const { limits, notifyOnFailure } = settings
        const ended = (reason: string): Outcome => ({
          event: {
            type: 'dispatch.failed',
            id,
            attempt: turn.attempt,
            reason,
            attemptsMax: limits.dispatchAttempts,
            apology: notifyOnFailure ? APOLOGY : null,
          },
          atMs: null,
        })
        const asking = ctx.run('respond', async (): Promise<Outcome> => {
          const event = await attempt({ settings, responder, clock }, turn)
          return { event, atMs: clock.now() }
        })
        const { event, atMs } = await unlessEnded(asking, ended)
        ctx.sendClient(CHAT, keyIn(turn.account, turn.chat)).give({ inputs: [{ to: 'chat', event }], atMs })
      },
    },
    options: { ...TRIED_AGAIN, ...INSIDE, inactivityTimeout: timeoutMs },
  })
}
