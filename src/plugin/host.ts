/** Short names for the host's types. Only what `host-sdk.d.ts` declares is used of them. */
import type { ChannelPlugin, defineChannelPluginEntry, OpenClawConfig, PluginRuntime } from 'openclaw/plugin-sdk/channel-core'
import type { defineChannelSetupContract } from 'openclaw/plugin-sdk/channel-setup'
import type { Probe } from '../setup/probe.ts'
import type { PluginAccount } from './accounts.ts'

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
export type MediaToSend = Parameters<NonNullable<NonNullable<MessageAdapter['send']>['media']>>[0]
export type UnknownSend = Parameters<NonNullable<NonNullable<MessageAdapter['durableFinal']>['reconcileUnknownSend']>>[0]
export type Sent = Awaited<ReturnType<NonNullable<NonNullable<MessageAdapter['send']>['text']>>>
export type Receipt = Sent['receipt']
export type Directory = Required<Omit<Part<'directory'>, never>>
export type DirectoryEntry = NonNullable<Awaited<ReturnType<NonNullable<Part<'directory'>['self']>>>>
export type Resolver = Part<'resolver'>
export type SecurityFinding = Exclude<Awaited<ReturnType<NonNullable<Part<'security'>['collectWarnings']>>>[number], string>
export type Api = Parameters<NonNullable<Parameters<typeof defineChannelPluginEntry>[0]['registerFull']>>[0]
export type GatewayMethodHandler = Parameters<Api['registerGatewayMethod']>[1]
type ToolFactory = Extract<Parameters<Api['registerTool']>[0], (context: never) => unknown>
export type ToolContext = Parameters<ToolFactory>[0]
/** A tool of the assistant. The parameters are JSON Schema. */
export type HostTool = {
  name: string
  label: string
  description: string
  parameters: Record<string, unknown>
  execute(callId: string, given: unknown): Promise<{ content: { type: 'text'; text: string }[]; details: unknown }>
}
/** The part of the host's Commander that our commands need. */
export type CliCommand = {
  command(name: string): CliCommand
  description(text: string): CliCommand
  option(flags: string, description: string): CliCommand
  argument(name: string, description: string): CliCommand
  action<Words extends unknown[]>(run: (...words: Words) => void | Promise<void>): CliCommand
}
export type SetupContract = Part<'setupContract'>
export type SetupWizard = Extract<Part<'setupWizard'>, { configure: unknown }>
export type WizardPrompter = Parameters<SetupWizard['configure']>[0]['prompter']
export type DefineSetup = typeof defineChannelSetupContract
export type SetupField = Parameters<DefineSetup>[0]['fields'][string]
