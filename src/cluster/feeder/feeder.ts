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
  statuses(): readonly AccountStatus[]
}

/** Of those who live, each account has one whom it falls to; when one comes or goes, few accounts move. */
export function fallsTo(account: AccountId, members: readonly Member[]): Member | null {
  const weighed = members.map(member => ({ member, weight: createHash('sha256').update(`${member.session}/${account}`).digest('hex') }))
  return weighed.toSorted((one, other) => (one.weight < other.weight ? -1 : 1))[0]?.member ?? null
}

export function createFeeder(options: FeederOptions): Feeder {
  const { address, clock, random, log, engine, permits, agent, emit = () => {} } = options
  const accounts = new Map(options.accounts.filter(({ enabled }) => enabled).map(settings => [settings.id, settings]))
  const feeds = new Map<AccountId, AccountFeed>()
  /** The engine may have it that these are ours. */
  const claimed = new Set<AccountId>()
  /** It is being asked for these, or told that they are free: one after the other, for a release must not come behind the next claim. */
  const asking = new Set<AccountId>()
  const stopping = new Map<AccountId, Promise<void>>()
  /** Ends with the membership. */
  let belonging = new AbortController()
  let isStopping = false

  const drop = (account: AccountId): Promise<void> => {
    const feed = feeds.get(account)
    feeds.delete(account)
    const stopped = feed?.stop() ?? stopping.get(account) ?? Promise.resolve()
    stopping.set(account, stopped)
    return stopped.finally(() => {
      if (stopping.get(account) === stopped) stopping.delete(account)
    })
  }

  /** What fails is asked again with the next renewal. */
  const ask = async (account: AccountId, about: string, step: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    if (asking.has(account) || stopping.has(account)) return
    asking.add(account)
    const { signal } = belonging
    try {
      await step(signal)
    } catch (error) {
      if (!signal.aborted) log.warn({ account, err: error }, about)
    } finally {
      asking.delete(account)
    }
  }

  const release = (account: AccountId, session: string): Promise<void> =>
    ask(account, 'an account cannot be released now', async signal => {
      await drop(account)
      await engine.call(['account', account, 'release'], { session }, signal)
      claimed.delete(account)
    })

  const claim = (settings: AccountSettings, session: string): Promise<void> =>
    ask(settings.id, 'an account cannot be claimed now', async signal => {
      const { id } = settings
      // Whatever is answered, or not: until it is released, or said to be another's.
      claimed.add(id)
      const given = (await engine.call(['account', id, 'claim'], { address, session, isPushed: false }, signal)) as Claimed
      if (signal.aborted || isStopping || !membership.isValid()) return
      if (given === null) return void claimed.delete(id)
      begin(settings, given.entry, { address, session })
    })

  const begin = (settings: AccountSettings, entry: Json, feeder: { readonly address: string; readonly session: string }): void => {
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
        if (feeds.get(id) !== feed) return
        log.warn({ account: id }, 'another feeder has the account')
        void drop(id)
      },
    })
    // It may write from here on.
    feeds.set(id, feed)
    feed.start()
    log.info({ account: id }, 'has the account')
  }

  const membership = createMembership({
    engine,
    address,
    clock,
    log,
    onMembers(members) {
      const session = membership.session()
      if (session === null || isStopping) return
      for (const settings of accounts.values()) {
        const isOurs = fallsTo(settings.id, members)?.session === session
        if (isOurs && !feeds.has(settings.id)) void claim(settings, session)
        if (!isOurs && claimed.has(settings.id)) void release(settings.id, session)
      }
    },
    onEnded() {
      belonging.abort()
      belonging = new AbortController()
      claimed.clear()
      for (const account of [...feeds.keys()]) void drop(account)
    },
  })

  return {
    start: () => membership.start(),
    async stop() {
      isStopping = true
      // They are written to no more before others may have them.
      await Promise.all([...feeds.keys()].map(drop))
      await membership.leave()
      belonging.abort()
      await Promise.all(stopping.values())
    },
    posts: account => feeds.get(account)?.posts ?? null,
    trouble: () => (membership.isValid() ? null : 'The engine cannot be reached: this feeder is in no fleet.'),
    statuses: () => [...feeds.values()].map(feed => feed.status()),
  }
}
