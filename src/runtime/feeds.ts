/** Both feeds of an account, with who hears what they find: the push feed looks for message files, the poll feed at the chat list. */
import type { ChatId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import type { AccountEntry } from './account-entry.ts'
import { createChatList } from './feed/chat-list.ts'
import type { Due } from './feed/due.ts'
import { createPollFeed, type PollFeed } from './feed/poll-feed.ts'
import { createPushFeed, type PushFeed } from './feed/push-feed.ts'
import { createFeed, type Feed } from './feed.ts'
import type { Healer } from './heal/healer.ts'
import type { Intake } from './intake.ts'
import type { Place } from './place.ts'
import type { StatusKeeper } from './status.ts'

export type FeedsOptions = {
  readonly settings: AccountSettings
  readonly agent: ZtmAgent
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly due: Due
  readonly status: StatusKeeper
  readonly account: AccountEntry
  /** A reply of the bot into this chat waits for its confirmation. */
  readonly awaitsOwn: (chat: ChatId) => boolean
  /** Looked up when a feed runs: they are made later. */
  readonly parts: () => {
    readonly intake: Intake
    readonly healer: Healer
    readonly place: Place
  }
}

export function createFeeds({ settings, agent, clock, random, log, due, status, account, awaitsOwn, parts }: FeedsOptions): {
  readonly feed: Feed
  readonly poll: PollFeed
  readonly push: PushFeed
} {
  const { limits } = settings
  const isFirst = () => account.openedAtMs === null

  const poll = createPollFeed({
    agent,
    clock,
    random,
    limits,
    pollIntervalMs: settings.pollIntervalMs,
    chatList: createChatList({
      clock,
      random,
      limits,
      quietSinceMs: () => (isFirst() ? clock.now() : account.liveAtMs) - limits.ageFenceMs,
      knows: (chat, message) => parts().intake.knows(chat, message),
    }),
    onChanged: chat => due.askApp(chat),
    compare: () => parts().healer.compare(),
    wantsToCompare: () => parts().healer.wantsToCompare(),
  })

  const push = createPushFeed({
    agent,
    clock,
    random,
    limits,
    due,
    username: settings.username,
    firstSyncMs: settings.firstSyncMs,
    stored: () => account.indexed,
    awaitsOwn,
    onBegin: sinceMs => parts().place.noteIndexed(sinceMs),
    onUnusable(count, firstPath) {
      status.countIgnored('unusable_path', count)
      log.warn({ count, firstPath }, 'message files with paths that the chat app does not write')
    },
    onTrouble: reason => log.warn({ reason }, 'a look at the file index failed'),
    onSilence: () => parts().healer.suspect(),
  })

  const feed = createFeed({
    settings,
    clock,
    poll,
    push,
    isFirst,
    onRound(changed, whole) {
      status.fed(clock.now())
      parts().place.noteRound(changed, whole)
    },
    onFallback: reason => log.warn({ reason, againInMs: limits.pushRetryMs }, 'no file index: chats are polled'),
  })
  return { feed, poll, push }
}
