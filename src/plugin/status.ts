/** What OpenClaw's status and health monitor are told about an account. */
import type { AccountStatus } from '../runtime/runtime.ts'
import type { Probe } from '../setup/probe.ts'
import { accountSnapshot, type PluginAccount } from './accounts.ts'
import type { Snapshot, StatusIssue, StatusPatch } from './host.ts'
import { CHANNEL_ID } from './names.ts'

/** The host's own words. */
export interface StatusWords {
  ready(extras: StatusPatch): StatusPatch
  /** Also keeps the gateway from restarting the account. */
  blocked(reason: string): StatusPatch
}

/**
 * While the agent is away the account mends itself, so `connected` is taken back instead of set to false: on false the gateway's
 * monitor would restart the account, and be a second owner of the retries.
 */
export function statusPatch(status: AccountStatus, words: StatusWords): StatusPatch {
  const { state, reason, sinceMs } = status
  const told: StatusPatch = {
    ...(status.lastFeedAtMs === null ? {} : { lastTransportActivityAt: status.lastFeedAtMs }),
    ...(status.lastInboundAtMs === null ? {} : { lastInboundAt: status.lastInboundAtMs }),
    ...(status.lastOutboundAtMs === null ? {} : { lastOutboundAt: status.lastOutboundAtMs }),
    ...(status.feed === null ? {} : { mode: status.feed }),
    // The host knows no queues of ours; this field is the channel's own, and `channels status --json` shows it.
    application: status,
  }
  if (state === 'live') return words.ready({ ...told, lastConnectedAt: sinceMs, lastDisconnect: null })
  if (state === 'blocked')
    return { ...told, ...words.blocked(reason ?? 'The account waits for somebody to mend its config.'), connected: undefined }
  if (reason === null) return { ...told, connected: undefined, lifecycle: 'starting', lastError: null }
  // An object, not a text: only then the monitor grants its grace.
  return { ...told, connected: undefined, lifecycle: 'recovering', lastError: reason, lastDisconnect: { at: sinceMs, error: reason } }
}

export function buildSnapshot({ account, runtime, probe }: { account: PluginAccount; runtime?: Snapshot; probe?: Probe }): Snapshot {
  const own = accountSnapshot(account)
  return {
    ...own,
    ...runtime,
    ...own,
    lastError: own.lastError ?? runtime?.lastError ?? null,
    ...(probe === undefined ? {} : { probe, ...(probe.ok ? { identity: probe.user } : {}) }),
  }
}

type Trouble = Omit<StatusIssue, 'channel' | 'accountId'>

export function statusIssues(accounts: readonly Snapshot[]): StatusIssue[] {
  return accounts.flatMap(snapshot => {
    const { accountId, enabled } = snapshot
    if (enabled === false) return []
    return troublesOf(snapshot).map(trouble => ({ channel: CHANNEL_ID, accountId, ...trouble }))
  })
}

function troublesOf({ configured, lastError, lifecycle, application }: Snapshot): Trouble[] {
  const troubles: Trouble[] = []
  if (lastError) {
    if (configured === false) {
      troubles.push({ kind: 'config', message: lastError, fix: 'openclaw config validate says everything that is wrong' })
    } else if (lifecycle !== 'blocked') {
      // What is blocked the host points out by itself.
      troubles.push({ kind: 'runtime', message: lastError, fix: 'it is tried again for ever; nothing that is written meanwhile is lost' })
    }
  }
  if (!isStatus(application)) return troubles
  const { counters, uncertain, warnings } = application
  if (counters.deadLetters > 0) {
    const message = `${counters.deadLetters} messages or replies were given up after their last attempt`
    troubles.push({ kind: 'runtime', message, fix: `openclaw ${CHANNEL_ID} deadletter list` })
  }
  if (uncertain > 0) {
    const message = `${uncertain} replies are neither confirmed nor proven lost`
    troubles.push({ kind: 'runtime', message, fix: 'they are looked for again, and posted again after a while' })
  }
  for (const message of warnings) troubles.push({ kind: 'runtime', message })
  return troubles
}

/** The host keeps what we have told it, and hands it back as it was. */
const isStatus = (application: unknown): application is AccountStatus =>
  typeof application === 'object' && application !== null && 'counters' in application && 'uncertain' in application
