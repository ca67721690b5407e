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
    application?: unknown
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
  export type ChannelMessageSendMediaContext = ChannelMessageSendTextContext & {
    mediaUrl: string
    mediaAccess?: { localRoots?: readonly string[]; readFile?(path: string): Promise<Buffer>; workspaceDir?: string }
    mediaLocalRoots?: readonly string[]
    mediaReadFile?(path: string): Promise<Buffer>
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

  /** Where a command of the host prints. */
  export type RuntimeEnv = { log(...args: unknown[]): void; error(...args: unknown[]): void }

  type SetupCli = { flags: string; negatedFlags?: string; description: string }
  export type ChannelSetupField =
    | { kind: 'string' | 'string-list'; sensitive?: boolean; cli: SetupCli }
    | { kind: 'boolean' | 'integer'; cli: SetupCli }
    | { kind: 'choice'; choices: readonly string[]; cli: SetupCli }
  export type ChannelOwnedSetupContract = {
    kind: 'channel-owned'
    metadata: { fields: readonly (ChannelSetupField & { key: string })[] }
    validateInput?(query: { cfg: OpenClawConfig; accountId: string; input: unknown }): string | null
    applyAccountConfig(change: { cfg: OpenClawConfig; accountId: string; input: unknown }): OpenClawConfig
  }

  export type WizardPrompter = {
    note(message: string, title?: string): Promise<void>
    select<T>(question: { message: string; options: { value: T; label: string; hint?: string }[]; initialValue?: T }): Promise<T>
    text(question: {
      message: string
      initialValue?: string
      placeholder?: string
      validate?: (value: string) => string | undefined
    }): Promise<string>
    confirm(question: { message: string; initialValue?: boolean }): Promise<boolean>
    progress(label: string): { update(message: string): void; stop(message?: string): void }
  }
  type ConfigureContext = { cfg: OpenClawConfig; prompter: WizardPrompter; accountOverrides: Partial<Record<string, string>> }
  type Configured = { cfg: OpenClawConfig; accountId?: string } | { cfg: OpenClawConfig; completion: 'paused' }
  export type ChannelSetupWizardAdapter = {
    channel: string
    getStatus(query: { cfg: OpenClawConfig }): Promise<{
      channel: string
      configured: boolean
      statusLines: string[]
      selectionHint?: string
      quickstartScore?: number
    }>
    configure(ctx: ConfigureContext): Promise<Configured>
    configureInteractive?(ctx: ConfigureContext & { configured: boolean; label: string }): Promise<Configured | 'skip'>
    disable?(cfg: OpenClawConfig): OpenClawConfig
  }

  export type SecurityAuditFinding = {
    checkId: string
    severity: 'info' | 'warn' | 'critical'
    title: string
    detail: string
    remediation?: string
  }
  type DirectoryQuery = { cfg: OpenClawConfig; accountId?: string | null }
  type DirectoryListing = DirectoryQuery & { query?: string | null; limit?: number | null }
  export type ChannelDirectoryEntry = { kind: 'user' | 'group' | 'channel'; id: string; name?: string; handle?: string; rank?: number }

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
    setupWizard?: ChannelSetupWizardAdapter
    setupContract?: ChannelOwnedSetupContract
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
      disabledReason?(account: Account, cfg: OpenClawConfig): string
      resolveDefaultTo?(query: { cfg: OpenClawConfig; accountId?: string | null }): string | undefined
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
      collectWarnings?(query: { cfg: OpenClawConfig; accountId?: string | null; account: Account }): (string | SecurityAuditFinding)[]
    }
    allowlist?: {
      readConfig?(query: { cfg: OpenClawConfig; accountId?: string | null }): {
        dmAllowFrom?: (string | number)[]
        dmPolicy?: string
        groupPolicy?: string
        groupOverrides?: { label: string; entries: (string | number)[] }[]
      }
      supportsScope?(query: { scope: 'dm' | 'group' | 'all' }): boolean
    }
    doctor?: {
      dmAllowFromMode?: 'topOnly' | 'topOrNested' | 'nestedOnly'
      groupModel?: 'sender' | 'route' | 'hybrid'
      groupAllowFromFallbackToAllowFrom?: boolean
      warnOnEmptyGroupSenderAllowlist?: boolean
      legacyConfigRules?: { path: string[]; message: string; match?: (value: unknown) => boolean }[]
      normalizeCompatibilityConfig?(query: { cfg: OpenClawConfig }): { config: OpenClawConfig; changes: string[] }
      collectPreviewWarnings?(query: { cfg: OpenClawConfig; doctorFixCommand: string }): string[]
    }
    directory?: {
      self?(query: DirectoryQuery): Promise<ChannelDirectoryEntry | null>
      listPeers?(query: DirectoryListing): Promise<ChannelDirectoryEntry[]>
      listPeersLive?(query: DirectoryListing): Promise<ChannelDirectoryEntry[]>
      listGroups?(query: DirectoryListing): Promise<ChannelDirectoryEntry[]>
      listGroupsLive?(query: DirectoryListing): Promise<ChannelDirectoryEntry[]>
      listGroupMembers?(query: DirectoryQuery & { groupId: string; limit?: number | null }): Promise<ChannelDirectoryEntry[]>
    }
    resolver?: {
      resolveTargets(
        query: DirectoryQuery & { inputs: string[]; kind: 'user' | 'group' },
      ): Promise<{ input: string; resolved: boolean; id?: string; name?: string; note?: string }[]>
    }
    heartbeat?: { checkReady?(query: { cfg: OpenClawConfig; accountId?: string | null }): Promise<{ ok: boolean; reason: string }> }
    agentPrompt?: { messageToolHints?(query: { cfg: OpenClawConfig; accountId?: string | null }): string[] }
    groups?: {
      resolveRequireMention?(query: ChannelGroupContext): boolean | undefined
      resolveToolPolicy?(query: ChannelGroupContext): GroupToolPolicy | undefined
    }
    outbound?: {
      deliveryMode: 'direct' | 'gateway' | 'hybrid'
      resolveTarget?(query: { to?: string; accountId?: string | null }): { ok: true; to: string } | { ok: false; error: Error }
      sendText?(message: ChannelMessageSendTextContext): Promise<{ channel: string; messageId: string; receipt?: MessageReceipt }>
      sendMedia?(
        message: Omit<ChannelMessageSendMediaContext, 'mediaUrl'> & { mediaUrl?: string },
      ): Promise<{ channel: string; messageId: string; receipt?: MessageReceipt }>
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
        media?(message: ChannelMessageSendMediaContext): Promise<{ receipt: MessageReceipt; messageId?: string }>
        payload?(
          message: Omit<ChannelMessageSendMediaContext, 'mediaUrl'> & { payload: ReplyPayload; mediaUrl?: string },
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

  type SessionEntry = {
    /** Another one after /new, and each day. */
    sessionId: string
    status?: 'running' | 'done' | 'failed' | 'killed' | 'timeout'
    abortedLastRun?: boolean
    startedAt?: number
    endedAt?: number | undefined
    /** Another one stands for a new life of the session: what the host keeps of the one before for itself goes. */
    lifecycleRevision?: string
    pendingFinalDelivery?: { createdAt: number; text?: string; deliveries?: { id: string; state: string }[] } | undefined
  }

  /** What the host hands to the registered plugin. */
  export type PluginRuntime = {
    config: { current(): unknown }
    state: { resolveStateDir(env?: Record<string, string | undefined>): string }
    agent: {
      session: {
        getSessionEntry(query: { agentId?: string; sessionKey: string; readConsistency?: 'latest' }): SessionEntry | undefined
        patchSessionEntry(change: {
          agentId?: string
          sessionKey: string
          readConsistency?: 'latest'
          update(entry: SessionEntry): Partial<SessionEntry> | null
        }): Promise<SessionEntry | null>
      }
    }
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
          command?: { kind: 'native' | 'text-slash' | 'normal'; name?: string; body?: string; authorized?: boolean }
          message: {
            rawBody: string
            commandBody: string
            bodyForAgent: string
            inboundEventKind: 'user_request'
            inboundHistory?: { sender: string; body: string; timestamp?: number }[]
          }
          /** With `recent` the host shows all of the history that it is given; without, the newest 20. */
          sessionTranscript?: { historyLimit: number; historyKind?: 'pending' | 'recent' }
          access: {
            commands: { authorized: boolean }
            mentions?: {
              canDetectMention: boolean
              wasMentioned: boolean
              hasAnyMention?: boolean
              explicitlyMentionedBot?: boolean
              requireMention?: boolean
            }
          }
          supplemental?: { groupSystemPrompt?: string }
          media?: { path: string; contentType?: string; kind?: 'image' | 'video' | 'audio' | 'document'; messageId?: string }[]
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
            onSettled(): void
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
              botLoopProtection?: {
                scopeId: string
                conversationId: string
                senderId: string
                receiverId: string
                eventId?: string
                defaultEnabled: boolean
                defaultsConfig: { enabled?: boolean; maxEventsPerWindow?: number; windowSeconds?: number; cooldownSeconds?: number }
              }
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
        }): Promise<{ dispatched: boolean; admission?: { kind: string; reason?: string } }>
      }
    }
  }

  type ToolContext = {
    config?: OpenClawConfig
    runtimeConfig?: OpenClawConfig
    getRuntimeConfig?(): OpenClawConfig | undefined
    messageChannel?: string
    agentAccountId?: string
  }
  type AgentTool = {
    name: string
    label: string
    description: string
    parameters: Record<string, unknown>
    execute(callId: string, given: unknown): Promise<{ content: { type: 'text'; text: string }[]; details: unknown }>
  }
  export type OpenClawPluginApi = {
    registerTool(
      tool: (context: ToolContext) => AgentTool | AgentTool[],
      options?: { names?: string[]; name?: string; optional?: boolean },
    ): void
    registerGatewayMethod(
      method: string,
      handler: (request: {
        params: Record<string, unknown>
        respond(ok: boolean, payload?: unknown, error?: { code: string; message: string }): void
      }) => Promise<void>,
      options?: { scope?: 'operator.read' | 'operator.write' | 'operator.admin' },
    ): void
    registerCli(
      registrar: (context: { program: CliProgram }) => Promise<void>,
      options: { descriptors: { name: string; description: string; hasSubcommands: boolean }[] },
    ): void
  }
  type CliProgram = {
    command(name: string): CliProgram
    description(text: string): CliProgram
    option(flags: string, description: string): CliProgram
    argument(name: string, description: string): CliProgram
    action<Words extends unknown[]>(run: (...words: Words) => void | Promise<void>): CliProgram
  }

  export function defineChannelPluginEntry<Account, Probe>(entry: {
    id: string
    name: string
    description: string
    plugin: ChannelPlugin<Account, Probe>
    setRuntime?(runtime: PluginRuntime): void
    registerCliMetadata?(api: OpenClawPluginApi): void
    registerFull?(api: OpenClawPluginApi): void
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
  export function callGatewayFromCli(
    method: string,
    options: { url?: string; token?: string; json?: boolean },
    params?: unknown,
    extra?: { progress?: boolean; scopes?: ('operator.read' | 'operator.write')[] },
  ): Promise<Record<string, unknown>>
  export function channelBlockedPatch(lastError: string): { lifecycle: 'blocked'; terminalDisconnect: true; lastError: string }
}

declare module 'openclaw/plugin-sdk/channel-setup' {
  import type { ChannelOwnedSetupContract, ChannelSetupField, OpenClawConfig, RuntimeEnv } from 'openclaw/plugin-sdk/channel-core'

  type SetupInput = { name?: string; [key: string]: unknown }
  type Setup = { cfg: OpenClawConfig; accountId: string; input: SetupInput }
  export function defineChannelSetupContract(contract: {
    fields: Record<string, ChannelSetupField>
    adapter: {
      configPromotion?: 'preserve-root'
      prepareAccountConfigInput?(setup: Setup): Promise<SetupInput>
      validateInput?(setup: Setup): string | null
      applyAccountName?(change: { cfg: OpenClawConfig; accountId: string; name?: string }): OpenClawConfig
      applyAccountConfig(setup: Setup): OpenClawConfig
      afterAccountConfigWritten?(setup: Setup & { runtime: RuntimeEnv }): Promise<void>
    }
  }): ChannelOwnedSetupContract
}

declare module 'openclaw/plugin-sdk/channel-secret-basic-runtime' {
  export type ResolverContext = { readonly warnings: unknown[] }
  export type SecretDefaults = { readonly [key: string]: unknown }
  type ChannelAccountEntry = { accountId: string; account: Record<string, unknown>; enabled: boolean }
  export type ChannelAccountPredicate = (entry: ChannelAccountEntry) => boolean
  type Surface = { hasExplicitAccounts: boolean; channelEnabled: boolean; accounts: ChannelAccountEntry[] }
  export function createChannelSecretTargetRegistryEntries(targets: {
    channelKey: string
    account?: readonly string[]
    channel?: readonly string[]
  }): { readonly id: string; readonly pathPattern: string }[]
  export function getChannelSurface(
    config: { channels?: Record<string, unknown> },
    channelKey: string,
  ): { channel: Record<string, unknown>; surface: Surface } | null
  export function collectNestedChannelFieldAssignments(field: {
    channelKey: string
    nestedKey: string
    field: string
    channel: Record<string, unknown>
    surface: Surface
    defaults: SecretDefaults | undefined
    context: ResolverContext
    topLevelActive: boolean
    topLevelInheritedAccountActive?: ChannelAccountPredicate
    topInactiveReason: string
    accountActive: ChannelAccountPredicate
    accountInactiveReason: string
  }): void
}

declare module 'openclaw/plugin-sdk/session-store-runtime' {
  export function loadTranscriptEventsSync(session: { agentId?: string; sessionKey?: string; sessionId: string }): unknown[]
}

declare module 'openclaw/plugin-sdk/media-store' {
  /** Into a file of a hidden name, which gets its own once the stream has ended; when it throws, that file goes. */
  export function saveMediaStream(
    chunks: AsyncIterable<unknown>,
    contentType?: string,
    folder?: string,
    bytesMax?: number,
    name?: string,
  ): Promise<{ path: string; contentType?: string }>
}

declare module 'openclaw/plugin-sdk/web-media' {
  /** Reads a path that the access allows, or a URL that is no address of this network. */
  export function loadWebMediaRaw(
    url: string,
    options: {
      maxBytes?: number
      localRoots?: readonly string[] | 'any'
      readFile?(path: string): Promise<Buffer>
      hostReadCapability?: boolean
      workspaceDir?: string
    },
  ): Promise<{ buffer: Buffer; contentType?: string; fileName?: string }>
}
