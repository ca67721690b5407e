import { shownChat, shownName } from '../../domain/shown.ts'
import { atRestOf, type StateOptions } from '../at-rest.ts'
import { askRunner } from '../control/client.ts'
import { chatsAtRest } from '../control/offline.ts'
import { CHATS_MAX, type KeptChat, type KeptChats } from '../control/protocol.ts'
import { colours, isTerminal, print, printJson, printRows } from '../output.ts'

export type ChatsOptions = StateOptions & { readonly last: number }

/** The conversations that a bot knows, the newest first. */
export async function chats(options: ChatsOptions): Promise<number> {
  const found = await keptChats(options, Math.min(options.last, CHATS_MAX))
  if (options.json) for (const chat of found.chats) printJson(chat)
  else show(found)
  return 0
}

export async function keptChats(options: StateOptions, last: number): Promise<KeptChats> {
  const online = await askRunner(options.stateDir, { do: 'chats', account: options.account ?? null, last })
  return online ?? (await chatsAtRest(await atRestOf(options), last))
}

function show({ total, chats }: KeptChats): void {
  if (total === 0) print('No chats are known yet.')
  if (total === 0) return
  const hasSeveral = new Set(chats.map(chat => chat.account)).size > 1
  const rows = chats.map(chat => [
    shownChat(chat.chat),
    ...(hasSeveral ? [chat.account] : []),
    stamp(chat.lastAtMs),
    lastOf(chat),
    ...[chat.waiting, chat.held, chat.toSend, chat.deadLetters].map(String),
  ])
  printRows(['CHAT', ...(hasSeveral ? ['ACCOUNT'] : []), 'LAST', 'DECISION', 'WAITING', 'HELD', 'TO SEND', 'DEAD'], rows)
  if (total > chats.length && isTerminal) print(colours.dim(`${total - chats.length} more; --last says how many are shown.`))
}

const lastOf = ({ last }: KeptChat): string => (last === null ? '–' : `${shownName(last.sender)}: ${last.action}, ${last.reason}`)

export const stamp = (atMs: number | null): string => (atMs === null ? '–' : new Date(atMs).toLocaleString('sv'))
