/** What people do to an account: write to somebody, let a stranger in or out again, deal with dead letters. On a running account and on one at rest. */
import { type Change, toAccount, toChat } from '../../machines/records.ts'
import { UnsafeName } from '../domain/errors.ts'
import { type ChatId, parseChat, type ReplyKey, replyKey, type UserName } from '../domain/ids.ts'
import type { Limits } from '../domain/limits.ts'
import { isSafeName, makeSafe, splitReply } from '../domain/reply.ts'
import { chatLines } from './chat-lines.ts'
import type { Journal } from './journal.ts'
import type { PairingDesk } from './pairing-desk.ts'
import { isChatId } from './parse-record.ts'
import type { Registry } from './registry.ts'
import type { AccountHandle, DeadLetter } from './runtime.ts'

export type ByHand = Pick<
  AccountHandle,
  | 'send'
  | 'known'
  | 'inCustody'
  | 'pairings'
  | 'approve'
  | 'reject'
  | 'approved'
  | 'revoke'
  | 'chats'
  | 'deadLetters'
  | 'retryDeadLetter'
  | 'dropDeadLetter'
>

export type ByHandOptions = {
  readonly limits: Limits
  readonly registry: Registry
  readonly journal: Pick<Journal, 'committed' | 'flushed'>
  readonly desk: Pick<PairingDesk, 'approve' | 'reject'>
  /** Everything that the charts have asked for so far has been carried out. */
  readonly drained: () => Promise<void>
}

export function createByHand({ limits, registry, journal, desk, drained }: ByHandOptions): ByHand {
  /** The newest send under each key. */
  const sending = new Map<string, Promise<unknown>>()

  const queue = async ({ chat, text, files = [], key, repeats }: Parameters<AccountHandle['send']>[0]) => {
    const conversation = isChatId(chat) ? parseChat(chat) : null
    const names = conversation?.kind === 'group' ? [conversation.creator, conversation.group] : [conversation?.peer ?? '']
    if (!names.every(isSafeName)) {
      throw new UnsafeName(
        `${JSON.stringify(chat)} cannot be written to: expected peer:NAME or group:CREATOR/ID, where a name is not empty and has no "/", "#", "?" or control characters.`,
      )
    }
    const safe = makeSafe(text)
    const parts = safe.trim() === '' ? (files.length > 0 ? [''] : []) : splitReply(safe, limits.partCharacters)
    // The files come with the first part: it is what they are shown with.
    const replies = parts.map((part, index) => ({
      key: replyKey(key, index),
      text: part,
      ...(index === 0 && files.length > 0 ? { files } : {}),
    }))
    const entry = registry.chats.get(chat)
    const repeated = repeats ? known(chat).filter(repeats) : []
    if (repeated.length > 0) return { keys: repeated }
    const fresh = replies.filter(reply => !entry?.replies.has(reply.key) && !entry?.sentKeys.includes(reply.key))
    if (fresh.length > 0) await journal.committed([toChat(chat, { type: 'reply.queued', replies: fresh })])
    return { keys: replies.map(reply => reply.key) }
  }

  const known = (chat: ChatId): readonly ReplyKey[] => {
    const entry = registry.chats.get(chat)
    return entry ? [...entry.replies.keys(), ...entry.sentKeys] : []
  }

  const deadLetters = (): readonly DeadLetter[] =>
    [...registry.chats.unfolded()].flatMap(([chat, entry]) =>
      entry.deadLetters.map(letter => ({
        ...letter,
        chat,
        kind: entry.messages.has(letter.id) ? ('message' as const) : ('reply' as const),
      })),
    )
  const settle = async (id: string, change: (letter: DeadLetter) => Change): Promise<boolean> => {
    const letter = deadLetters().find(found => found.id === id)
    if (letter) await journal.committed([change(letter)])
    return letter !== undefined
  }

  /** What an approval asks for is durable before the caller hears of it. */
  const recorded = async (user: UserName | null): Promise<UserName | null> => {
    await drained()
    if (user !== null) await journal.flushed()
    return user
  }

  return {
    known,
    inCustody: chat => [...(registry.chats.get(chat)?.custody.keys() ?? [])],
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
    approve: code => recorded(desk.approve(code)),
    reject: code => recorded(desk.reject(code)),
    approved: () => [...registry.account.approved],
    async revoke(user) {
      // An approval that is on its way counts.
      await drained()
      await journal.flushed()
      const found = [...registry.account.approved].find(name => name.normalize('NFC') === user.normalize('NFC'))
      if (found === undefined) return null
      await journal.committed([toAccount({ type: 'user.revoked', user: found })])
      return found
    },
    chats: () => chatLines(registry),
    deadLetters,
    retryDeadLetter: id =>
      settle(id, letter =>
        toChat(letter.chat, letter.kind === 'message' ? { type: 'message.revived', id } : { type: 'reply.revived', key: id }),
      ),
    dropDeadLetter: id =>
      settle(id, letter =>
        toChat(letter.chat, letter.kind === 'message' ? { type: 'message.discarded', id } : { type: 'reply.discarded', key: id }),
      ),
  }
}
