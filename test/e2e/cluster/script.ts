/** What happens on the mesh, the same for every host; and what a host is left with, so that two of them can be compared. */
import type { ChatId, MessageId, ReplyKey, UserName } from '../../../src/domain/ids.ts'
import type { Json } from '../../../src/domain/json.ts'
import { identify } from '../../../src/domain/message-id.ts'
import type { DispatchRequest } from '../../../src/ports/responder.ts'
import type { SimMesh } from '../../../src/simulator/mesh/mesh.ts'

export const MESH = 'home'
export const BOT = 'my-bot'
const TEAM: ChatId = 'group:alice/team'
const DIRECT: ChatId = `peer:${BOT}`

export const CONFIG = {
  meshName: MESH,
  username: BOT,
  dmPolicy: 'pairing',
  allowFrom: ['alice', 'bob'],
  enableGroups: true,
  groupPolicy: 'open',
  notifyOnFailure: true,
  feed: 'poll',
  pollInterval: 100,
  // However slow the machine, every message comes soon after an answer, as another bot's would.
  limits: { partCharacters: 40, dispatchBackoffMs: 100, dispatchBackoffMsMax: 200, loopAnswerMs: 3_600_000 },
} as const

const LONG = ['This is the first part of the answer.', 'This is the second part.', 'And this, at last, is the third.']

/** The assistant. */
export async function respond({ text, attempt }: Pick<DispatchRequest, 'text' | 'attempt'>): Promise<string> {
  if (text === 'fail once' && attempt === 1) throw new Error('the model is away')
  if (text === 'fail') throw new Error('the model does not like this one')
  return text === 'tell me more' ? LONG.join('\n\n') : `echo: ${text}`
}

/** `reads`: so many messages of the bot the user sees in the chat before the script goes on. */
export type Line =
  | { readonly by: UserName; readonly says: string; readonly to: ChatId; readonly reads: number; readonly answerIsLost?: true }
  | { readonly by: UserName; readonly isApproved: true; readonly reads: number }

const line = (by: UserName, says: string, reads: number, to: ChatId = DIRECT): Line => ({ by, says, to, reads })

export const SCRIPT: readonly Line[] = [
  line('alice', 'hello', 1),
  line('alice', 'tell me more', 4),
  line('bob', 'fail once', 1),
  line('bob', 'fail', 2),
  line('bob', 'still there?', 3),
  line('bob', 'nobody in particular', 0, TEAM),
  line('bob', `@${BOT} and you?`, 1, TEAM),
  { by: 'alice', says: 'did that arrive?', to: DIRECT, reads: 5, answerIsLost: true },
  line('mallory', 'let me in', 1),
  line('mallory', 'please', 1),
  { by: 'mallory', isApproved: true, reads: 4 },
  line('mallory', 'thank you', 5),
  // One is left at the door.
  line('eve', 'and me?', 1),
]

/** Everybody is there, and the group is made, before anything is said. */
export async function gather(mesh: SimMesh): Promise<void> {
  mesh.bot = BOT
  for (const name of [BOT, 'alice', 'bob', 'mallory', 'eve']) mesh.user(name)
  await mesh.user('alice').creates('team', { name: 'Team', members: ['alice', 'bob', BOT] })
}

/** How many messages of the bot this user sees. */
export const read = (mesh: SimMesh, by: UserName, to: ChatId): number =>
  mesh
    .user(by)
    .inbox(to)
    .filter(({ sender }) => sender === BOT).length

export async function say(mesh: SimMesh, { by, says, to, answerIsLost }: Extract<Line, { says: string }>): Promise<void> {
  if (answerIsLost)
    mesh.user(BOT).agent.answer('lostAnswer', { when: ({ method, target }) => method === 'POST' && target.endsWith('/messages'), times: 1 })
  await mesh.user(by).says(says, to)
}

/** The code that the stranger was given. */
export function codeOf(mesh: SimMesh, by: UserName): string {
  const texts = mesh
    .user(by)
    .inbox(DIRECT)
    .map(({ message }) => JSON.stringify(message))
  return /owner: (\w{8})/.exec(texts.join())?.[1] ?? ''
}

/** The chat as the bot has it. */
export const chatOf = ({ by, to }: { readonly by: UserName; readonly to: ChatId }): ChatId => (to === DIRECT ? `peer:${by}` : to)

/** What was carried out, in order, by chat: `hello 1` was asked, `hello#0` was posted. A chat posts while its next message is asked about. */
export class Effects {
  readonly #asked = new Map<ChatId, string[]>()
  readonly #posted = new Map<ChatId, string[]>()

  asked(chat: ChatId, id: MessageId, attempt: number): void {
    this.#asked.set(chat, [...(this.#asked.get(chat) ?? []), `${id} ${attempt}`])
  }
  posted(chat: ChatId, key: ReplyKey | null): void {
    this.#posted.set(chat, [...(this.#posted.get(chat) ?? []), String(key)])
  }
  byChat(): Json {
    return { asked: Object.fromEntries(this.#asked), posted: Object.fromEntries(this.#posted) }
  }
}

const entriesOf = (mesh: SimMesh, chat: ChatId) =>
  mesh
    .user(BOT)
    .inbox(chat)
    .map(({ time, sender, message }) => ({ time, sender, message }))

/** Two hosts live at different times, so messages have other ids, and requests other codes: named by their texts they are the same. */
export function named(mesh: SimMesh, value: Json): Json {
  let text = JSON.stringify(value)
  const chats = [...['alice', 'bob', 'mallory', 'eve'].map((name): ChatId => `peer:${name}`), TEAM]
  for (const chat of chats) {
    for (const { id, raw } of identify(chat, entriesOf(mesh, chat)))
      text = text.replaceAll(id, String((raw.message as { readonly text?: string }).text))
  }
  return timeless(JSON.parse(text.replaceAll(/pairing\/[0-9a-f]{8}\//g, 'pairing/')))
}

function timeless(value: Json, name = ''): Json {
  if (typeof value === 'number' && name.endsWith('Ms')) return 'a time'
  if (name === 'code') return 'a code'
  if (Array.isArray(value)) return name === 'seen' ? value.map(([, id]) => id) : value.map(item => timeless(item))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, timeless(item ?? null, key)]))
}
