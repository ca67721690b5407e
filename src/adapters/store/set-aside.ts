import type { Disk } from '../../ports/disk.ts'

export const DAMAGED_FOLDER = 'damaged'

export interface SetAside {
  /** Moves the file to `damaged/`; resolves to its new path. */
  move(path: string): Promise<string>
  /** Keeps a copy in `damaged/`: the file itself is about to be rewritten. */
  copy(path: string, data: Uint8Array): Promise<string>
}

/** What is damaged is kept for whoever can make something of it, and is out of the way. */
export function createSetAside(disk: Disk): SetAside {
  const free = async (path: string): Promise<string> => {
    await disk.makeFolder(DAMAGED_FOLDER)
    const used = new Set(await disk.list(DAMAGED_FOLDER))
    const name = path.slice(path.lastIndexOf('/') + 1)
    let count = 1
    while (used.has(`${name}-${count}`)) count++
    return `${DAMAGED_FOLDER}/${name}-${count}`
  }
  return {
    async move(path) {
      const to = await free(path)
      await disk.rename(path, to)
      await disk.syncFolder(DAMAGED_FOLDER)
      return to
    },
    async copy(path, data) {
      const to = await free(path)
      await disk.write(`${to}.tmp`, data)
      await disk.rename(`${to}.tmp`, to)
      await disk.syncFolder(DAMAGED_FOLDER)
      return to
    },
  }
}
