import { DirTimes } from './dir-times.ts'
import { fileHash } from './hash.ts'

/** `time` is the clock of the agent that wrote it; `size` is -1 and `bytes` is null when it is deleted. */
export type StoredFile = {
  readonly path: string
  readonly hash: string
  readonly size: number
  readonly time: number
  readonly bytes: Uint8Array | null
}

/** Older versions of a file that an agent still serves to whoever asks for their hash. */
const VERSIONS_MAX = 32

/** An agent's own files of one mesh, on its disk: they outlive a kill. */
export class FileStore {
  readonly #files = new Map<string, StoredFile>()
  readonly #versions = new Map<string, StoredFile[]>()
  readonly times = new DirTimes()

  get size(): number {
    return this.#files.size
  }

  get(path: string): StoredFile | undefined {
    return this.#files.get(path)
  }

  put(path: string, bytes: Uint8Array | null, time: number): StoredFile {
    const file = { path, hash: fileHash(path, bytes), size: bytes === null ? -1 : bytes.length, time, bytes }
    const before = this.#files.get(path)
    if (before) this.#keep(before)
    this.#files.set(path, file)
    if (bytes !== null) this.times.add(path)
    return file
  }

  /** The bytes of this version, when they are still there: an agent keeps what it has overwritten. */
  version(path: string, hash: string): Uint8Array | null {
    const newest = this.#files.get(path)
    const file = newest?.hash === hash ? newest : this.#versions.get(path)?.findLast(older => older.hash === hash)
    return file?.bytes ?? null
  }

  #keep(file: StoredFile): void {
    const versions = this.#versions.get(file.path)
    if (!versions) this.#versions.set(file.path, [file])
    else if (versions.push(file) > VERSIONS_MAX) versions.shift()
  }

  remove(path: string): boolean {
    this.#versions.delete(path)
    return this.#files.delete(path)
  }

  paths(): Iterable<string> {
    return this.#files.keys()
  }
}
