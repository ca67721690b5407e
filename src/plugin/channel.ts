/** The channel as OpenClaw sees it, in the host's order. Only what needs the host's own code or a running account is loaded late. */
import { randomUUID } from 'node:crypto'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { configJsonSchema, configUiHints } from '../domain/config.ts'
import { configAdapter, createAccountResolver, listAccountIds } from './accounts.ts'
import type { Gateway } from './gateway.ts'
import { groupsAdapter } from './groups.ts'
import type { Channel, PluginRuntime } from './host.ts'
import { DM_SCOPE } from './inbound.ts'
import { CHANNEL_ALIAS, CHANNEL_ID, CHANNEL_LABEL, DESCRIPTION } from './names.ts'
import { createOutbound } from './outbound.ts'
import { probeAgent, probeLines, probeOnce } from './probe.ts'
import { type Shared, sharedState } from './shared.ts'
import { buildSnapshot, statusIssues } from './status.ts'
import { chatOf, normalizeTarget, TARGET_HINT, TARGET_PREFIXES } from './targets.ts'

export interface Plugin {
  readonly channel: Channel
  /** The host hands it over once it has registered the plugin; the setup entry never gets one, and starts no account. */
  setRuntime(runtime: PluginRuntime): void
}

export function createPlugin({ running, turns }: Shared = sharedState()): Plugin {
  let host: PluginRuntime | null = null
  const resolveAccount = createAccountResolver()
  const outbound = createOutbound({
    running,
    freshKey: randomUUID,
    clock: systemClock,
    notDispatched: async (message, options) => {
      const { PlatformMessageNotDispatchedError } = await import('openclaw/plugin-sdk/error-runtime')
      return new PlatformMessageNotDispatchedError(message, options)
    },
  })
  let gateway: Promise<Gateway> | null = null
  const loadGateway = async (): Promise<Gateway> => {
    if (host === null) throw new Error(`OpenClaw started an account of ${CHANNEL_ID} before it registered the plugin.`)
    const [{ createGateway }, { world }] = await Promise.all([import('./gateway.ts'), import('./world.ts')])
    return createGateway({ host, running, outbound, turns, world, isOnlyAccount: ({ cfg }) => listAccountIds(cfg).length === 1 })
  }
  const theGateway = () => {
    gateway ??= loadGateway()
    return gateway
  }

  const channel: Channel = {
    id: CHANNEL_ID,
    meta: {
      id: CHANNEL_ID,
      label: CHANNEL_LABEL,
      selectionLabel: `${CHANNEL_LABEL} (peer-to-peer mesh)`,
      detailLabel: CHANNEL_LABEL,
      docsPath: `/channels/${CHANNEL_ID}`,
      blurb: DESCRIPTION,
      order: 90,
      aliases: [CHANNEL_ALIAS],
      markdownCapable: true,
    },
    capabilities: { chatTypes: ['direct', 'group'], blockStreaming: false },
    reload: { configPrefixes: [`channels.${CHANNEL_ID}`], accountScopedRestart: true },
    config: configAdapter(resolveAccount),
    configSchema: { schema: configJsonSchema(), uiHints: configUiHints() },
    pairing: { idLabel: 'mesh user', normalizeAllowEntry: entry => entry.trim() },
    security: {
      resolveDmPolicy: ({ account, accountId }) => {
        if (account.settings === null) return null
        const { dmPolicy, allowFrom } = account.settings
        const path =
          accountId === undefined || accountId === null ? `channels.${CHANNEL_ID}` : `channels.${CHANNEL_ID}.accounts.${accountId}`
        return {
          policy: dmPolicy,
          allowFrom: [...allowFrom],
          policyPath: `${path}.dmPolicy`,
          allowFromPath: `${path}.`,
          approveHint: `openclaw pairing approve ${CHANNEL_ID} CODE`,
          normalizeEntry: entry => entry.trim(),
        }
      },
      dmRouting: { resolveDmScope: () => DM_SCOPE },
    },
    groups: groupsAdapter(resolveAccount),
    outbound: outbound.outbound,
    status: {
      async probeAccount({ account, timeoutMs }) {
        const { accountId, settings, problems } = account
        if (settings === null) return { ok: false, error: problems.join(' ') }
        const signal = AbortSignal.timeout(timeoutMs)
        const live = running.get(accountId)
        if (live !== undefined) return probeAgent(live.handle.agent, settings, signal)
        const { world } = await import('./world.ts')
        return probeOnce(found => world.agent(found, null), settings, signal)
      },
      formatCapabilitiesProbe: ({ probe }) => probeLines(probe),
      buildAccountSnapshot: buildSnapshot,
      collectStatusIssues: statusIssues,
    },
    gateway: {
      startAccount: async ctx => (await theGateway()).startAccount(ctx),
      stopAccount: async ctx => (await theGateway()).stopAccount(ctx.accountId),
    },
    // The mesh has no replies: an answer stands by itself.
    threading: { resolveReplyToMode: () => 'off' },
    message: outbound.message,
    messaging: {
      targetPrefixes: TARGET_PREFIXES,
      targetIdComparison: 'case-sensitive',
      normalizeTarget,
      inferTargetChatType: ({ to }) => {
        const chat = chatOf(to)
        return chat === null ? undefined : chat.startsWith('group:') ? 'group' : 'direct'
      },
      targetResolver: { looksLikeId: raw => chatOf(raw) !== null, hint: TARGET_HINT },
    },
  }

  return {
    channel,
    setRuntime(runtime) {
      host = runtime
      gateway = null
    },
  }
}
