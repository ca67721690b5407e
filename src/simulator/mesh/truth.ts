import { type ChatId, groupChat, parseChat } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import { messageFile } from './chat-paths.ts'
import { decodeFile } from './json-text.ts'

/** A message that the mesh has: it stood in a file which the hub took. */
export type ReachedMessage = {
  readonly sender: string
  /** The sender's clock. */
  readonly time: Json | undefined
  readonly message: Json | undefined
  readonly path: string
  /** Place in its file, counted from 0. */
  readonly index: number
  /** The hub's clock. */
  readonly reachedAtMs: number
  /** When a later version of its file came without it, by the hub's clock: another message has taken its place. */
  replacedAtMs: number | null
}

/** A post that an agent answered with 201, whatever became of it. */
export type AcceptedPost = { readonly sender: string; readonly to: ChatId; readonly message: Json; readonly acceptedAtMs: number }

/** What really happened, for oracles: it takes part in nothing. */
export class Truth {
  readonly accepted: AcceptedPost[] = []
  readonly #reached = new Map<string, ReachedMessage[]>()
  readonly #seen = new Map<string, Map<string, ReachedMessage>>()

  /** Everything that ever reached the hub in one conversation, by all its senders, in order of arrival; `user` is whose chat it is. */
  reached(user: string, chat: ChatId): readonly ReachedMessage[] {
    const to = parseChat(chat)
    return this.#reached.get(to.kind === 'peer' ? pair(user, to.peer) : chat) ?? []
  }

  learn(path: string, bytes: Uint8Array, reachedAtMs: number, namesArePaths: boolean): void {
    const place = messageFile(path, namesArePaths)
    const entries = place && decodeFile(bytes)
    if (!place || !Array.isArray(entries)) return
    const key = place.kind === 'peer' ? pair(place.sender, place.receiver) : groupChat(place.creator, place.group)
    const seen = getOrMake(this.#seen, path, () => new Map<string, ReachedMessage>())
    const reached = getOrMake(this.#reached, key, () => [])
    const present = new Set<string>()
    for (const [index, entry] of entries.entries()) {
      if (typeof entry !== 'object' || entry === null) continue
      const { time, message } = entry as Entry
      // A file that was started anew reuses places: the content tells a new message from one that is already known.
      const identity = JSON.stringify([index, time, message])
      present.add(identity)
      if (seen.has(identity)) continue
      const found = { sender: place.sender, time, message, path, index, reachedAtMs, replacedAtMs: null }
      seen.set(identity, found)
      reached.push(found)
    }
    for (const [identity, earlier] of seen) if (!present.has(identity)) earlier.replacedAtMs ??= reachedAtMs
  }
}

type Entry = { readonly time?: Json; readonly message?: Json }

const pair = (a: string, b: string): string => JSON.stringify([a, b].sort())

function getOrMake<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
