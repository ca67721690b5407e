/**
 * The part of OpenClaw's plugin SDK that this plugin uses, by hand: the host weighs 886 MB, so it is not a dependency of ours.
 * The gateway end-to-end test checks src/plugin against the host's own declarations instead of these.
 */

declare module 'openclaw/plugin-sdk/channel-core' {
  /** The host's whole config; only `channels` is ours to read. */
  export type OpenClawConfig = { readonly channels?: Readonly<Record<string, unknown>> | undefined; readonly [section: string]: unknown }

  export type ChannelAccountSnapshot = {
    accountId: string
    name?: string
    enabled?: boolean
    configured?: boolean
    running?: boolean
    connected?: boolean | undefined
    lifecycle?: 'starting' | 'ready' | 'recovering' | 'blocked' | 'stopped'
    lastConnectedAt?: number | null
    lastDisconnect?: string | { at: number; error?: string } | null
    lastTransportActivityAt?: number | null
    lastInboundAt?: number | null
    lastOutboundAt?: number | null
    lastError?: string | null
    terminalDisconnect?: boolean | undefined
    mode?: string
    baseUrl?: string
    dmPolicy?: string
    allowFrom?: string[]
    identity?: string
    probe?: unknown
  }

  export type ChannelLogSink = {
    info(text: string): void
    warn(text: string): void
    error(text: string): void
    debug?(text: string): void
  }

  export type ChannelGatewayContext<Account> = {
    cfg: OpenClawConfig
    accountId: string
    account: Account
    abortSignal: AbortSignal
    log?: ChannelLogSink
    /** Merges: what is absent stays, what is `undefined` is cleared. */
    setStatus(patch: ChannelAccountSnapshot): void
  }

  export type GroupToolPolicy = { allow?: string[]; alsoAllow?: string[]; deny?: string[] }
  export type ChannelGroupContext = {
    cfg: OpenClawConfig
    groupId?: string | null
    accountId?: string | null
    senderId?: string | null
    senderPolicyMode?: 'always' | 'never'
  }

  type DmScope = 'main' | 'per-peer' | 'per-channel-peer' | 'per-account-channel-peer'

  export type MessageReceipt = {
    primaryPlatformMessageId?: string
    platformMessageIds: string[]
    parts: { platformMessageId: string; kind: 'text'; index: number; replyToId?: string }[]
    replyToId?: string
    sentAt: number
  }
  export type ChannelMessageSendTextContext = {
    cfg: OpenClawConfig
    to: string
    text: string
    accountId?: string | null
    replyToId?: string | null
    signal?: AbortSignal
    deliveryQueueId?: string
    deliveryPartIndex?: number
    onPlatformSendDispatch?(): Promise<void>
    assertDirectAdapterHandoff?(): void
  }
  export type ChannelMessageUnknownSendContext = {
    cfg: OpenClawConfig
    queueId: string
    to: string
    accountId?: string | null
    payloads: readonly ReplyPayload[]
    effectiveReplyToId?: string | null
    replyToId?: string | null
  }
  export type UnknownSendVerdict =
    | { status: 'sent'; receipt: MessageReceipt; messageId?: string }
    | { status: 'not_sent' }
    | { status: 'unresolved'; error?: string; retryable?: boolean }
  type SendCapability =
    | 'text'
    | 'payload'
    | 'media'
    | 'silent'
    | 'replyTo'
    | 'thread'
    | 'batch'
    | 'messageSendingHooks'
    | 'reconcileUnknownSend'
    | 'afterCommit'

  export type ReplyPayload = { text?: string; mediaUrl?: string; mediaUrls?: string[]; isReasoning?: boolean }

