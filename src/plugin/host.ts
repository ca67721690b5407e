/** Short names for the host's types. Only what `host-sdk.d.ts` declares is used of them. */
import type { ChannelPlugin, OpenClawConfig, PluginRuntime } from 'openclaw/plugin-sdk/channel-core'
import type { PluginAccount } from './accounts.ts'
import type { Probe } from './probe.ts'

export type { OpenClawConfig, PluginRuntime }

export type Channel = ChannelPlugin<PluginAccount, Probe>
type Part<Name extends keyof Channel> = NonNullable<Channel[Name]>

export type GatewayContext = Parameters<NonNullable<Part<'gateway'>['startAccount']>>[0]
export type HostLog = NonNullable<GatewayContext['log']>
export type Snapshot = Parameters<GatewayContext['setStatus']>[0]
export type StatusPatch = Omit<Snapshot, 'accountId'>
export type GroupQuery = Parameters<NonNullable<Part<'groups'>['resolveToolPolicy']>>[0]
export type GroupToolPolicy = NonNullable<ReturnType<NonNullable<Part<'groups'>['resolveToolPolicy']>>>
export type StatusIssue = ReturnType<NonNullable<Part<'status'>['collectStatusIssues']>>[number]
export type MessageAdapter = Part<'message'>
export type OutboundAdapter = Part<'outbound'>
export type TextToSend = Parameters<NonNullable<NonNullable<MessageAdapter['send']>['text']>>[0]
export type UnknownSend = Parameters<NonNullable<NonNullable<MessageAdapter['durableFinal']>['reconcileUnknownSend']>>[0]
export type Sent = Awaited<ReturnType<NonNullable<NonNullable<MessageAdapter['send']>['text']>>>
export type Receipt = Sent['receipt']
