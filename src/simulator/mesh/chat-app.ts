import type { Json } from '../../domain/json.ts'
import { between } from './chance.ts'
import { groupFolder, infoFile, messageFile, peerFolder, SHARED } from './chat-paths.ts'
import { lastUpTo } from './dir-times.ts'
import { decodeFile, encodeJson } from './json-text.ts'
import type { Membership } from './membership.ts'
import { Scope } from './scope.ts'

/** An entry of a message file, with the sender that its path names. Anything may stand in a file. */
export type Entry = { readonly time?: Json; readonly message?: Json; readonly sender: string; readonly [key: string]: Json | undefined }

export type Chat = {
  readonly peer?: string
  readonly creator?: string
  readonly group?: string
  name: string
  members: readonly unknown[]
  readonly messages: Entry[]
  newCount: number
  updateTime: number
  checkTime: number
  latest: Entry | undefined
  readonly seen: Set<string>
}

/** From this size on a message file gets no more messages. */
const FILE_BYTES_FULL = 1024
/** The first file of a conversation is named this much before now. */
const FIRST_FILE_BACK_MS = 60_000
/** Looks at which a chat app that stalls does so. */
const STALL_SHARE = 0.1
/** Past this many files at once a read is one delay for all, not one each. */
const SEPARATE_READS_MAX = 64

/** The chat app inside one agent: everything it shows is in memory, and comes from files it has read since it started. */
export class ChatApp {
  readonly #home: Membership
  readonly #scope: Scope
  readonly #chats = new Map<string, Chat>()
  readonly #queue: { readonly folder: string; readonly message: Json }[] = []
  #isPublishing = false
  /** The watch has died: nothing new is seen until a fresh app takes the place of this one. */
  isFrozen = false
  #readyAtMs = 0
  #stalledUntilMs = 0

  constructor(home: Membership) {
    this.#home = home
    this.#scope = new Scope(home.world.clock)
  }

  /** Reads what is there, then watches. The request that started it is answered some time later. */
  start(): void {
    const { clock, random, quirks } = this.#home.world
    this.#readyAtMs = clock.monotonic() + between(random, quirks.appStartMs)
    void this.#run()
  }

  /** As if it had been running for long: no delays. */
  startWarm(): void {
    for (const file of this.#home.world.hub.list(this.#home.user)) {
      if (file.path.startsWith(`${SHARED}/`)) this.#take(file.path, this.#home.serve(file.path, file.hash), true)
    }
    void this.#watch(this.#home.startedAtMs, true)
  }

  /** For whoever sent the request that started the app. */
  async ready(): Promise<void> {
    await this.#scope.sleep(this.#readyAtMs - this.#home.world.clock.monotonic())
  }

  end(): void {
    this.#scope.end()
  }

  freeze(): void {
    this.isFrozen = true
  }

  /** What is posted from now on, or waits, is written only when this is over. */
  stall(ms: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#home.world.clock.monotonic() + ms)
  }

  get waitingPosts(): number {
    return this.#queue.length
  }

  // Reading.

