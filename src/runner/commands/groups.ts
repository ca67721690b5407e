import { type Group, parseChat } from '../../domain/ids.ts'
import { type AccountSettings, permissionOf } from '../../domain/settings.ts'
import { shownDisplayName, shownName } from '../../domain/shown.ts'
import type { ZtmAgent } from '../../ports/ztm-agent.ts'
import { askMesh } from '../ask-mesh.ts'
import { atRestOf } from '../at-rest.ts'
import type { BotOptions } from '../control/ask.ts'
import { CHATS_MAX, type KeptChat } from '../control/protocol.ts'
import { plain, print, printJson, printRows } from '../output.ts'
import { keptChats, stamp } from './chats.ts'

/** Groups whose members are asked for, one request each. */
const ASKED_MAX = 200
const ASKED_AT_ONCE = 8

type Title = { readonly name: string; readonly members: readonly string[] | null }

type ShownGroup = Title & {
  readonly account: string
  readonly creator: string
  readonly group: string
  /** Who is answered there. */
  readonly answered: string
  readonly lastAtMs: number | null
}

/** The groups that the bot is in, or was, and who is answered there. Returns 1 when the mesh could not be asked. */
export async function groups(options: BotOptions): Promise<number> {
  const { accounts } = await atRestOf(options)
  const { chats } = await keptChats(options, CHATS_MAX)
  const asked = await Promise.all(
    accounts.map(async settings => {
      const wrote = lastOf(settings, chats)
      const titles = new Map<string, Title>()
      const isWhole = await askMesh(settings, agent => askTitles(agent, [...wrote.keys()], titles).then(() => true))
      return { found: groupsOf(settings, wrote, titles), isWhole: isWhole !== null }
    }),
  )
  const found = asked.flatMap(each => each.found)
  if (options.json) for (const group of found) printJson(group)
  else show(found)
  return asked.every(each => each.isWhole) ? 0 : 1
}

/**
 * By `creator/group`: those of its list, and those that we know; a group whose name the chat app has not read is not in its list. What was
 * learned stays in `titles` when the agent fails on the way.
 */
async function askTitles(agent: ZtmAgent, known: readonly string[], titles: Map<string, Title>): Promise<void> {
  for (const { chat, name = '' } of await agent.chats()) {
    const place = parseChat(chat)
    if (place.kind === 'group') titles.set(keyOf(place), { name, members: null })
  }
  const waiting = [...new Set([...known, ...titles.keys()])].slice(0, ASKED_MAX).values()
  const askNext = async () => {
    for (const key of waiting) {
      const found = await agent.group(...partsOf(key))
      if (found) titles.set(key, { name: found.name, members: found.members })
    }
  }
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askNext))
}

/** By `creator/group`: when its newest message was decided. */
const lastOf = (settings: AccountSettings, chats: readonly KeptChat[]): ReadonlyMap<string, number | null> =>
  new Map(
    chats.flatMap(({ account, chat, lastAtMs }) => {
      const place = parseChat(chat)
      return account === settings.id && place.kind === 'group' ? [[keyOf(place), lastAtMs] as const] : []
    }),
  )

function groupsOf(
  settings: AccountSettings,
  wrote: ReadonlyMap<string, number | null>,
  titles: ReadonlyMap<string, Title>,
): readonly ShownGroup[] {
  const keys = [...new Set([...titles.keys(), ...wrote.keys()])].sort()
  return keys.map(key => {
    const [creator, group] = partsOf(key)
    const { name, members } = titles.get(key) ?? { name: '', members: null }
    const lastAtMs = wrote.get(key) ?? null
    return { account: settings.id, creator, group, name, members, answered: answeredIn(settings, creator, group), lastAtMs }
  })
}

const partsOf = (key: string): readonly [creator: string, group: string] => [
  key.slice(0, key.indexOf('/')),
  key.slice(key.indexOf('/') + 1),
]
const keyOf = ({ creator, group }: Pick<Group, 'creator' | 'group'>): string => `${creator}/${group}`

function answeredIn(settings: AccountSettings, creator: string, group: string): string {
  if (!settings.enableGroups) return 'nobody: enableGroups is false'
  const { groupPolicy, allowFrom, requireMention } = permissionOf(settings, creator, group)
  const everybody = groupPolicy === 'open' || (groupPolicy === 'allowlist' && allowFrom.includes('*'))
  const listed = groupPolicy === 'allowlist' ? allowFrom.filter(name => name !== creator) : []
  const who = everybody ? 'every member' : [creator, ...listed].join(', ')
  return requireMention ? `${who}; when the bot is mentioned` : who
}

function show(found: readonly ShownGroup[]): void {
  if (found.length === 0) print('The bot is in no group.')
  if (found.length === 0) return
  const hasSeveral = new Set(found.map(({ account }) => account)).size > 1
  const rows = found.map(({ account, creator, group, name, members, answered, lastAtMs }) => [
    `${shownName(creator)}/${shownName(group)}`,
    ...(hasSeveral ? [account] : []),
    shownDisplayName(name) ?? '–',
    members === null ? '?' : String(members.length),
    stamp(lastAtMs),
    plain(answered),
  ])
  printRows(['GROUP', ...(hasSeveral ? ['ACCOUNT'] : []), 'NAME', 'MEMBERS', 'LAST', 'ANSWERED'], rows)
}
