/** The channel as OpenClaw sees it, in the host's order. Only what needs the host's own code or a running account is loaded late. */
import { randomUUID } from 'node:crypto'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { configJsonSchema, configUiHints } from '../domain/config.ts'
import { probeAgent, probeOnce, probeSentence } from '../setup/probe.ts'
import { configAdapter, createAccountResolver, listAccountIds, wholeAccount } from './accounts.ts'
import { createDirectory, type WithAgent } from './directory.ts'
import { legacyConfigRules, normalizeCompatibilityConfig, previewWarnings } from './doctor.ts'
import type { Gateway } from './gateway.ts'
import { groupsAdapter } from './groups.ts'
import type { Api, Channel, DefineSetup, PluginRuntime } from './host.ts'
import { CHANNEL_ALIAS, CHANNEL_ID, CHANNEL_LABEL, DESCRIPTION } from './names.ts'
import { methodOf, OPERATOR_METHODS, type OperatorRequest } from './operator-methods.ts'
import { createOutbound } from './outbound.ts'
import { securityFindings } from './security.ts'
import { DM_SCOPE } from './sessions.ts'
import { createSetupContract } from './setup-contract.ts'
import { createSetupWizard } from './setup-wizard.ts'
import { type Shared, sharedState } from './shared.ts'
import { buildSnapshot, statusIssues } from './status.ts'
import { chatOf, normalizeTarget, TARGET_HINT, TARGET_PREFIXES } from './targets.ts'
import { createTools, LOOKING_TOOLS, WRITING_TOOL } from './tools.ts'

export interface Plugin {
  readonly channel: Channel
  /** The host hands it over once it has registered the plugin; the setup entry never gets one, and starts no account. */
  setRuntime(runtime: PluginRuntime): void
  /** The assistant's tools and the operator's methods. */
  registerFull(api: Api): void
}

const loadWorld = async () => (await import('./world.ts')).world

