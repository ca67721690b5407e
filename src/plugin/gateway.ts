/**
 * Starts and stops accounts for the gateway; one runtime with one account each, so that one account's trouble is its own.
 *
 * G1. `startAccount` stays pending until the gateway aborts it: an early return would count as a crash.
 * G2. What people have to mend is told as blocked and waited out. What mends itself is told as recovering, inside the runtime.
 * G3. A stop answers within STOP_MS_MAX, whatever the disk does. The state stays leased until it is closed all the same.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Attachment } from '../domain/attachments.ts'
import { StoreUnusable } from '../domain/errors.ts'
import type { ChatId } from '../domain/ids.ts'
import { isObject } from '../domain/json.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { PermitSource } from '../ports/permit-source.ts'
import type { Random } from '../ports/random.ts'
import type { Store } from '../ports/store.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import { createRuntime } from '../runtime/create-runtime.ts'
import type { AccountHandle, Runtime } from '../runtime/runtime.ts'
import { channelSection } from './accounts.ts'
import type { FormerPlace, FormerState } from './former-state.ts'
import type { GatewayContext, OpenClawConfig, PluginRuntime, StatusPatch } from './host.ts'
import { createResponder, type SaveMedia } from './inbound.ts'
import type { PluginInspector } from './inspector.ts'
import { isFinalAnswer, messageOfAnswer } from './leftovers.ts'
import { createHostLog, levelFrom } from './log.ts'
import { CHANNEL_ID } from './names.ts'
import type { Outbound } from './outbound.ts'
import { createPairingStore } from './pairing.ts'
import type { RunningAccounts } from './running.ts'
import { placeOf, routeOf } from './sessions.ts'
import { aborted } from './signals.ts'
import { type StatusWords, statusPatch } from './status.ts'
import { createTranscripts, type LoadTranscript } from './transcript.ts'
import { type Turns, turnKey } from './turns.ts'

/** The gateway waits 5 s, then it leaves the account behind. */
export const STOP_MS_MAX = 4_000
/** What running turns get of it; the rest is for writing and closing. */
const GRACE_MS = 2_500
/** The monitor takes an account without news for 30 min for dead. */
const STATUS_EVERY_MS = 5_000

export interface World extends StatusWords {
  readonly clock: Clock
  readonly random: Random
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Oddities of the agent's answers go to the log, where there is one. */
  agent(settings: AccountSettings, log: Log | null): ZtmAgent
  store(options: { root: string; account: string }): Promise<Store>
  readonly permits: PermitSource
  readonly inspector: PluginInspector
  /** What the older plugin had read; rejects when that cannot be told. */
  formerState(place: FormerPlace, account: string): Promise<FormerState>
}

export type GatewayOptions = {
  readonly host: PluginRuntime
  readonly running: RunningAccounts
  readonly outbound: Outbound
  readonly turns: Turns
  readonly world: World
  readonly loadTranscript: LoadTranscript
  readonly saveMedia: SaveMedia
  readonly isOnlyAccount: (ctx: GatewayContext) => boolean
}

export interface Gateway {
  startAccount(ctx: GatewayContext): Promise<void>
  stopAccount(accountId: string): Promise<void>
}

/** Turns that the host runs at once, when its config does not say. Source: docs/concepts/queue.md of OpenClaw 2026.9. */
const hostTurns = (): number => Math.max(8, availableParallelism() * 4)

/** More dispatches than the host takes would wait there, where nobody sees them. */
export function withinHost(settings: AccountSettings, cfg: OpenClawConfig): AccountSettings {
  const { agents } = cfg
  const defaults = isObject(agents) && isObject(agents.defaults) ? agents.defaults : {}
  const turns = typeof defaults.maxConcurrent === 'number' && defaults.maxConcurrent >= 1 ? Math.floor(defaults.maxConcurrent) : hostTurns()
  return { ...settings, limits: { ...settings.limits, dispatches: Math.min(settings.limits.dispatches, turns) } }
}

