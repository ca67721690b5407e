/** What OpenClaw's status and health monitor are told about an account. */
import type { AccountStatus } from '../runtime/runtime.ts'
import { accountSnapshot, type PluginAccount } from './accounts.ts'
import type { Snapshot, StatusIssue, StatusPatch } from './host.ts'
import { CHANNEL_ID } from './names.ts'
import type { Probe } from './probe.ts'

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
  const times: StatusPatch = {
    ...(status.lastFeedAtMs === null ? {} : { lastTransportActivityAt: status.lastFeedAtMs }),
    ...(status.lastInboundAtMs === null ? {} : { lastInboundAt: status.lastInboundAtMs }),
    ...(status.lastOutboundAtMs === null ? {} : { lastOutboundAt: status.lastOutboundAtMs }),
    ...(status.feed === null ? {} : { mode: status.feed }),
  }
  if (state === 'live') return words.ready({ ...times, lastConnectedAt: sinceMs, lastDisconnect: null })
  if (state === 'blocked')
    return { ...times, ...words.blocked(reason ?? 'The account waits for somebody to mend its config.'), connected: undefined }
  if (reason === null) return { ...times, connected: undefined, lifecycle: 'starting', lastError: null }
  // An object, not a text: only then the monitor grants its grace.
  return { ...times, connected: undefined, lifecycle: 'recovering', lastError: reason, lastDisconnect: { at: sinceMs, error: reason } }
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

export function statusIssues(accounts: readonly Snapshot[]): StatusIssue[] {
  return accounts.flatMap(({ accountId, enabled, configured, lastError }): StatusIssue[] => {
    if (enabled === false || !lastError) return []
    return [{ channel: CHANNEL_ID, accountId, kind: configured === false ? 'config' : 'runtime', message: lastError }]
  })
}
