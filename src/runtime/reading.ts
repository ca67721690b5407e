/** The watchers of an account with what they read, and who hears how it went. */
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import type { Backlog } from './backlog.ts'
import type { Due } from './feed/due.ts'
import { createFetch } from './feed/fetch.ts'
import type { Intake } from './intake.ts'
import type { Nursery } from './nursery.ts'
import type { StatusKeeper } from './status.ts'
import type { Timers } from './timers.ts'
import { createWatchers, type Watchers } from './watchers.ts'

export type ReadingOptions = {
  readonly settings: AccountSettings
  readonly agent: ZtmAgent
  readonly clock: Clock
  readonly random: Random
  readonly timers: Timers
  readonly log: Log
  readonly nursery: Nursery
  readonly signal: AbortSignal
  readonly due: Due
  /** Looked up when something is read: they are made later. */
  readonly parts: () => { readonly intake: Intake; readonly backlog: Backlog }
  readonly status: StatusKeeper
  readonly onNewest: Parameters<typeof createFetch>[0]['onNewest']
  /** Message files come with the feed. */
  readonly hasFiles: () => boolean
  /** None is at work any more. */
  readonly onIdle: () => void
}

/** What the chat app shows waits this long for the message files, which are in order. */
const FILES_FIRST_MS = 300

export function createReading(options: ReadingOptions): Watchers {
  const { settings, agent, clock, random, timers, log, nursery, signal, due, parts, status, onNewest, hasFiles, onIdle } = options
  const { limits, username } = settings

  const watchers = createWatchers({
    nursery,
    limits,
    random,
    timers,
    signal,
    fetch: createFetch({
      agent,
      clock,
      limits,
      due,
      intake: () => parts().intake,
      username,
      onNewest,
      onRead: lagMs => status.read(lagMs),
      onUnreadable(chat, why, reason) {
        status.countIgnored(why)
        if (why === 'too_large') status.warn(`Chat ${chat}: ${reason}`)
        log.warn({ chat, why, reason }, 'messages of a chat cannot be read')
      },
      hasFiles,
      again: chat => timers.set(`fetch:${chat}`, FILES_FIRST_MS, () => watchers.changed(chat)),
    }),
    onFetched(chat) {
      const { intake, backlog } = parts()
      if (!intake.isFull(chat)) backlog.caughtUp(chat)
      status.trouble(`chat ${chat}`, null)
    },
    onFailed(chat, error) {
      parts().backlog.behind(chat)
      const reason = error instanceof Error ? error.message : String(error)
      // While the account itself is in trouble, its chats add nothing to that.
      if (status.current() === 'live') status.trouble(`chat ${chat}`, `Chat ${chat} cannot be fetched: ${reason}`)
    },
    onIdle,
    onTrouble: (chat, reason) => log.warn({ chat, reason }, 'chat cannot be fetched'),
  })
  return watchers
}
