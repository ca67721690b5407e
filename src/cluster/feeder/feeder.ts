/** A process that reads the meshes of some accounts of a fleet, as many as fall to it, and posts for them. */
import { createHash } from 'node:crypto'
import type { AccountId } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { ZtmAgent } from '../../ports/ztm-agent.ts'
import type { AccountStatus, RuntimeEvent } from '../../runtime/runtime.ts'
import type { Claimed, Member } from '../contracts.ts'
import type { Posts } from '../posts.ts'
import { type AccountFeed, createAccountFeed, type FeedPorts } from './account-feed.ts'
import { createMembership } from './membership.ts'

export type FeederOptions = FeedPorts & {
  readonly accounts: readonly AccountSettings[]
  /** Where services reach this feeder, `HOST:PORT`. */
  readonly address: string
  /** `mayWrite` is asked just before anything is written. */
  readonly agent: (settings: AccountSettings, mayWrite: () => boolean) => ZtmAgent
  readonly emit?: (event: RuntimeEvent) => void
}

export interface Feeder {
  start(): void
  /** Leaves its accounts to others. */
  stop(): Promise<void>
  /** Null: this feeder does not have it. */
  posts(account: AccountId): Posts | null
  /** Why nothing can be done here at present; null = all is well. */
  trouble(): string | null
  /** Of the accounts that it has. */
  states(): ReadonlyMap<AccountId, AccountStatus['state']>
}

/** Of those who live, each account has one whom it falls to; when one comes or goes, few accounts move. */
export function fallsTo(account: AccountId, members: readonly Member[]): Member | null {
  const weight = ({ session }: Member) => createHash('sha256').update(`${session}/${account}`).digest('hex')
  return members.toSorted((one, other) => (weight(one) < weight(other) ? -1 : 1))[0] ?? null
}

export function createFeeder(options: FeederOptions): Feeder {
  const { address, clock, random, log, engine, permits, agent, emit = () => {} } = options
  const accounts = new Map(options.accounts.filter(({ enabled }) => enabled).map(settings => [settings.id, settings]))
  const feeds = new Map<AccountId, AccountFeed>()
  const claiming = new Set<AccountId>()
  const stopping = new Map<AccountId, Promise<void>>()

  const drop = (account: AccountId): Promise<void> => {
    const feed = feeds.get(account)
    feeds.delete(account)
    const stopped = feed?.stop() ?? stopping.get(account) ?? Promise.resolve()
    stopping.set(account, stopped)
    return stopped.finally(() => {
      if (stopping.get(account) === stopped) stopping.delete(account)
    })
  }

  const release = async (account: AccountId, session: string): Promise<void> => {
    await drop(account)
    // Not heard: whoever claims it waits until the membership has ended.
    await engine.call(['account', account, 'release'], { session }).catch(() => {})
  }

  const claim = async (settings: AccountSettings, session: string): Promise<void> => {
    const { id } = settings
    if (claiming.has(id) || stopping.has(id)) return
    claiming.add(id)
    try {
      const feeder = { address, session, isPushed: false }
      const claimed = (await engine.call(['account', id, 'claim'], feeder)) as Claimed
      if (claimed === null || membership.session() !== session) return
      feeds.set(id, begin(settings, claimed.entry, { address, session }))
    } catch (error) {
      log.warn({ account: id, err: error }, 'an account cannot be claimed now')
    } finally {
      claiming.delete(id)
    }
  }

  const begin = (settings: AccountSettings, entry: Json, feeder: { readonly address: string; readonly session: string }): AccountFeed => {
    const { id } = settings
    const feed: AccountFeed = createAccountFeed({
      clock,
      random,
      log,
      engine,
      permits,
      settings,
      agent: agent(settings, () => membership.isValid() && membership.session() === feeder.session && feeds.get(id) === feed),
      entry,
      feeder,
      emit,
      onTaken() {
        log.warn({ account: id }, 'another feeder has the account')
        void drop(id)
      },
    })
    // It may write from here on.
    feeds.set(id, feed)
    feed.start()
    log.info({ account: id }, 'has the account')
    return feed
  }

  const membership = createMembership({
    engine,
    address,
    clock,
    log,
    onMembers(members) {
      const session = membership.session()
      if (session === null) return
      for (const settings of accounts.values()) {
        const isOurs = fallsTo(settings.id, members)?.session === session
        if (isOurs && !feeds.has(settings.id)) void claim(settings, session)
        if (!isOurs && feeds.has(settings.id)) void release(settings.id, session)
      }
    },
    onEnded() {
      for (const account of [...feeds.keys()]) void drop(account)
    },
  })

  return {
    start: () => membership.start(),
    async stop() {
      const session = membership.session()
      await Promise.all([...feeds.keys()].map(account => (session === null ? drop(account) : release(account, session))))
      await membership.leave()
      await Promise.all(stopping.values())
    },
    posts: account => feeds.get(account)?.posts ?? null,
    trouble: () => (membership.isValid() ? null : 'The engine cannot be reached: this feeder is in no fleet.'),
    states: () => new Map([...feeds].map(([account, feed]) => [account, feed.state()])),
  }
}
