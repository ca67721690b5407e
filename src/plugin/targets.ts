/** How people and tools name a chat to OpenClaw: `alice`, or `group:alice/team`, with or without the channel in front. */
import { type ChatId, groupChat, parseChat, peerChat } from '../domain/ids.ts'
import { CHANNEL_ALIAS, CHANNEL_ID } from './names.ts'

export const TARGET_PREFIXES = [CHANNEL_ID, CHANNEL_ALIAS]
export const TARGET_HINT = 'Use a mesh user (alice) or group:CREATOR/GROUP.'

const channelPrefix = new RegExp(`^(?:${TARGET_PREFIXES.join('|')}):`, 'i')

/** Null for what cannot be the name of a chat. Names are compared exactly, so nothing is folded. */
export function chatOf(target: string): ChatId | null {
  const bare = target.trim().replace(channelPrefix, '').trim()
  if (bare.startsWith('group:')) {
    const parts = bare.slice('group:'.length).split('/')
    const [creator, group] = parts
    return parts.length === 2 && isName(creator) && isName(group) ? groupChat(creator, group) : null
  }
  const user = bare.replace(/^user:/, '')
  return isName(user) ? peerChat(user) : null
}

export function targetOf(chat: ChatId): string {
  const place = parseChat(chat)
  if (place.kind === 'group') return `group:${place.creator}/${place.group}`
  // A user may be called `group:x` or `ztm:x`.
  return chatOf(place.peer) === chat ? place.peer : `user:${place.peer}`
}

export function normalizeTarget(raw: string): string | undefined {
  const chat = chatOf(raw)
  return chat === null ? undefined : targetOf(chat)
}

export const unknownTarget = (target: string): string => `"${target}" is no chat of ${CHANNEL_ID}. ${TARGET_HINT}`

/** What the ZTM agent would take for another place than the one that was meant never becomes a name. */
function isName(name: string | undefined): name is string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return name !== undefined && name !== '' && name !== '.' && name !== '..' && !/[/#?\u0000-\u001f\u007f]/.test(name)
}
