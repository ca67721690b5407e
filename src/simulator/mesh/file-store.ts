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

/** An agent's own files of one mesh, on its disk: they outlive a kill. */
export class FileStore {
  readonly #files = new Map<string, StoredFile>()
  readonly times = new DirTimes()

  get size(): number {
    return this.#files.size
  }

  get(path: string): StoredFile | undefined {
    return this.#files.get(path)
  }

  put(path: string, bytes: Uint8Array | null, time: number): StoredFile {
    const file = { path, hash: fileHash(path, bytes), size: bytes === null ? -1 : bytes.length, time, bytes }
    this.#files.set(path, file)
    if (bytes !== null) this.times.add(path)
    return file
  }

  remove(path: string): boolean {
    return this.#files.delete(path)
  }

  paths(): Iterable<string> {
    return this.#files.keys()
  }
}
