/** Who and what is there, asked of the mesh itself each time. Every id can be used as a target as it is. */
import { groupChat, parseChat } from '../domain/ids.ts'
import { nearest } from '../domain/nearest.ts'
import type { AccountSettings } from '../domain/settings.ts'
import { displayName } from '../domain/shown.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import type { ResolveAccount } from './accounts.ts'
import { groupKeyOf } from './groups.ts'
import type { Directory, DirectoryEntry, OpenClawConfig, Resolver } from './host.ts'
import { chatOf, TARGET_HINT, targetOf } from './targets.ts'

/** Lends the agent of a running account, or one of its own for the time of the call. */
export type WithAgent = <T>(settings: AccountSettings, use: (agent: ZtmAgent) => Promise<T>) => Promise<T>

type Asked = { readonly cfg: OpenClawConfig; readonly accountId?: string | null | undefined }
export type Listing = Asked & { readonly query?: string | null | undefined; readonly limit?: number | null | undefined }

const LISTED_MAX = 1_000

export function createDirectory(resolveAccount: ResolveAccount, withAgent: WithAgent) {
  const settingsFor = ({ cfg, accountId }: Asked): AccountSettings => {
    const { settings, problems } = resolveAccount(cfg, accountId)
    if (settings === null) throw new Error(problems.join(' '))
    return settings
  }

  const peersOf = (settings: AccountSettings): Promise<readonly DirectoryEntry[]> =>
    withAgent(settings, async agent => {
      const [users, chats] = await Promise.all([agent.users(), agent.chats()])
      const online = new Set(users)
      const written = chats.flatMap(({ chat }) => {
        const place = parseChat(chat)
        return place.kind === 'peer' ? [place.peer] : []
      })
      const names = [...new Set([...written, ...users])].filter(name => name !== settings.username).sort()
      return names.map(name => ({ kind: 'user', id: targetOf(`peer:${name}`), name, rank: online.has(name) ? 1 : 0 }))
    })

  const groupsOf = (settings: AccountSettings): Promise<readonly DirectoryEntry[]> =>
    withAgent(settings, async agent =>
      (await agent.chats())
        .filter(({ chat }) => chat.startsWith('group:'))
        .map(({ chat, name = '' }) => {
          const shown = displayName(name)
          return { kind: 'group' as const, id: targetOf(chat), ...(shown === null ? {} : { name: shown }) }
        })
        .sort((one, other) => (one.id < other.id ? -1 : 1)),
    )

  const listed = async (entries: Promise<readonly DirectoryEntry[]>, { query, limit }: Listing): Promise<DirectoryEntry[]> => {
    const wanted = query?.trim().toLowerCase() ?? ''
    const matching = (await entries).filter(({ id, name }) => `${id}\n${name ?? ''}`.toLowerCase().includes(wanted))
    return matching.slice(0, limit ?? LISTED_MAX)
  }

  const listPeers = (asked: Listing) => listed(peersOf(settingsFor(asked)), asked)
  const listGroups = (asked: Listing) => listed(groupsOf(settingsFor(asked)), asked)

  const directory: Directory = {
    self: async asked => {
      const settings = settingsFor(asked)
      const name = await withAgent(settings, agent => agent.appUser())
      return { kind: 'user', id: targetOf(`peer:${name}`), name, ...(settings.name ? { handle: settings.name } : {}) }
    },
    listPeers,
    listPeersLive: listPeers,
    listGroups,
    listGroupsLive: listGroups,
    listGroupMembers: async asked => {
      const settings = settingsFor(asked)
      const [creator, group] = groupKeyOf(asked.groupId)?.split('/') ?? []
      if (creator === undefined || group === undefined) throw new Error(`"${asked.groupId}" is no group. Use group:CREATOR/GROUP.`)
      const found = await withAgent(settings, agent => agent.group(creator, group))
      if (found === null) throw new Error(`The mesh shows no group "${targetOf(groupChat(creator, group))}" to ${settings.username}.`)
      const members = [...new Set([found.creator, ...found.members])]
      return members
        .map(name => ({ kind: 'user', id: targetOf(`peer:${name}`), name }))
        .slice(0, asked.limit ?? LISTED_MAX) as DirectoryEntry[]
    },
  }

  const resolver: Resolver = {
    async resolveTargets({ inputs, kind, ...asked }) {
      const settings = settingsFor(asked)
      const peers = await peersOf(settings)
      if (kind === 'user') return inputs.map(input => told(input, resolve(input, kind, peers)))
      const groups = await groupsOf(settings)
      return inputs.map(input => {
        const found = resolve(input, kind, groups)
        if (found.resolved || input.includes('/')) return told(input, found)
        // Asked for no kind in particular, the host asks for a group: a bare name that no group has is a user's all the same.
        const user = resolve(input, 'user', peers)
        if (user.resolved) return told(input, { ...user, note: 'a user, not a group' })
        return told(input, [found, user].find(one => one.isNear) ?? user)
      })
    },
  }

  return { directory, resolver, listPeers }
}

const told = (input: string, { isNear: _, ...found }: Resolved) => ({ input, ...found })

type Resolved = { readonly resolved: boolean; readonly id?: string; readonly name?: string; readonly note?: string; readonly isNear?: true }

function resolve(input: string, kind: 'user' | 'group', known: readonly DirectoryEntry[]): Resolved {
  const chat = kind === 'group' && !/group:/.test(input) ? chatOf(`group:${input}`) : chatOf(input)
  const isGroup = chat?.startsWith('group:') === true
  if (chat !== null && isGroup === (kind === 'group')) {
    const found = known.find(entry => entry.id === targetOf(chat))
    if (found) return { resolved: true, id: found.id, ...(found.name ? { name: found.name } : {}) }
  }
  if (kind === 'group') {
    const named = known.filter(({ id, name }) => (name !== undefined && name === displayName(input)) || id.endsWith(`/${input}`))
    const [only] = named
    if (named.length === 1 && only) return { resolved: true, id: only.id, ...(only.name ? { name: only.name } : {}) }
    if (named.length > 1)
      return { resolved: false, isNear: true, note: `Several groups are called so: ${named.map(({ id }) => id).join(', ')}.` }
  }
  const [near] = nearest(
    chat === null ? input : targetOf(chat),
    known.map(({ id }) => id),
  )
  const what = chat === null ? TARGET_HINT : `The mesh shows no ${kind} "${input}".`
  return near === undefined ? { resolved: false, note: what } : { resolved: false, isNear: true, note: `${what} Did you mean "${near}"?` }
}
