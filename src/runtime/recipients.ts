/**
 * Whether there is somebody behind the name of a chat to whom nobody of ours has written yet. The mesh takes posts to names that it does
 * not have, and nobody would ever notice; and it does not show who is away. So whoever is known from anywhere is taken, and nobody is
 * refused on the word of an agent that is away or in trouble.
 */
import { NobodyThere } from '../domain/errors.ts'
import { type ChatId, type Conversation, parseChat, type UserName } from '../domain/ids.ts'
import { nearest } from '../domain/nearest.ts'
import type { AccountSettings } from '../domain/settings.ts'
import { shownChat, shownName } from '../domain/shown.ts'
import type { Clock } from '../ports/clock.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'

/** Whoever sends waits; an agent that takes longer is as good as away. */
const ANSWER_MS_MAX = 5_000
/** Groups whose members are asked for before a name is refused, one request each. */
const GROUPS_ASKED_MAX = 50

export type RecipientsOptions = {
  readonly settings: AccountSettings
  readonly agent: Pick<ZtmAgent, 'users' | 'chats' | 'group'>
  readonly clock: Clock
  /** Chats that the state knows, with a message or without. */
  readonly chats: { has(chat: ChatId): boolean; keys(): Iterable<ChatId> }
  /** Approved, by whatever store. */
  readonly isPaired: (user: UserName) => Promise<boolean>
  /** The mesh shows who is there; right after it came back it may not yet. */
  readonly isSettled: () => boolean
}

export type Recipients = {
  /** @throws {NobodyThere} when neither the mesh nor the state knows the chat. */
  find(chat: ChatId): Promise<void>
}

export function createRecipients({ settings, agent, clock, chats, isPaired, isSettled }: RecipientsOptions): Recipients {
  const namesOf = (place: Conversation): readonly UserName[] => (place.kind === 'peer' ? [place.peer] : [place.creator])
  const listed = () => [
    ...settings.allowFrom,
    ...Object.entries(settings.groupPermissions).flatMap(([key, { allowFrom }]) => [key.slice(0, key.indexOf('/')), ...allowFrom]),
  ]

  /** Null when nobody can tell: an agent that does not even list its own user has lost its hub. */
  const look = async (signal: AbortSignal) => {
    const online = await agent.users(signal)
    if (!online.includes(settings.username)) return null
    const known = [...chats.keys(), ...(await agent.chats(signal)).map(({ chat }) => chat)]
    const users = new Set([...online, ...listed()])
    for (const chat of known) for (const name of namesOf(parseChat(chat))) users.add(name)
    users.delete('*')
    users.delete('')
    return { users, groups: new Set(known.filter(chat => chat.startsWith('group:'))) }
  }

  const membersOf = async (groups: Iterable<ChatId>, signal: AbortSignal): Promise<readonly UserName[]> => {
    const asked = [...groups].map(parseChat).flatMap(place => (place.kind === 'group' ? [place] : []))
    const found = await Promise.all(asked.slice(0, GROUPS_ASKED_MAX).map(({ creator, group }) => agent.group(creator, group, signal)))
    return found.flatMap(group => group?.members ?? [])
  }

  /** Null when there is somebody, or nobody can tell. */
  const refusal = async (chat: ChatId, signal: AbortSignal): Promise<string | null> => {
    const place = parseChat(chat)
    const seen = await look(signal)
    if (seen === null) return null
    const { users, groups } = seen
    if (place.kind === 'group') {
      if (groups.has(chat) || (await agent.group(place.creator, place.group, signal)) !== null) return null
      const near = nearest(chat, groups).map(shownChat)
      return `The mesh does not show ${shownChat(chat)} to ${shownName(settings.username)}${remedy(near, 'its creator has added the bot')}`
    }
    if (users.has(place.peer) || (await isPaired(place.peer))) return null
    for (const member of await membersOf(groups, signal)) users.add(member)
    // Nobody was asked about the members of the others.
    if (users.has(place.peer) || groups.size > GROUPS_ASKED_MAX) return null
    users.delete(settings.username)
    return `Nobody on the mesh is known as ${shownName(place.peer)}${remedy(nearest(place.peer, users).map(shownName), 'they are online')}`
  }

  return {
    async find(chat) {
      if (chats.has(chat) || !isSettled()) return
      const over = new AbortController()
      const cancel = clock.after(ANSWER_MS_MAX, () => over.abort('somebody waits'))
      const sentence = await refusal(chat, over.signal)
        .catch(() => null)
        .finally(cancel)
      if (sentence !== null) throw new NobodyThere(sentence)
    },
  }
}

function remedy(near: readonly string[], when: string): string {
  const name = near.length === 0 ? 'correct the name' : `write ${near.join(' or ')} if that is who is meant`
  return `, so nothing was sent; ${name}, or send again when ${when}.`
}
