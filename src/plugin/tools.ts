/**
 * What the assistant itself may ask of the mesh. Names, texts and file names in the answers come from other people: they are data.
 *
 * A1. Looking is offered like any other tool, and the host's tool policies decide; groups get none of it unless `groupPermissions`
 *     says so.
 * A2. Writing to somebody else than the one who asks is optional in the host's sense: nobody has it until `tools.allow` names it.
 */
import { z } from 'zod'
import { parseChat } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import { probeAgent, probeSentence } from '../setup/probe.ts'
import type { ResolveAccount } from './accounts.ts'
import type { Listing } from './directory.ts'
import type { DirectoryEntry, HostTool, OpenClawConfig, ToolContext } from './host.ts'
import { CHANNEL_ID } from './names.ts'
import type { Outbound } from './outbound.ts'
import type { RunningAccounts } from './running.ts'
import { chatOf, targetOf, unknownTarget } from './targets.ts'

export const LOOKING_TOOLS = ['ztm_status', 'ztm_mesh_info', 'ztm_peers'] as const
export const WRITING_TOOL = 'ztm_send_peer_message'

const LISTED_MAX = 200

export type ToolsOptions = {
  readonly resolveAccount: ResolveAccount
  readonly running: Pick<RunningAccounts, 'get'>
  readonly outbound: Pick<Outbound, 'deliver'>
  readonly listPeers: (asked: Listing) => Promise<readonly DirectoryEntry[]>
  readonly freshKey: () => string
}

const account = z.string().optional().describe('Account of the channel; without it the one of this conversation, or the default one.')
const nothing = z.object({ account })
const peers = z.object({
  account,
  query: z.string().optional().describe('Part of a name.'),
  limit: z.int().min(1).max(LISTED_MAX).optional().describe(`At most so many, ${LISTED_MAX} without it.`),
})
const message = z.object({
  account,
  to: z.string().describe('Mesh user, such as alice.'),
  text: z.string().min(1).describe('What to write.'),
})

type Tool<Parameters extends z.ZodObject> = {
  readonly name: string
  readonly label: string
  readonly description: string
  readonly parameters: Parameters
  run(parameters: z.output<Parameters>): Promise<unknown>
}

const toolFor = <Parameters extends z.ZodObject>({ name, label, description, parameters, run }: Tool<Parameters>): HostTool => ({
  name,
  label,
  description,
  parameters: JSON.parse(JSON.stringify(z.toJSONSchema(parameters, { target: 'draft-7', io: 'input' }))),
  async execute(_id, given) {
    const details = await run(parameters.parse(given))
    return { content: [{ type: 'text', text: JSON.stringify(details) }], details }
  },
})

export function createTools({ resolveAccount, running, outbound, listPeers, freshKey }: ToolsOptions) {
  const inContext = (context: ToolContext) => {
    const cfg: OpenClawConfig = context.getRuntimeConfig?.() ?? context.runtimeConfig ?? context.config ?? {}
    const here = context.messageChannel === CHANNEL_ID ? context.agentAccountId : undefined
    const chosen = (wanted: string | undefined): AccountSettings => {
      const { settings, problems } = resolveAccount(cfg, wanted ?? here ?? null)
      if (settings === null) throw new Error(problems.join(' '))
      return settings
    }
    const runningOf = (settings: AccountSettings) => {
      const entry = running.get(settings.id)
      if (entry === undefined) throw new Error(`Account "${settings.id}" of ${CHANNEL_ID} is not running.`)
      return entry.handle
    }
    return { cfg, chosen, runningOf }
  }

  const looking = (context: ToolContext): HostTool[] => {
    const { cfg, chosen, runningOf } = inContext(context)
    return [
      toolFor({
        name: 'ztm_status',
        label: 'ZTM status',
        description: 'How the ZTM Chat channel is doing: state, feed, what waits, what was given up.',
        parameters: nothing,
        run: async ({ account }) => runningOf(chosen(account)).status(),
      }),
      toolFor({
        name: 'ztm_mesh_info',
        label: 'ZTM mesh',
        description: 'The mesh that the bot is on: its agent, its user, whether the hub is connected, and the endpoints.',
        parameters: nothing,
        run: async ({ account }) => {
          const settings = chosen(account)
          const { agent } = runningOf(settings)
          const signal = AbortSignal.timeout(settings.apiTimeoutMs)
          const [probe, endpoints] = await Promise.all([probeAgent(agent, settings, signal), agent.endpoints(signal)])
          return {
            mesh: settings.meshName,
            user: settings.username,
            works: probe.ok,
            found: probeSentence(probe),
            endpoints: endpoints.slice(0, LISTED_MAX).map(({ name, username, online, isLocal }) => ({ name, username, online, isLocal })),
          }
        },
      }),
      toolFor({
        name: 'ztm_peers',
        label: 'ZTM peers',
        description: 'Users on the mesh: who has written to the bot or is online now.',
        parameters: peers,
        run: async ({ account, query, limit = LISTED_MAX }) => {
          const found = await listPeers({ cfg, accountId: chosen(account).id, query: query ?? null, limit })
          return { peers: found.map(({ id, rank }) => ({ user: id, online: rank === 1 })) }
        },
      }),
    ]
  }

  const writing = (context: ToolContext): HostTool => {
    const { chosen } = inContext(context)
    return toolFor({
      name: WRITING_TOOL,
      label: 'ZTM message',
      description: "Writes a direct message to a mesh user in the bot's name. It is delivered once, also when the agent is away now.",
      parameters: message,
      run: async ({ account, to, text }) => {
        const chat = chatOf(to)
        if (chat === null || parseChat(chat).kind !== 'peer') throw new Error(unknownTarget(to))
        const { id } = chosen(account)
        const keys = await outbound.deliver({ account: id, chat, text, key: `tool-${freshKey()}` })
        return { to: targetOf(chat), taken: true, keys }
      },
    })
  }

  return { looking, writing }
}
