/** What each effect of a conversation's charts sets going. */
import { backoffMs } from '../domain/backoff.ts'
import type { ChatId, ReplyKey } from '../domain/ids.ts'
import { lookAfterMs } from '../domain/lost-post.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { AnsweredBefore } from './answered-before.ts'
import type { Custody } from './custody.ts'
import type { Effects } from './effects.ts'
import type { Due } from './feed/due.ts'
import type { Journal } from './journal.ts'
import type { PairingDesk } from './pairing-desk.ts'
import type { Poster } from './poster.ts'
import type { Registry } from './registry.ts'
import type { Timers } from './timers.ts'
import type { Watchers } from './watchers.ts'

/** The first look for a reply on the mesh where its file is pushed to us. */
const PUSHED_LOOK_MS = 4_000

export type PerformersOptions = {
  readonly settings: AccountSettings
  readonly clock: Clock
  readonly random: Random
  readonly timers: Timers
  readonly signal: AbortSignal
  /** Looked up when an effect is carried out: they are made from these effects. */
  readonly parts: () => {
    readonly registry: Registry
    readonly journal: Journal
    readonly answeredBefore: AnsweredBefore
    readonly custody: Custody
    readonly desk: PairingDesk
    readonly poster: Poster
    readonly watchers: Watchers
    readonly due: Pick<Due, 'askApp'>
  }
  readonly isPushed: () => boolean
  /** The agent is being listened to. */
  readonly isLive: () => boolean
  readonly onPost: (chat: ChatId, key: ReplyKey) => void
  /** Whether this reply is on the mesh cannot be told for so long that the next one does not wait for it. */
  readonly onUncertain: (chat: ChatId, key: ReplyKey) => void
}

export function createPerformers({
  settings,
  clock,
  random,
  timers,
  signal,
  parts,
  isPushed,
  isLive,
  onPost,
  onUncertain,
}: PerformersOptions): Effects {
  const { limits } = settings
  const restMs = (failures: number, baseMs: number, maxMs: number) => backoffMs({ failures, baseMs, maxMs, unit: random.unit() })

  return {
    commit: commit => parts().journal.commit(commit),
    dispatch: job => parts().answeredBefore.submit(job),
    startDispatchBackoff: ({ chat, attempt }) =>
      timers.set(`chat:${chat}/backoff`, restMs(attempt - 1, limits.dispatchBackoffMs, limits.dispatchBackoffMsMax), () =>
        parts().registry.tellChat(chat, { type: 'backoff.over' }),
      ),
    reclaim: ({ chat, ids }) => void parts().custody.reclaim(chat, ids),
    openPairing: ({ chat, wrote }) => parts().desk.open(chat, wrote),
    requestSlot: ({ chat }) => parts().poster.request(chat),
    releaseSlot: ({ chat }) => parts().poster.release(chat),
    post({ chat, key }) {
      onPost(chat, key)
      const { poster, registry } = parts()
      void poster.post(chat, key, registry.entry(chat).replies.get(key) ?? { text: '' }, signal)
    },
    startPostBackoff: ({ chat, failures }) =>
      timers.set(`outbox:${chat}/backoff`, restMs(failures, limits.postBackoffMs, limits.postBackoffMsMax), () =>
        parts().registry.tellOutbox(chat, { type: 'backoff.over' }),
      ),
    startLag({ chat, key }) {
      // Nobody would notice that the agent was away.
      if (!isLive()) return
      timers.set(`outbox:${chat}/lag`, limits.confirmationLagMs, () => parts().registry.tellOutbox(chat, { type: 'lag.over', key }))
    },
    stopLag: ({ chat }) => timers.cancel(`outbox:${chat}/lag`),
    reportUncertain: ({ chat, key }) => onUncertain(chat, key),
    startLook({ chat, looks }) {
      // Our own files come with the push feed: a look is only for what it misses.
      timers.set(`outbox:${chat}/look`, lookAfterMs(limits, looks, isPushed() ? PUSHED_LOOK_MS : 0), () =>
        parts().registry.tellOutbox(chat, { type: 'look.due', nowMs: clock.monotonic(), limits }),
      )
    },
    look({ chat }) {
      parts().due.askApp(chat)
      parts().watchers.changed(chat)
    },
    checkLedger: post => void parts().poster.checkLedger(post, signal),
    checkQueued: ({ chat, keys }) => void parts().poster.checkQueued(chat, keys, signal),
    requestTicket: ({ user }) => parts().desk.requestTicket(user),
    startPairingBackoff: ({ user }) => parts().desk.startBackoff(user),
    startDeadline: ({ user, atMs }) => parts().desk.startDeadline(user, atMs),
  }
}
