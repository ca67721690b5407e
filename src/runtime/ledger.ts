/** The mesh is the ledger: whether a reply is there, in the chat's own history or in our own message files. */
import { type ChatId, parseChat, type ReplyKey, type UserName } from '../domain/ids.ts'
import { readMessage } from '../domain/inbound.ts'
import type { Json } from '../domain/json.ts'
import type { FileEntry, RawMessage, ZtmAgent } from '../ports/ztm-agent.ts'
import { createGate } from './gate.ts'

/** Own files of a conversation that can still hold a reply: older ones are full. */
const NEWEST_FILES = 3

export interface Ledger {
  /** `postedAtMs`: wall clock, of the newest attempt. @throws when nobody can tell: neither there nor not there. */
  has(chat: ChatId, key: ReplyKey, postedAtMs: number, signal: AbortSignal): Promise<boolean>
}

const keyOf = (message: RawMessage): ReplyKey | null => readMessage(message, 1).replyKey

export function createLedger(agent: ZtmAgent, username: UserName): Ledger {
  /** Listing every file is the agent's most expensive answer. */
  const oneByOne = createGate(1)

  const ownFolder = (chat: ChatId): string => {
    const conversation = parseChat(chat)
    const base = `/apps/ztm/chat/shared/${username}/publish`
    return conversation.kind === 'peer'
      ? `${base}/peers/${conversation.peer}/messages/`
      : `${base}/groups/${conversation.creator}/${conversation.group}/messages/`
  }

  const keysOfFile = async (path: string, signal: AbortSignal): Promise<readonly (ReplyKey | null)[]> => {
    const bytes = await agent.fileData(path, signal)
    // Listed but not readable now: nothing can be said.
    if (!bytes) throw new Error(`${path} cannot be read at present.`)
    const entries: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (!Array.isArray(entries)) return []
    return entries.map((entry: { message?: Json } | null) => keyOf({ time: 0, sender: username, message: entry?.message ?? null }))
  }

  const isOnMesh = async (chat: ChatId, key: ReplyKey, postedAtMs: number, signal: AbortSignal): Promise<boolean> => {
    // Our own clock wrote the message's time: an hour covers a clock that was put right meanwhile.
    const history = await agent.messages(chat, Math.max(0, postedAtMs - 3_600_000), signal)
    if (history?.some(message => message.sender === username && keyOf(message) === key)) return true
    const folder = ownFolder(chat)
    let newest: FileEntry[] = []
    await agent.files(
      { sinceMs: 0, keep: path => path.startsWith(folder) },
      file => {
        if (file.size < 0) return
        newest = [...newest, file].sort((one, other) => other.time - one.time).slice(0, NEWEST_FILES)
      },
      signal,
    )
    for (const file of newest) if ((await keysOfFile(file.path, signal)).includes(key)) return true
    return false
  }

  return { has: (chat, key, postedAtMs, signal) => oneByOne.run(() => isOnMesh(chat, key, postedAtMs, signal)) }
}
