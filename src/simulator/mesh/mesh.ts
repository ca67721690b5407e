import { type ChatId, parseChat } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { SimAgent } from './agent.ts'
import type { Entry } from './chat-app.ts'
import { peerFolder } from './chat-paths.ts'
import { type AgentResponse, bytesOf } from './http.ts'
import { HUB_ADDRESS, Hub } from './hub.ts'
import { encodeJson } from './json-text.ts'
import { caPem, certificatePem } from './pem.ts'
import { type Quirks, REAL } from './quirks.ts'
import type { AcceptedPost, ReachedMessage } from './truth.ts'

export type MeshOptions = {
  readonly clock: Clock
  readonly random: Random
  /** Name of the mesh, the same at every agent. */
  readonly name: string
  /** What differs from a real mesh; `CALM` for demos and simple tests. */
  readonly quirks?: Partial<Quirks>
}

/** A simulated ZTM mesh: one hub, and users with one agent each. */
export class SimMesh {
  readonly name: string
  readonly quirks: Quirks
  readonly hub: Hub
  /** To whom users write when they name nobody. */
  bot = 'openclaw-bot'
  readonly #users = new Map<string, SimUser>()
  readonly #clock: Clock
  readonly #random: Random

  constructor({ clock, random, name, quirks }: MeshOptions) {
    this.name = name
    this.quirks = { ...REAL, ...quirks }
    this.hub = new Hub(clock, random, this.quirks)
    this.#clock = clock
    this.#random = random
  }

  /** The user of this name: made, with a joined agent and a chat app that runs, when there is none. */
  user(name: string, { skewMs = 0 }: { readonly skewMs?: number } = {}): SimUser {
    let user = this.#users.get(name)
    if (!user) {
      user = new SimUser(this, name, this.newAgent(skewMs))
      user.agent.warmUp(this.name, this.permit(name))
      this.#users.set(name, user)
    }
    return user
  }

  users(): readonly SimUser[] {
    return [...this.#users.values()]
  }

  /** An agent that has joined nothing. */
  newAgent(skewMs = 0): SimAgent {
    return new SimAgent({ clock: this.#clock, random: this.#random, hub: this.hub, meshName: this.name, quirks: this.quirks, skewMs })
  }

  /** What root would hand out for this user, the endpoint's name included. */
  permit(user: string): { ca: string; agent: { name: string; certificate: string }; bootstraps: readonly string[] } {
    const notBeforeMs = this.hub.now() - this.quirks.certificateAgeMs
    return {
      ca: caPem(this.name),
      agent: { name: `ep-${user}`, certificate: certificatePem({ user, notBeforeMs }) },
      bootstraps: [HUB_ADDRESS],
    }
  }

  /** Every post that was answered with 201. */
  get accepted(): readonly AcceptedPost[] {
    return this.hub.truth.accepted
  }

  /** Everything that ever reached the hub in this chat of `user`, by all its senders, in order of arrival. */
  reached(user: string, chat: ChatId): readonly ReachedMessage[] {
    return this.hub.truth.reached(user, chat)
  }

  /**
   * Old conversations that `owner` has read long ago, one message file each, of senders that need no agent.
   * Give them before `user(owner)` is called for the first time: this is how a mesh with 100,000 chats is made quickly.
   */
  remember(owner: string, chats: Iterable<{ readonly peer: string; readonly messages: readonly { time: number; message: Json }[] }>): void {
    const archive = this.newAgent()
    const home = archive.warmUp(this.name, this.permit(owner))
    for (const { peer, messages } of chats) {
      const folder = peerFolder(peer, owner, this.quirks.namesArePaths)
      const file = home.stored.store.put(
        `${folder}/${(messages[0]?.time ?? 0) - 60_000}.json`,
        encodeJson(messages, this.quirks),
        messages.at(-1)?.time ?? 0,
      )
      this.hub.files.setRights(folder, [owner])
      const { path, hash, size, time } = file
      this.hub.files.put(path, peer, { hash, size, time }, this.hub.now()).sources.add(home.endpointId)
      this.hub.truth.learn(path, file.bytes!, this.hub.now(), this.quirks.namesArePaths)
    }
    archive.warmUp(this.name, this.permit(owner))
    this.#users.set(owner, new SimUser(this, owner, archive))
  }
}

export class SimUser {
  readonly name: string
  readonly agent: SimAgent
  readonly #mesh: SimMesh

  constructor(mesh: SimMesh, name: string, agent: SimAgent) {
    this.#mesh = mesh
    this.name = name
    this.agent = agent
  }

  /** Posts through the HTTP API; a string is sent as `{text}`. Resolves with the 201, which is no receipt. */
  async says(message: Json, to: ChatId = `peer:${this.#mesh.bot}`): Promise<void> {
    const body = typeof message === 'string' ? { text: message } : message
    await this.#post(`${chatRoute(to)}/messages`, body)
  }

  /** Makes a group of one's own, or changes it. */
  async creates(group: string, info: { readonly name?: string; readonly members?: readonly string[] }): Promise<void> {
    await this.#post(chatRoute(`group:${this.name}/${group}`), info)
  }

  /** What this user's chat app shows in a chat, in its order. Looking does not reset `updated`. */
  inbox(chat: ChatId = `peer:${this.#mesh.bot}`): readonly Entry[] {
    const app = this.agent.membership(this.#mesh.name)?.app
    const to = parseChat(chat)
    return (to.kind === 'peer' ? app?.findPeer(to.peer) : app?.findGroup(to.creator, to.group))?.messages.slice() ?? []
  }

  /** Whether this user's chat app has the chat in its list: a group whose name it has not read is missing there. */
  lists(chat: ChatId): boolean {
    const to = parseChat(chat)
    const listed = [...(this.agent.membership(this.#mesh.name)?.app?.chats() ?? [])]
    return listed.some(({ peer, creator, group }) => (to.kind === 'peer' ? peer === to.peer : creator === to.creator && group === to.group))
  }

  /** GET of a route of the chat app, such as `/chats`, parsed. */
  async gets(route: string): Promise<Json> {
    const answer = await this.agent.request({ method: 'GET', target: `${this.#app}${route}` })
    return JSON.parse(await textOf(answer)) as Json
  }

  get #app(): string {
    return `/api/meshes/${encodeURIComponent(this.#mesh.name)}/apps/ztm/chat/api`
  }

  async #post(route: string, body: unknown): Promise<void> {
    const target = `${this.#app}${route}`
    const { status } = await this.agent.request({ method: 'POST', target, body: bytesOf(JSON.stringify(body)) })
    if (status !== 201) throw new Error(`POST ${target} by ${this.name} was answered with ${status}, not with 201.`)
  }
}

function chatRoute(chat: ChatId): string {
  const to = parseChat(chat)
  return to.kind === 'peer'
    ? `/peers/${encodeURIComponent(to.peer)}`
    : `/groups/${encodeURIComponent(to.creator)}/${encodeURIComponent(to.group)}`
}

/** The whole body as text. */
export async function textOf({ body }: AgentResponse): Promise<string> {
  if (body instanceof Uint8Array) return new TextDecoder().decode(body)
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}

export const createMesh = (options: MeshOptions): SimMesh => new SimMesh(options)
