/** What OpenClaw's status and health monitor are told about an account. */
import type { AccountStatus } from '../runtime/runtime.ts'
import { accountSnapshot, type PluginAccount } from './accounts.ts'
import type { Snapshot, StatusIssue, StatusPatch } from './host.ts'
import { CHANNEL_ID } from './names.ts'
import type { Probe } from './probe.ts'

type Ready = (extras: StatusPatch) => StatusPatch

/**
 * While the agent is away the account mends itself, so `connected` is taken back instead of set to false: on false the gateway's
 * monitor would restart the account, and be a second owner of the retries.
 */
export function statusPatch(status: AccountStatus, nowMs: number, ready: Ready): StatusPatch {
  const times: StatusPatch = {
    ...(status.lastFeedAtMs === null ? {} : { lastTransportActivityAt: status.lastFeedAtMs }),
    ...(status.lastInboundAtMs === null ? {} : { lastInboundAt: status.lastInboundAtMs }),
    ...(status.lastOutboundAtMs === null ? {} : { lastOutboundAt: status.lastOutboundAtMs }),
    ...(status.feed === null ? {} : { mode: status.feed }),
  }
  if (status.state === 'live') return ready({ ...times, lastConnectedAt: status.sinceMs, lastDisconnect: null })
  const isBeginning = status.state === 'idle' || ((status.state === 'connecting' || status.state === 'joining') && status.reason === null)
  return {
    ...times,
    connected: undefined,
    lifecycle: isBeginning ? 'starting' : 'recovering',
    lastError: status.reason,
    // An object, not a text: only then the monitor grants its grace.
    ...(isBeginning
      ? {}
      : { lastDisconnect: { at: status.sinceMs || nowMs, ...(status.reason === null ? {} : { error: status.reason }) } }),
  }
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