/** `defineSetup` is the host's. */
export function createPlugin(defineSetup: DefineSetup, { running, turns }: Shared = sharedState()): Plugin {
  let host: PluginRuntime | null = null
  const resolveAccount = createAccountResolver()
  const whole = wholeAccount(resolveAccount)
  const outbound = createOutbound({
    running,
    freshKey: randomUUID,
    clock: systemClock,
    loadMedia: async (url, bytesMax, access) => (await import('./media.ts')).loadMedia(url, bytesMax, access),
    notDispatched: async (message, options) => {
      const { PlatformMessageNotDispatchedError } = await import('openclaw/plugin-sdk/error-runtime')
      return new PlatformMessageNotDispatchedError(message, options)
    },
  })
  let gateway: Promise<Gateway> | null = null
  const loadGateway = async (): Promise<Gateway> => {
    if (host === null) throw new Error(`OpenClaw started an account of ${CHANNEL_ID} before it registered the plugin.`)
    const [{ createGateway }, world] = await Promise.all([import('./gateway.ts'), loadWorld()])
    return createGateway({
      host,
      running,
      outbound,
      turns,
      world,
      loadTranscript: async session => (await import('./load-transcript.ts')).loadTranscript(session),
      saveMedia: async (chunks, file, bytesMax) => (await import('./media.ts')).saveMedia(chunks, file, bytesMax),
      isOnlyAccount: ({ cfg }) => listAccountIds(cfg).length === 1,
    })
  }
  const theGateway = () => {
    gateway ??= loadGateway()
    return gateway
  }
  const withAgent: WithAgent = async (settings, use) => {
    const live = running.get(settings.id)
    if (live !== undefined) return use(live.handle.agent)
    const agent = (await loadWorld()).agent(settings, null)
    try {
      return await use(agent)
    } finally {
      await agent.close()
    }
  }
  const { directory, resolver, listPeers } = createDirectory(resolveAccount, withAgent)

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
    capabilities: { chatTypes: ['direct', 'group'], media: true, blockStreaming: false },
    reload: { configPrefixes: [`channels.${CHANNEL_ID}`], accountScopedRestart: true },
    setupWizard: createSetupWizard(resolveAccount),
    config: configAdapter(resolveAccount),
    configSchema: { schema: configJsonSchema(), uiHints: configUiHints() },
    setupContract: createSetupContract(defineSetup, async () => {
      const world = await loadWorld()
      return settings => world.agent(settings, null)
    }),
    pairing: { idLabel: 'mesh user', normalizeAllowEntry: entry => entry.trim() },
    security: {
      // The audit hands over the account as it is inspected, which has no settings: they are looked up here.
      resolveDmPolicy: ({ cfg, accountId }) => {
        const { settings } = resolveAccount(cfg, accountId)
        if (settings === null) return null
        const { dmPolicy, allowFrom } = settings
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
      collectWarnings: ({ cfg, accountId }) => securityFindings(resolveAccount(cfg, accountId)),
    },
    groups: groupsAdapter(resolveAccount),
    outbound: outbound.outbound,
    status: {
      async probeAccount({ account, timeoutMs, cfg }) {
        const { accountId, settings, problems } = whole(account, cfg)
        if (settings === null) return { ok: false, error: problems.join(' ') }
        const signal = AbortSignal.timeout(timeoutMs)
        const live = running.get(accountId)
        if (live !== undefined) return probeAgent(live.handle.agent, settings, signal)
        const world = await loadWorld()
        return probeOnce(found => world.agent(found, null), settings, signal)
      },
      formatCapabilitiesProbe: ({ probe }) => [{ text: probeSentence(probe), tone: probe.ok ? 'success' : 'error' }],
      buildAccountSnapshot: ({ account, cfg, ...told }) => buildSnapshot({ account: whole(account, cfg), ...told }),
      collectStatusIssues: statusIssues,
    },
    gateway: {
      startAccount: async ctx => (await theGateway()).startAccount(ctx),
      stopAccount: async ctx => (await theGateway()).stopAccount(ctx.accountId),
    },
    allowlist: {
      readConfig: ({ cfg, accountId }) => {
        const { settings } = resolveAccount(cfg, accountId)
        if (settings === null) return {}
        return {
          dmAllowFrom: [...settings.allowFrom],
          dmPolicy: settings.dmPolicy,
          groupPolicy: settings.groupPolicy,
          groupOverrides: Object.entries(settings.groupPermissions).map(([label, { allowFrom }]) => ({ label, entries: [...allowFrom] })),
        }
      },
    },
    doctor: {
      dmAllowFromMode: 'topOnly',
      groupModel: 'sender',
      groupAllowFromFallbackToAllowFrom: false,
      warnOnEmptyGroupSenderAllowlist: false,
      legacyConfigRules,
      normalizeCompatibilityConfig,
      collectPreviewWarnings: previewWarnings,
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
    agentPrompt: {
      messageToolHints: () => [
        `${CHANNEL_LABEL} targets are a mesh user (alice) or group:CREATOR/GROUP, spelled exactly. The mesh has no reactions, edits or threads.`,
      ],
    },
    directory,
    resolver,
    heartbeat: {
      async checkReady({ cfg, accountId }) {
        const { accountId: id, problems } = resolveAccount(cfg, accountId)
        const status = running.get(id)?.handle.status()
        if (status === undefined) return { ok: false, reason: problems[0] ?? `account "${id}" is not running` }
        return { ok: status.state === 'live', reason: status.state === 'live' ? 'live' : (status.reason ?? status.state) }
      },
    },
  }

  const tools = createTools({ resolveAccount, running, outbound, listPeers, freshKey: randomUUID })

  return {
    channel,
    setRuntime(runtime) {
      host = runtime
      gateway = null
    },
    registerFull(api) {
      api.registerTool(tools.looking, { names: [...LOOKING_TOOLS] })
      api.registerTool(tools.writing, { name: WRITING_TOOL, optional: true })
      for (const request of Object.keys(OPERATOR_METHODS) as OperatorRequest[]) {
        const handle = async () => (await import('./operator.ts')).operatorHandler(request, running)
        api.registerGatewayMethod(methodOf(request), async call => (await handle())(call), { scope: OPERATOR_METHODS[request] })
      }
    },
  }
}
