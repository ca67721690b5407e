/** Who and what the mesh shows to the bot at present: people who are away, and have never written, are not among them. */
import { parseChat } from '../../domain/ids.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { GroupInfo, ZtmAgent } from '../../ports/ztm-agent.ts'

export type KnownGroup = Pick<GroupInfo, 'creator' | 'group' | 'name'> & {
  /** Null: not asked for. */
  readonly members: readonly string[] | null
}

export type People = { readonly users: ReadonlySet<string>; readonly groups: readonly KnownGroup[] }

/** Groups whose members are asked for: those that the config names, which are few. */
const GROUPS_ASKED_MAX = 100

/** All names in NFC, as those of the config are. */
export async function peopleOf(agent: ZtmAgent, settings: AccountSettings, signal: AbortSignal): Promise<People> {
  const users = new Set<string>()
  const meet = (name: string) => users.add(name.normalize('NFC'))
  for (const { username } of await agent.endpoints(signal)) meet(username)
  for (const name of await agent.users(signal)) meet(name)
  const groups = new Map<string, KnownGroup>()
  for (const { chat, name = '' } of await agent.chats(signal)) {
    const place = parseChat(chat)
    if (place.kind === 'peer') meet(place.peer)
    else {
      meet(place.creator)
      groups.set(keyOf(place), nfc({ creator: place.creator, group: place.group, name, members: null }))
    }
  }
  for (const key of Object.keys(settings.groupPermissions).slice(0, GROUPS_ASKED_MAX)) {
    const slash = key.indexOf('/')
    const found = await agent.group(key.slice(0, slash), key.slice(slash + 1), signal)
    if (found === null) continue
    for (const member of found.members) meet(member)
    groups.set(keyOf(found), nfc(found))
  }
  return { users, groups: [...groups.values()] }
}

const keyOf = ({ creator, group }: { readonly creator: string; readonly group: string }): string => `${creator}/${group}`.normalize('NFC')

const nfc = ({ creator, group, name, members }: KnownGroup): KnownGroup => ({
  creator: creator.normalize('NFC'),
  group: group.normalize('NFC'),
  name,
  members: members?.map(member => member.normalize('NFC')) ?? null,
})
