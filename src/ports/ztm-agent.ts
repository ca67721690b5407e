import type { ChatId, UserName } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'

/** A message as the chat app gives it. Nothing in it is checked beyond being an object: `time` and `message` may be any JSON. */
export interface RawMessage {
  /** The sender's clock, ms since 1970, when it is a finite number >= 0. Anything else is possible. */
  readonly time: Json | undefined
  /** Taken by the agent from the file's path, so it cannot be forged; may be empty. */
  readonly sender: string
  /** Whatever JSON somebody posted. */
  readonly message: Json | undefined
}

/** One line of `/chats`. */
export interface ChatSummary {
  readonly chat: ChatId
  /** A group's display name. */
  readonly name?: string
  /** Largest message time seen, ms by the senders' clocks; 0 in an empty group. */
  readonly time: number
  /** Messages of others since anybody's last GET of this chat: a hint, not a cursor. */
  readonly updated: number
  readonly latest?: RawMessage
}

export interface GroupInfo {
  readonly creator: UserName
  readonly group: string
  readonly name: string
  readonly members: readonly UserName[]
}

export interface Mesh {
  readonly name: string
  /** Only says that a TCP connection to the hub is open. */
  readonly connected: boolean
  /** Common name of the certificate; missing when that is unreadable. */
  readonly username?: string
  readonly endpointId?: string
  readonly certificate?: string
  /** End of the certificate, ms since 1970; missing when it is unreadable. */
  readonly certificateExpiresAtMs?: number
  readonly errors: readonly { readonly time: string; readonly message: string }[]
}

export interface Endpoint {
  readonly id: string
  readonly name: string
  readonly username: UserName
  readonly online: boolean
  readonly isLocal: boolean
  /** Clock of the hub when it last heard of the endpoint, ms; of an online one at most half a minute ago. Missing when the agent does not tell. */
  readonly heartbeatMs?: number
}

/** One entry of the mesh file index. */
export interface FileEntry {
  readonly path: string
  readonly hash: string
  /** Bytes; -1 when deleted. */
  readonly size: number
  /** Clock of the agent that wrote the file, ms. */
  readonly time: number
  /** Clock of the hub when it learnt of the change, ms; missing in a listing without `sinceMs`. */
  readonly since?: number
}

/** What a listing of the file index had, with what was not kept: entries, and the newest hub time among them, ms (0 = none). */
export interface Listed {
  readonly count: number
  readonly newestMs: number
}

export interface AgentVersion {
  readonly tag: string
  readonly commit: string
}

/** A file on its way to the mesh, in pieces of any size: as many bytes as it says, or the agent is told of none. */
export interface Content {
  readonly size: number
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** What the permit server or file gives: handed to the agent as it is. */
export type Permit = { readonly [key: string]: Json | undefined }

/**
 * One ZTM agent, seen through one mesh. Whoever reaches its port is its user: there is no authentication.
 * Source: the agent's HTTP API (`/api/...`) and its chat app (`/api/meshes/MESH/apps/ztm/chat/api/...`).
 * Every call may throw ZtmAgentUnreachable, ZtmAgentSilent, ZtmAgentRefused, ZtmAgentFailed, MalformedAnswer, AnswerTooLarge;
 * calls that take names throw UnsafeName before anything is sent.
 * An abort through `signal` rejects with ZtmAgentSilent.
 */
export interface ZtmAgent {
  version(signal?: AbortSignal): Promise<AgentVersion>
  /** The agent's public key, PEM. */
  identity(signal?: AbortSignal): Promise<string>
  meshes(signal?: AbortSignal): Promise<readonly Mesh[]>
  /** Null when the mesh is not joined. */
  mesh(signal?: AbortSignal): Promise<Mesh | null>
  /** Joins, or with `{}` leaves and joins again with the stored settings: that revives a frozen chat app and drops its queue. */
  join(permit: Permit, signal?: AbortSignal): Promise<Mesh>
  leave(signal?: AbortSignal): Promise<void>
  meshLog(signal?: AbortSignal): Promise<readonly { time: string; type: string; message: string }[]>
  endpoints(signal?: AbortSignal): Promise<readonly Endpoint[]>
  /** Null when the mesh has not heard of it for two minutes. */
  endpoint(id: string, signal?: AbortSignal): Promise<Endpoint | null>
  /** Asks the hub for a permit; only root may. `publicKey` is PEM. */
  issuePermit(user: UserName, publicKey: string, signal?: AbortSignal): Promise<Permit>