  async #run(): Promise<void> {
    try {
      const files = await this.#home.ask(() => this.#home.world.hub.list(this.#home.user), [])
      await this.#readAll(
        files.map(file => file.path),
        true,
      )
    } catch {
      return this.freeze()
    }
    await this.#watch(this.#home.startedAtMs, false)
  }

  async #watch(startMs: number, settled: boolean): Promise<void> {
    const { quirks } = this.#home
    const { random } = this.#home.world
    let since = startMs
    let skipLook = settled
    while (!this.#scope.ended && !this.isFrozen) {
      let paths: readonly string[] | null = null
      try {
        const files = await this.#home.changes(since, true, null, skipLook)
        skipLook = false
        if (this.#scope.ended || this.isFrozen) return
        if (files) {
          for (const file of files) since = Math.max(since, file.since)
          paths = files.map(file => file.path)
          if (quirks.appStallMs[1] > 0 && random.unit() < STALL_SHARE) await this.#scope.sleep(between(random, quirks.appStallMs))
          await this.#readAll(paths, false)
        }
      } catch {
        if (quirks.freezesAfterOutage) return this.freeze()
      }
      if (paths === null) await this.#scope.sleep(quirks.watchRetryMs)
    }
  }

  async #readAll(paths: readonly string[], initial: boolean): Promise<void> {
    const { random, quirks } = this.#home.world
    const relevant = paths.filter(path => messageFile(path, quirks.namesArePaths) !== null || infoFile(path, quirks.namesArePaths) !== null)
    const readOne = async (path: string, delayMs: number) => {
      const meta = this.#home.info(path)
      const isOwn = meta !== null && this.#home.stored.store.get(path)?.hash === meta.hash
      if (!isOwn && delayMs > 0) await this.#scope.sleep(delayMs)
      const bytes = await this.#home.read(path)
      if (!this.#scope.ended && !this.isFrozen) this.#take(path, bytes, initial)
    }
    if (relevant.length > SEPARATE_READS_MAX) {
      await this.#scope.sleep(between(random, quirks.fetchMs))
      for (const path of relevant) await readOne(path, 0)
    } else {
      await Promise.all(relevant.map(path => readOne(path, between(random, quirks.fetchMs))))
    }
  }

  #take(path: string, bytes: Uint8Array | null, initial: boolean): void {
    if (!bytes) return
    const info = infoFile(path, this.#home.quirks.namesArePaths)
    if (info) {
      if (info.sender !== info.creator) return
      const chat = this.#groupChat(info.creator, info.group)
      const content = decodeFile(bytes)
      if (typeof content === 'object' && content !== null && !Array.isArray(content)) setInfo(chat, content as Record<string, Json>)
      return
    }
    const place = messageFile(path, this.#home.quirks.namesArePaths)
    if (!place) return
    const me = this.#home.user
    if (place.kind === 'peer' && place.receiver !== me && place.sender !== me) return
    const chat =
      place.kind === 'group'
        ? this.#groupChat(place.creator, place.group)
        : this.#peerChat(place.receiver === me ? place.sender : place.receiver)
    const entries = decodeFile(bytes)
    if (Array.isArray(entries)) this.#merge(chat, entries as readonly Json[], place.sender, path)
    if (initial && this.#home.quirks.startForgetsUpdated) chat.newCount = 0
  }

  #merge(chat: Chat, entries: readonly Json[], sender: string, path: string): void {
    const isOwn = sender === this.#home.user
    for (const [index, entry] of entries.entries()) {
      // The real app fails on the first entry that is no object, and forgets the rest of the file.
      if (typeof entry !== 'object' || entry === null) return
      const message = { ...(entry as { readonly [key: string]: Json }), sender } as Entry
      const identity = this.#home.quirks.sameMsMerged
        ? JSON.stringify([message.time, sender])
        : JSON.stringify([path, index, message.time, message.message])
      if (chat.seen.has(identity)) continue
      chat.seen.add(identity)
      const { appDrops } = this.#home.quirks
      if (appDrops > 0 && this.#home.world.random.unit() < appDrops) continue
      chat.messages.push(message)
      if (!isOwn) chat.newCount++
      const time = Number(message.time)
      if (time > chat.updateTime) chat.updateTime = time
      if (!(Number(chat.latest?.time) > time)) chat.latest = message
    }
  }

  #peerChat(peer: string): Chat {
    return this.#chat(JSON.stringify([peer]), { peer })
  }

  #groupChat(creator: string, group: string): Chat {
    return this.#chat(JSON.stringify([creator, group]), { creator, group })
  }

  #chat(key: string, who: { peer: string } | { creator: string; group: string }): Chat {
    let chat = this.#chats.get(key)
    if (!chat) {
      chat = { ...who, name: '', members: [], messages: [], newCount: 0, updateTime: 0, checkTime: 0, latest: undefined, seen: new Set() }
      this.#chats.set(key, chat)
    }
    return chat
  }

  // What the routes need.

  *chats(): Iterable<Chat> {
    for (const chat of this.#chats.values()) if (chat.peer !== undefined || chat.name !== '') yield chat
  }

  findPeer(peer: string): Chat | undefined {
    return this.#chats.get(JSON.stringify([peer]))
  }

  findGroup(creator: string, group: string): Chat | undefined {
    return this.#chats.get(JSON.stringify([creator, group]))
  }

  /** Throws while the agent knows that it is not connected; then nothing is kept. */
  postToPeer(peer: string, message: Json): void {
    const folder = peerFolder(this.#home.user, peer, this.#home.quirks.namesArePaths)
    this.#home.setRights(folder, [peer])
    this.#publish(folder, message)
  }

  /** False when the group is unknown, or when we are not in it as far as we know. */
  postToGroup(creator: string, group: string, message: Json): boolean {
    const chat = this.findGroup(creator, group)
    const me = this.#home.user
    if (!chat || (me !== creator && !chat.members.includes(me))) return false
    const folder = groupFolder(me, creator, group, this.#home.quirks.namesArePaths)
    this.#home.setRights(folder, namesIn(chat.members))
    this.#publish(`${folder}/messages`, message)
    return true
  }

  /** False when we are not the creator. The change is in memory even when the rest fails. */
  setGroup(creator: string, group: string, info: Readonly<Record<string, Json>>): boolean {
    if (creator !== this.#home.user) return false
    const chat = this.#groupChat(creator, group)
    setInfo(chat, info)
    const folder = groupFolder(creator, creator, group, this.#home.quirks.namesArePaths)
    this.#home.setRights(folder, namesIn(chat.members))
    const { name, members, messages, newCount, updateTime, checkTime } = chat
    const content = { creator, group, name, members, messages, newCount, updateTime, checkTime }
    this.#home.write(`${folder}/info.json`, encodeJson(content, this.#home.quirks))
    return true
  }

  // Writing, one message after the other.

  #publish(folder: string, message: Json): void {
    this.#queue.push({ folder, message })
    if (this.#isPublishing) return
    this.#isPublishing = true
    void this.#publishAll()
  }

  async #publishAll(): Promise<void> {
    const { random, quirks } = this.#home.world
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      await this.#scope.sleep(between(random, quirks.publishMs))
      await this.#scope.sleep(this.#stalledUntilMs - this.#home.world.clock.monotonic())
      try {
        await this.#write(next.folder, next.message)
      } catch {
        // The queue stays marked as busy: later posts are accepted and never written.
        if (quirks.queueStaysBusy) return
        await this.#scope.sleep(quirks.watchRetryMs)
        continue
      }
      this.#queue.shift()
    }
    this.#isPublishing = false
  }

  /** Read, change, write: the newest file that is not in the future takes the message, unless it is full. */
  async #write(folder: string, message: Json): Promise<void> {
    const { quirks, stored, world } = this.#home
    const known =
      this.#home.link === 'broken' ? world.hub.files.times.of(folder) : await this.#home.ask(() => world.hub.files.times.of(folder), [])
    const times = quirks.burstsOverwrite ? known : stored.store.times.of(folder)
    const time = world.now()
    const newest = lastUpTo(times, time)
    let path = `${folder}/${newest ?? time - FIRST_FILE_BACK_MS}.json`
    let bytes = await this.#home.read(path, true)
    if (bytes && bytes.length >= FILE_BYTES_FULL && newest !== undefined && time > times.at(-1)!) {
      path = `${folder}/${time}.json`
      bytes = quirks.burstsOverwrite ? null : (stored.store.get(path)?.bytes ?? null)
    }
    const before = bytes ? decodeFile(bytes) : undefined
    const list = Array.isArray(before) ? (before as Json[]) : []
    const file = this.#home.write(path, encodeJson([...list, { time, message }], quirks))
    await this.#home.read(path, true)
    if (!quirks.ownPostsLate) this.#take(path, file.bytes, false)
  }
}

/** An empty name and members that are no array change nothing. */
function setInfo(chat: Chat, info: Readonly<Record<string, Json>>): void {
  if (typeof info['name'] === 'string' && info['name'] !== '') chat.name = info['name']
  if (Array.isArray(info['members'])) chat.members = info['members'] as readonly Json[]
}

const namesIn = (members: readonly unknown[]): readonly string[] => members.filter(member => typeof member === 'string')
