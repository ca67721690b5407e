import type { ChatId } from '../../domain/ids.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import { shownChat, shownDisplayName, shownName } from '../../domain/shown.ts'
import { askMesh } from '../ask-mesh.ts'
import { atRestOf } from '../at-rest.ts'
import { ask, type BotOptions } from '../control/ask.ts'
import { CHATS_MAX, type KeptChat, type KeptChats } from '../control/protocol.ts'
import { colours, isTerminal, print, printJson, printRows } from '../output.ts'

export type ChatsOptions = BotOptions & { readonly last: number }

/** The conversations that a bot knows, the newest first. */
export async function chats(options: ChatsOptions): Promise<number> {
  const { total, chats } = await keptChats(options, Math.min(options.last, CHATS_MAX))
  const named = withNames(chats, await namesOf(options, chats))
  if (options.json) for (const chat of named) printJson(chat)
  else show(total, named)
  return 0
}

/** `name`: what people see a group called. */
type NamedChat = KeptChat & { readonly name: string | null }

/** By account. The state has no names, and is what was asked for: where the agent is away there are none, and nothing is amiss. */
async function namesOf(options: BotOptions, chats: readonly KeptChat[]): Promise<ReadonlyMap<string, Names>> {
  const names = new Map<string, Names>()
  const withGroups = new Set(chats.flatMap(({ account, chat }) => (chat.startsWith('group:') ? [account] : [])))
  if (withGroups.size === 0) return names
  // A bot that runs was asked through its state directory alone: its config may be somewhere else.
  const { accounts } = await atRestOf(options).catch(() => ({ accounts: [] }))
  const ask = async (settings: AccountSettings) => {
    const listed = await askMesh(
      settings,
      agent => agent.chats(),
      () => {},
    )
    names.set(settings.id, new Map((listed ?? []).map(({ chat, name }) => [chat, name])))
  }
  await Promise.all(accounts.filter(({ id }) => withGroups.has(id)).map(ask))
  return names
}
type Names = ReadonlyMap<ChatId, string | undefined>

const withNames = (chats: readonly KeptChat[], names: ReadonlyMap<string, Names>): readonly NamedChat[] =>
  chats.map(chat => ({ ...chat, name: names.get(chat.account)?.get(chat.chat) ?? null }))

export async function keptChats(options: BotOptions, last: number): Promise<KeptChats> {
  return (await ask(options, { do: 'chats', account: options.account ?? null, last })).result
}

function show(total: number, chats: readonly NamedChat[]): void {
  if (total === 0) print('No chats are known yet.')
  if (total === 0) return
  const hasSeveral = new Set(chats.map(chat => chat.account)).size > 1
  const rows = chats.map(chat => [
    shownChat(chat.chat),
    ...(hasSeveral ? [chat.account] : []),
    stamp(chat.lastAtMs),
    lastOf(chat),
    ...[chat.waiting, chat.held, chat.toSend, chat.deadLetters].map(String),
    shownDisplayName(chat.name ?? '') ?? '–',
  ])
  printRows(['CHAT', ...(hasSeveral ? ['ACCOUNT'] : []), 'LAST', 'DECISION', 'WAITING', 'HELD', 'TO SEND', 'DEAD', 'NAME'], rows)
  if (total > chats.length && isTerminal) print(colours.dim(`${total - chats.length} more; --last says how many are shown.`))
}

const lastOf = ({ last }: KeptChat): string => (last === null ? '–' : `${shownName(last.sender)}: ${last.action}, ${last.reason}`)

export const stamp = (atMs: number | null): string => (atMs === null ? '–' : new Date(atMs).toLocaleString('sv'))
