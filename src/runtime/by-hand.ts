/** What people do to an account: write to somebody, let a stranger in or out again, deal with dead letters. On a running account and on one at rest. */
import { type ChatRecord, type OutboxRecord, type Reply, toAccount, toChat } from '../../machines/records.ts'
import { UnsafeName } from '../domain/errors.ts'
import { type ChatId, parseChat, type ReplyKey, replyKey, type UserName } from '../domain/ids.ts'
import type { Limits } from '../domain/limits.ts'
import { isSafeName, makeSafe, splitReply } from '../domain/reply.ts'
import { chatLines } from './chat-lines.ts'
import type { ChatEntry } from './entries.ts'
import type { Journal } from './journal.ts'
import type { PairingDesk } from './pairing-desk.ts'
import { isChatId } from './parse-record.ts'
import type { Registry } from './registry.ts'
import type { AccountHandle, DeadLetter } from './runtime.ts'

/** What the state tells whoever looks at it. */
export type Look = Pick<AccountHandle, 'known' | 'inCustody' | 'pairings' | 'approved' | 'chats' | 'deadLetters'>

export type ByHand = Look & Pick<AccountHandle, 'send' | 'approve' | 'reject' | 'revoke' | 'retryDeadLetter' | 'dropDeadLetter'>

export type ByHandOptions = {
  readonly limits: Limits
  readonly registry: Registry
  readonly journal: Pick<Journal, 'committed' | 'flushed'>
  readonly desk: Pick<PairingDesk, 'approve' | 'reject'>
  /** Everything that the charts have asked for so far has been carried out. */
  readonly drained: () => Promise<void>
}

type Said = Omit<Parameters<AccountHandle['send']>[0], 'repeats'>

/** The parts in which it is posted. @throws {UnsafeName} */
export function partsOf({ chat, text, files = [], key }: Said, { partCharacters }: Pick<Limits, 'partCharacters'>): readonly Reply[] {
  const conversation = isChatId(chat) ? parseChat(chat) : null
  const names = conversation?.kind === 'group' ? [conversation.creator, conversation.group] : [conversation?.peer ?? '']
  if (!names.every(isSafeName)) {
    throw new UnsafeName(
      `${JSON.stringify(chat)} cannot be written to: expected peer:NAME or group:CREATOR/ID, where a name is not empty and has no "/", "#", "?" or control characters.`,
    )
  }
  const safe = makeSafe(text)
  const parts = safe.trim() === '' ? (files.length > 0 ? [''] : []) : splitReply(safe, partCharacters)
  // The files come with the first part: it is what they are shown with.
  return parts.map((part, index) => ({ key: replyKey(key, index), text: part, ...(index === 0 && files.length > 0 ? { files } : {}) }))
}

type Known = Pick<ChatEntry, 'replies' | 'sentKeys'>
export const keysOf = (entry: Known | undefined): readonly ReplyKey[] => (entry ? [...entry.replies.keys(), ...entry.sentKeys] : [])

export const lettersOf = (chat: ChatId, { deadLetters, messages }: Pick<ChatEntry, 'deadLetters' | 'messages'>): readonly DeadLetter[] =>
  deadLetters.map(letter => ({ ...letter, chat, kind: messages.has(letter.id) ? 'message' : 'reply' }))

export type Settlement = 'retry' | 'drop'

/** As the chat records it. */
export const settling = (how: Settlement, { id, kind }: Pick<DeadLetter, 'id' | 'kind'>): ChatRecord | OutboxRecord => {
  if (how === 'retry') return kind === 'message' ? { type: 'message.revived', id } : { type: 'reply.revived', key: id }
  return kind === 'message' ? { type: 'message.discarded', id } : { type: 'reply.discarded', key: id }
}

/** As the account has it. */
export const approvedAs = (approved: Iterable<UserName>, user: string): UserName | null =>
  [...approved].find(name => name.normalize('NFC') === user.normalize('NFC')) ?? null

export const lookInto = (registry: Registry): Look => ({
  known: chat => keysOf(registry.chats.get(chat)),
  inCustody: chat => [...(registry.chats.get(chat)?.custody.keys() ?? [])],
  pairings: () =>
    registry
      .pairings()
      .filter(request => request.matches('pending'))
      .map(({ context: { user, code, openedAtMs, expiresAtMs } }) => ({
        user,
        code,
        openedAtMs,
        expiresAtMs,
        held: registry.chat(`peer:${user}`)?.context.held.length ?? 0,
      })),
  approved: () => [...registry.account.approved],
  chats: () => chatLines(registry),
  deadLetters: () => [...registry.chats.unfolded()].flatMap(([chat, entry]) => lettersOf(chat, entry)),
})

export function createByHand({ limits, registry, journal, desk, drained }: ByHandOptions): ByHand {
  /** The newest send under each key. */
  const sending = new Map<string, Promise<unknown>>()

  const look = lookInto(registry)

  const queue = async ({ repeats, ...said }: Parameters<AccountHandle['send']>[0]) => {
    const replies = partsOf(said, limits)
    const known = look.known(said.chat)
    const repeated = repeats ? known.filter(repeats) : []
    if (repeated.length > 0) return { keys: repeated }
    const fresh = replies.filter(reply => !known.includes(reply.key))
    if (fresh.length > 0) await journal.committed([toChat(said.chat, { type: 'reply.queued', replies: fresh })])
    return { keys: replies.map(reply => reply.key) }
  }

  const settle = async (how: Settlement, id: string): Promise<boolean> => {
    const letter = look.deadLetters().find(found => found.id === id)
    if (letter) await journal.committed([toChat(letter.chat, settling(how, letter))])
    return letter !== undefined
  }

  /** What an approval asks for is durable before the caller hears of it. */
  const recorded = async (user: UserName | null): Promise<UserName | null> => {
    await drained()
    if (user !== null) await journal.flushed()
    return user
  }

  return {
    ...look,
    async send(message) {
      const { key } = message
      // The same key twice at once: the second sees what the first has queued.
      const before = sending.get(key) ?? Promise.resolve()
      const queued = before.catch(() => {}).then(() => queue(message))
      sending.set(key, queued)
      try {
        return await queued
      } finally {
        if (sending.get(key) === queued) sending.delete(key)
      }
    },
    approve: code => recorded(desk.approve(code)),
    reject: code => recorded(desk.reject(code)),
    async revoke(user) {
      // An approval that is on its way counts.
      await drained()
      await journal.flushed()
      const found = approvedAs(registry.account.approved, user)
      if (found === null) return null
      await journal.committed([toAccount({ type: 'user.revoked', user: found })])
      return found
    },
    retryDeadLetter: id => settle('retry', id),
    dropDeadLetter: id => settle('drop', id),
  }
}
