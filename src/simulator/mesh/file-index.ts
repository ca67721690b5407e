import { DirTimes } from './dir-times.ts'

/** One file as the hub knows it. */
export type IndexedFile = {
  readonly path: string
  readonly owner: string
  hash: string
  /** -1 when deleted. */
  size: number
  /** Clock of the writer. */
  time: number
  /** Clock of the hub. */
  since: number
  /** Endpoints that hold this version. */
  readonly sources: Set<string>
  /** Who may read it beside the owner; null = everybody. */
  readers: ReadonlySet<string> | null
}

type Line = { readonly since: number; readonly file: IndexedFile }

const NOBODY: ReadonlySet<string> = new Set()

/** `/apps/{provider}/{app}/shared/{user}/publish` is closed, `publish/files` below it is open; outside of `publish` all is open. */
const PUBLISH = /^\/apps\/[^/]+\/[^/]+\/shared\/[^/]+\/publish(?=\/)/

/** `/shared/{user}/…` or `/apps/{provider}/{app}/shared/{user}/…`: only that user may announce it. */
export const ownerOf = (path: string): string | null => /^(?:\/apps\/[^/]+\/[^/]+)?\/shared\/([^/]+)\/./.exec(path)?.[1] ?? null

/**
 * Files in the order in which the hub learnt of them, once for everybody and once per user, so that a listing touches only
 * what it returns. A line is stale when its file has changed since, or may no longer be read.
 */
class ChangeLog {
  #lines: Line[] = []
  #compactAt = 256

  add(file: IndexedFile): void {
    const line = { since: file.since, file }
    if (this.#lines.length === 0 || this.#lines.at(-1)!.since <= file.since) this.#lines.push(line)
    else this.#lines.splice(this.#firstAbove(file.since), 0, line)
    if (this.#lines.length >= this.#compactAt) {
      this.#lines = this.#lines.filter(({ since, file }) => file.since === since)
      this.#compactAt = Math.max(256, 2 * this.#lines.length)
    }
  }

  *between(since: number, upTo: number): Iterable<IndexedFile> {
    if (Number.isNaN(since)) return
    for (let at = this.#firstAbove(since); at < this.#lines.length; at++) {
      const line = this.#lines[at]!
      if (line.since > upTo) return
      if (line.file.since === line.since) yield line.file
    }
  }

  #firstAbove(since: number): number {
    let low = 0
    let high = this.#lines.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#lines[middle]!.since > since) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** The hub's index of files and rights. */
export class FileIndex {
  readonly #files = new Map<string, IndexedFile>()
  /** Folder with rights of its own → who may read below it. */
  readonly #rights = new Map<string, ReadonlySet<string>>()
  readonly #below = new Map<string, Set<IndexedFile>>()
  readonly #open = new ChangeLog()
  readonly #logs = new Map<string, ChangeLog>()
  readonly times = new DirTimes()

  get size(): number {
    return this.#files.size
  }

  get(path: string): IndexedFile | undefined {
    return this.#files.get(path)
  }

  all(): Iterable<IndexedFile> {
    return this.#files.values()
  }

  mayRead(user: string, file: IndexedFile): boolean {
    return file.readers === null || file.owner === user || file.readers.has(user)
  }

  /** A file that is new, or a new version of it. */
  put(path: string, owner: string, version: { hash: string; size: number; time: number }, since: number): IndexedFile {
    let file = this.#files.get(path)
    if (file) {
      Object.assign(file, version, { since })
      file.sources.clear()
    } else {
      file = { path, owner, ...version, since, sources: new Set(), readers: this.#readersOf(path) }
      this.#files.set(path, file)
      for (const folder of foldersOf(path)) {
        const below = this.#below.get(folder)
        if (below) below.add(file)
        else this.#below.set(folder, new Set([file]))
      }
      this.times.add(path)
    }
    this.#log(file)
    return file
  }

  /** The same version under a new hub time. */
  touch(file: IndexedFile, since: number): void {
    file.since = since
    this.#log(file)
  }

  /** Files keep their older `since` for those who may read them from now on. */
  setRights(folder: string, users: readonly string[]): void {
    this.#rights.set(folder, new Set(users))
    for (const file of this.#below.get(folder) ?? []) {
      const before = file.readers
      file.readers = this.#readersOf(file.path)
      for (const user of file.readers ?? []) if (!before?.has(user) && user !== file.owner) this.#logOf(user).add(file)
    }
  }

  /** What this user may see with `since < file.since <= upTo`, in order of `since`. */
  *changes(user: string, since: number, upTo: number): Iterable<IndexedFile> {
    const open = this.#open.between(since, upTo)
    const own = this.#logs.get(user)
    if (!own) return yield* open
    const closed: IndexedFile[] = []
    for (const file of own.between(since, upTo)) if (file.readers !== null && this.mayRead(user, file)) closed.push(file)
    let next = 0
    for (const file of open) {
      while (next < closed.length && closed[next]!.since <= file.since) yield closed[next++]!
      yield file
    }
    while (next < closed.length) yield closed[next++]!
  }

  hasChanges(user: string, since: number): boolean {
    for (const _ of this.changes(user, since, Number.POSITIVE_INFINITY)) return true
    return false
  }

  #log(file: IndexedFile): void {
    if (file.readers === null) {
      this.#open.add(file)
      return
    }
    this.#logOf(file.owner).add(file)
    for (const user of file.readers) if (user !== file.owner) this.#logOf(user).add(file)
  }

  #logOf(user: string): ChangeLog {
    let log = this.#logs.get(user)
    if (!log) {
      log = new ChangeLog()
      this.#logs.set(user, log)
    }
    return log
  }

  #readersOf(path: string): ReadonlySet<string> | null {
    const publish = PUBLISH.exec(path)?.[0]
    if (publish === undefined) return null
    if (path.startsWith(`${publish}/files/`)) return null
    for (const folder of foldersOf(path)) {
      const users = this.#rights.get(folder)
      if (users) return users
    }
    return NOBODY
  }
}

/** The folders of a path below `publish`, the nearest first. */
function foldersOf(path: string): readonly string[] {
  const publish = PUBLISH.exec(path)?.[0]
  if (publish === undefined) return []
  const folders: string[] = []
  for (let end = path.lastIndexOf('/'); end > publish.length; end = path.lastIndexOf('/', end - 1)) folders.push(path.slice(0, end))
  return folders
}