export function createGateway({
  host,
  running,
  outbound,
  turns,
  world,
  loadTranscript,
  saveMedia,
  isOnlyAccount,
}: GatewayOptions): Gateway {
  const { clock } = world
  const transcripts = createTranscripts(host.agent.session, loadTranscript)
  const within = (ms: number, work: Promise<void>) =>
    new Promise<void>((resolve, reject) => {
      const cancel = clock.after(ms, resolve)
      work.then(resolve, reject).finally(cancel)
    })

  async function startAccount(ctx: GatewayContext): Promise<void> {
    const { accountId, abortSignal } = ctx
    const setStatus = (patch: StatusPatch) => {
      // A patch after the end would stand for the account's next start.
      if (!abortSignal.aborted) ctx.setStatus({ accountId, ...patch })
    }
    const { settings, problems } = ctx.account
    if (settings === null) {
      setStatus(world.blocked(problems.join(' ')))
      return aborted(abortSignal)
    }
    const leased = running.lease(accountId)
    const release = await Promise.race([leased, aborted(abortSignal)])
    if (abortSignal.aborted || !release) {
      leased.then(giveBack => giveBack())
      return
    }
    const over = run(ctx, settings, setStatus).finally(release)
    await Promise.race([over, aborted(abortSignal).then(() => within(STOP_MS_MAX, over))])
  }

  async function run(ctx: GatewayContext, configured: AccountSettings, setStatus: (patch: StatusPatch) => void): Promise<void> {
    const { accountId, abortSignal } = ctx
    const settings = withinHost(configured, host.config.current() as OpenClawConfig)
    const inOwnContext = AsyncLocalStorage.snapshot()
    const log = createHostLog(ctx.log, levelFrom(world.environment), { account: accountId })
    const pairing = createPairingStore({ pairing: host.channel.pairing, accountId, isOnlyAccount: isOnlyAccount(ctx), clock })
    const root = join(host.state.resolveStateDir(), CHANNEL_ID)
    const download = (file: Attachment, signal: AbortSignal) => runtime.account(accountId)?.download(file, signal) ?? Promise.resolve(null)
    const runtime: Runtime = createRuntime({
      accounts: [settings],
      ports: {
        clock,
        random: world.random,
        log,
        agent: settings => world.agent(settings, log),
        store: account => world.store({ root, account }),
        responder: createResponder({
          host,
          settings,
          approved: pairing.approved,
          outbound,
          download,
          saveMedia,
          known: chat => runtime.account(accountId)?.known(chat) ?? [],
          turns,
          transcripts,
          processStartMs: performance.timeOrigin,
          clock,
          log,
        }),
        permits: world.permits,
        pairing: () => pairing,
        formerly: async account => {
          try {
            return await world.formerState({ stateDir: host.state.resolveStateDir(), environment: world.environment }, account)
          } catch (err) {
            log.warn({ err }, 'the state of the older plugin cannot be read, so its last messages may be answered again')
            return new Map()
          }
        },
      },
    })
    try {
      await runtime.start()
    } catch (error) {
      await runtime.stop(0)
      // The gateway's ladder starts it again.
      if (!(error instanceof StoreUnusable) || error.retryable) throw error
      setStatus(world.blocked(error.message))
      return aborted(abortSignal)
    }
    const handle = runtime.account(accountId)
    if (handle === undefined) return aborted(abortSignal)

    const gone = new AbortController()
    const entry = {
      handle,
      log,
      enter: inOwnContext,
      gone: gone.signal,
      turnOf(chat: ChatId, delivery: string) {
        const session = routeOf(host, accountId, placeOf(chat))
        return messageOfAnswer(handle.inCustody(chat), {
          isQueuedRun: id => turns.isQueuedRun(turnKey(accountId, id)),
          isFinal: () => isFinalAnswer(host.agent.session, session, delivery),
          transcript: () => transcripts.of(session),
        })
      },
    }
    running.set(accountId, entry)
    const stopTelling = tellStatus(handle, setStatus)
    const events = runtime.events.subscribe(happened => {
      if (happened.event === 'decision') {
        const { chat, id, sender, action, reason, detail } = happened
        log.debug({ chat, id, sender, action, reason, detail }, 'decision')
      }
      if (happened.event === 'dead-letter')
        log.error({ chat: happened.chat, id: happened.id, reason: happened.reason }, 'given up; see the dead letters')
      if (happened.event === 'decision')
        host.channel.activity.record({ channel: CHANNEL_ID, accountId, direction: 'inbound', at: happened.atMs })
      if (happened.event === 'sent')
        host.channel.activity.record({ channel: CHANNEL_ID, accountId, direction: 'outbound', at: happened.atMs })
      if (happened.event === 'state' || happened.event === 'live') setStatus(patchOf(handle))
    })
    const leaveInspector = await world.inspector.enter({
      handle,
      events: runtime.events,
      section: channelSection(ctx.cfg),
      folder: root,
      log,
    })
    await aborted(abortSignal)
    stopTelling()
    events.unsubscribe()
    await leaveInspector()
    try {
      // Replies of turns that end within the grace are still taken.
      await runtime.stop(GRACE_MS)
    } finally {
      running.delete(accountId, entry)
      gone.abort()
    }
  }

  const patchOf = (handle: AccountHandle) => statusPatch(handle.status(), world)

  function tellStatus(handle: AccountHandle, setStatus: (patch: StatusPatch) => void): () => void {
    let told = ''
    let cancel = () => {}
    const tell = () => {
      const patch = patchOf(handle)
      const text = JSON.stringify(patch)
      if (text !== told) setStatus(patch)
      told = text
      cancel = clock.after(STATUS_EVERY_MS, tell)
    }
    tell()
    return () => cancel()
  }

  return {
    startAccount,
    stopAccount: accountId => within(STOP_MS_MAX, running.closed(accountId)),
  }
}