  export type ChannelPlugin<Account, Probe = unknown> = {
    id: string
    meta: {
      id: string
      label: string
      selectionLabel: string
      detailLabel?: string
      docsPath: string
      blurb: string
      order?: number
      aliases?: readonly string[]
      markdownCapable?: boolean
    }
    capabilities: { chatTypes: ('direct' | 'group' | 'channel' | 'thread')[]; media?: boolean; blockStreaming?: boolean }
    reload?: { configPrefixes: string[]; accountScopedRestart?: boolean }
    config: {
      listAccountIds(cfg: OpenClawConfig): string[]
      resolveAccount(cfg: OpenClawConfig, accountId?: string | null): Account
      inspectAccount?(cfg: OpenClawConfig, accountId?: string | null): unknown
      defaultAccountId?(cfg: OpenClawConfig): string
      setAccountEnabled?(change: { cfg: OpenClawConfig; accountId: string; enabled: boolean }): OpenClawConfig
      deleteAccount?(change: { cfg: OpenClawConfig; accountId: string }): OpenClawConfig
      isEnabled?(account: Account, cfg: OpenClawConfig): boolean
      isConfigured?(account: Account, cfg: OpenClawConfig): boolean
      unconfiguredReason?(account: Account, cfg: OpenClawConfig): string
      describeAccount?(account: Account, cfg: OpenClawConfig): ChannelAccountSnapshot
      resolveAllowFrom?(query: { cfg: OpenClawConfig; accountId?: string | null }): (string | number)[] | undefined
    }
    configSchema?: {
      schema: Record<string, unknown>
      uiHints?: Record<string, { label?: string; help?: string; placeholder?: string; sensitive?: boolean; advanced?: boolean }>
    }
    pairing?: { idLabel: string; normalizeAllowEntry?(entry: string): string }
    security?: {
      resolveDmPolicy?(query: { cfg: OpenClawConfig; accountId?: string | null; account: Account }): {
        policy: string
        allowFrom?: (string | number)[] | null
        policyPath?: string
        allowFromPath: string
        approveHint: string
        normalizeEntry?(raw: string): string
      } | null
      dmRouting?: { resolveDmScope?(): DmScope | undefined }
    }
    groups?: {
      resolveRequireMention?(query: ChannelGroupContext): boolean | undefined
      resolveToolPolicy?(query: ChannelGroupContext): GroupToolPolicy | undefined
    }
    outbound?: {
      deliveryMode: 'direct' | 'gateway' | 'hybrid'
      resolveTarget?(query: { to?: string; accountId?: string | null }): { ok: true; to: string } | { ok: false; error: Error }
      sendText?(message: ChannelMessageSendTextContext): Promise<{ channel: string; messageId: string; receipt?: MessageReceipt }>
    }
    status?: {
      probeAccount?(query: { account: Account; timeoutMs: number; cfg: OpenClawConfig }): Promise<Probe>
      buildAccountSnapshot?(query: {
        account: Account
        cfg: OpenClawConfig
        runtime?: ChannelAccountSnapshot
        probe?: Probe
      }): ChannelAccountSnapshot
      formatCapabilitiesProbe?(query: { probe: Probe }): { text: string; tone?: 'default' | 'muted' | 'success' | 'warn' | 'error' }[]
      collectStatusIssues?(accounts: ChannelAccountSnapshot[]): {
        channel: string
        accountId: string
        kind: 'intent' | 'permissions' | 'config' | 'auth' | 'runtime'
        message: string
        fix?: string
      }[]
    }
    gateway?: {
      startAccount?(ctx: ChannelGatewayContext<Account>): Promise<unknown>
      stopAccount?(ctx: ChannelGatewayContext<Account>): Promise<void>
    }
    threading?: { resolveReplyToMode?(): 'off' | 'first' | 'all' | 'batched' }
    message?: {
      id?: string
      durableFinal?: {
        capabilities?: Partial<Record<SendCapability, boolean>>
        automaticUnknownSendReconciliation?: boolean
        reconcileUnknownSendKinds?: { text?: boolean; media?: boolean; payload?: boolean; poll?: boolean; batch?: boolean }
        reconcileUnknownSend?(send: ChannelMessageUnknownSendContext): Promise<UnknownSendVerdict>
      }
      send?: {
        text?(message: ChannelMessageSendTextContext): Promise<{ receipt: MessageReceipt; messageId?: string }>
        payload?(
          message: ChannelMessageSendTextContext & { payload: ReplyPayload },
        ): Promise<{ receipt: MessageReceipt; messageId?: string }>
      }
    }
    messaging?: {
      targetPrefixes?: readonly string[]
      targetIdComparison?: 'case-sensitive' | 'lowercase'
      normalizeTarget?(raw: string): string | undefined
      inferTargetChatType?(query: { to: string }): 'direct' | 'group' | 'channel' | undefined
      targetResolver?: { looksLikeId?(raw: string, normalized?: string): boolean; hint?: string }
    }
  }

  type IngressAccess = {
    ingress: { admission: string; reasonCode: string }
    commandAccess: { authorized: boolean; shouldBlockControlCommand: boolean }
  }
  export type AgentRoute = { agentId: string; sessionKey: string; accountId: string; dmScope?: DmScope }
  type Delivered = { visibleReplySent?: boolean; messageIds?: string[] }
  type InboundContext = { SessionKey: string }

