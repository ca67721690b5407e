import { type ChatId, groupChat, peerChat } from '../domain/ids.ts'
import { isSafeName } from '../domain/reply.ts'
import { printable } from '../domain/shown.ts'
import { UsageError } from './usage-error.ts'

/** `alice`, `peer:alice` or `group:alice/team`, as people write it for `option`. */
export function chatOf(option: string, name: string): ChatId {
  const [, creator = '', group = ''] = /^group:([^/]*)\/(.*)$/s.exec(name) ?? []
  if (isSafeName(creator) && isSafeName(group)) return groupChat(creator, group)
  const peer = name.replace(/^peer:/, '')
  if (isSafeName(peer) && !name.startsWith('group:')) return peerChat(peer)
  throw new UsageError(`${option} is ${JSON.stringify(printable(name))}; expected the name of a user on the mesh, or group:CREATOR/GROUP.`)
}