  /**
   * The file index: entries whose hub time is greater than `sinceMs` (0 = all, tombstones included).
   * With `wait` it answers only after a change, and is blind for changes of its first half second. No time-out of its own: give a signal.
   * `take` gets each entry that is kept as it comes in, for there may be a million; it was all of them only when the call resolves.
   */
  files(
    query: { readonly sinceMs: number; readonly wait?: boolean; readonly keep?: (path: string) => boolean },
    take: (file: FileEntry) => void,
    signal?: AbortSignal,
  ): Promise<Listed>
  /** Bytes of a file, or null: not fetchable now (which does not mean gone). `path` as in the index, with the leading `/`. */
  fileData(path: string, signal?: AbortSignal): Promise<Uint8Array | null>

  /** Name of the bot user as the chat app knows it. */
  appUser(signal?: AbortSignal): Promise<UserName>
  /** Users with a live endpoint. */
  users(signal?: AbortSignal): Promise<readonly UserName[]>
  chats(signal?: AbortSignal): Promise<readonly ChatSummary[]>
  /**
   * The same list, line by line, and the mark of its content; nothing is taken when it is the list of the mark given. When this rejects,
   * what was taken is worth nothing.
   */
  chatsUnless(
    mark: string | null,
    take: (summary: ChatSummary) => void,
    signal?: AbortSignal,
  ): Promise<{ readonly mark: string; readonly isSame: boolean }>
  /**
   * Messages with `sinceMs <= time`, in any order, our own included; null when the chat app does not know the chat (yet).
   * Any call resets `updated` of this chat for every client of the agent.
   * NOT promised: that what appears later carries a later time. Clocks differ, and the mesh is slow.
   */
  messages(chat: ChatId, sinceMs: number, signal?: AbortSignal): Promise<readonly RawMessage[] | null>
  /**
   * Resolves when the agent has queued the message (201), which is before it is written to the mesh: not a receipt.
   * After an error with `mayHaveActed`, look into the chat before posting again. The value must have been made safe (safe-text.ts).
   */
  post(chat: ChatId, message: Json, signal?: AbortSignal): Promise<void>
  /** Null when the group is unknown. */
  group(creator: UserName, group: string, signal?: AbortSignal): Promise<GroupInfo | null>
  /** Creates or changes; only the creator may (ZtmAgentRefused 403). */
  setGroup(creator: UserName, group: string, change: { name?: string; members?: readonly UserName[] }, signal?: AbortSignal): Promise<void>
  /**
   * Returns the hash, 64 hex digits. Pieces are asked for only as fast as the agent takes them; an error of theirs is thrown as it is, and
   * MalformedAnswer when the agent has kept another content.
   */
  uploadFile(content: Content, signal?: AbortSignal): Promise<string>
  /**
   * Resolves with the first bytes; null: not to be had now. The rest is read only as fast as it is taken, at most until the call's time is over:
   * whoever does not take all of it leaves it, or aborts. Nothing of it is to be used before its end: it throws MalformedAnswer there when it
   * is not the content of that hash (64 hex digits), AnswerTooLarge beyond `bytesMax`, and what any call throws when it breaks off.
   */
  downloadFile(owner: UserName, hash: string, bytesMax: number, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>

  /** Closes idle connections; calls under way are aborted. */
  close(): Promise<void>
}