  /** What the host hands to the registered plugin. */
  export type PluginRuntime = {
    config: { current(): unknown }
    state: { resolveStateDir(env?: Record<string, string | undefined>): string }
    channel: {
      routing: {
        resolveAgentRoute(query: {
          cfg: OpenClawConfig
          channel: string
          accountId?: string
          peer: { kind: 'direct' | 'group'; id: string }
          dmScope?: DmScope
        }): AgentRoute
      }
      pairing: {
        upsertPairingRequest(request: {
          channel: string
          id: string
          accountId: string
          meta?: Record<string, string | undefined>
        }): Promise<{ code: string; created: boolean }>
        readAllowFromStore(query: { channel: string; accountId: string }): Promise<string[]>
      }
      commands: {
        isControlCommandMessage(text?: string, cfg?: OpenClawConfig): boolean
        shouldHandleTextCommands(query: { cfg: OpenClawConfig; surface: string; commandSource?: 'text' }): boolean
      }
      activity: { record(happened: { channel: string; accountId?: string; direction: 'inbound' | 'outbound'; at?: number }): void }
      inbound: {
        ingress: {
          resolveStable(query: {
            channelId: string
            accountId: string
            cfg?: OpenClawConfig
            identity?: { key?: string; normalize?(value: string): string; sensitivity?: 'normal' | 'pii'; entryIdPrefix?: string }
            subject: { stableId: string }
            conversation: { kind: 'direct' | 'group'; id: string }
            contextBinding?: { agentId: string; sessionKey: string; messageId: string; inboundEventKind: 'user_request' }
            readStoreAllowFrom?(): Promise<readonly string[]>
            dmPolicy?: 'pairing' | 'allowlist' | 'open' | 'disabled'
            groupPolicy?: 'allowlist' | 'open' | 'disabled'
            allowFrom?: string[]
            groupAllowFrom?: string[]
            policy?: { groupAllowFromFallbackToAllowFrom?: boolean; activation?: { requireMention: boolean; allowTextCommands: boolean } }
            mentionFacts?: { canDetectMention: boolean; wasMentioned: boolean; hasAnyMention?: boolean }
            command?: { allowTextCommands: boolean; hasControlCommand: boolean; commandOwnerAllowFrom?: string[] }
            event?: { mayPair: boolean }
          }): Promise<IngressAccess>
        }
        buildContext(facts: {
          channelIngress: IngressAccess
          channel: string
          accountId: string
          messageId: string
          timestamp: number
          from: string
          sender: { id: string; name?: string }
          conversation: { kind: 'direct' | 'group'; id: string; label: string }
          route: { agentId: string; dmScope?: DmScope; accountId: string; routeSessionKey: string }
          reply: { to: string; originatingTo: string; replyToId?: string }
          message: { rawBody: string; commandBody: string; bodyForAgent: string; inboundEventKind: 'user_request' }
          access: {
            commands: { authorized: boolean }
            mentions?: { canDetectMention: boolean; wasMentioned: boolean; requireMention?: boolean }
          }
          extra?: Record<string, unknown>
        }): InboundContext
        run<Raw>(turn: {
          channel: string
          accountId: string
          raw: Raw
          turnAdoptionLifecycle: {
            admission: 'exclusive'
            onAdopted(): Promise<void>
            onDeferred(): void
            onAbandoned(): void
            abortSignal: AbortSignal
          }
          adapter: {
            ingest(raw: Raw): { id: string; timestamp: number; rawText: string; textForAgent: string; textForCommands: string; raw: Raw }
            resolveTurn(): {
              cfg: OpenClawConfig
              channel: string
              accountId: string
              route: { agentId: string; dmScope?: DmScope; sessionKey: string }
              ctxPayload: InboundContext
              delivery: {
                deliver(payload: ReplyPayload, info: { kind: 'tool' | 'block' | 'final' }): Promise<Delivered>
                durable(
                  payload: ReplyPayload,
                  info: { kind: 'tool' | 'block' | 'final' },
                ): false | { to: string; replyToId?: string; requiredCapabilities?: Partial<Record<SendCapability, boolean>> }
                onError(error: unknown, info: { kind: string }): void
              }
            }
          }
        }): Promise<{ dispatched: boolean }>
      }
    }
  }

  export function defineChannelPluginEntry<Account, Probe>(entry: {
    id: string
    name: string
    description: string
    plugin: ChannelPlugin<Account, Probe>
    setRuntime?(runtime: PluginRuntime): void
  }): { readonly id: string }
  export function defineSetupPluginEntry<Account, Probe>(
    plugin: ChannelPlugin<Account, Probe>,
  ): { readonly plugin: ChannelPlugin<Account, Probe> }
}

declare module 'openclaw/plugin-sdk/error-runtime' {
  /** Proof for the host that nothing left the machine: it keeps the message and tries again. */
  export class PlatformMessageNotDispatchedError extends Error {
    constructor(message: string, options: { cause: unknown; retryable?: boolean })
  }
}

declare module 'openclaw/plugin-sdk/gateway-runtime' {
  export function channelReadyPatch<Extras extends object>(
    extras: Extras,
  ): Extras & { running: true; connected: true; lifecycle: 'ready'; lastError: null; terminalDisconnect: undefined }
  export function channelBlockedPatch(lastError: string): { lifecycle: 'blocked'; terminalDisconnect: true; lastError: string }
}
