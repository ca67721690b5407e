import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disk, DiskFile } from '../../ports/disk.ts'
import { makeFolders } from './make-folders.ts'

const FILE_MODE = 0o600
/** Windows has no such flag, and no folder that can be synced. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0
const canSyncFolders = process.platform !== 'win32'

/** The files below `root`. What is no plain file or folder below it, such as a link to somewhere else, is refused. */
export function createNodeDisk(root: string): Disk {
  const openFile = async (path: string, flags: number): Promise<FileHandle> => open(await inside(root, path), flags | NO_FOLLOW, FILE_MODE)

  return {
    async list(folder) {
      const found = await unlessMissing(readdir(await inside(root, folder), { withFileTypes: true }))
      return (found ?? [])
        .filter(entry => entry.isFile())
        .map(entry => entry.name)
        .sort()
    },
    async read(path) {
      const file = await unlessMissing(openFile(path, constants.O_RDONLY))
      return file && closing(file, () => file.readFile())
    },
    async makeFolder(folder) {
      await makeFolders(await inside(root, folder))
    },
    async append(path) {
      const file = await openFile(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT)
      try {
        return nodeFile(file, (await file.stat()).size)
      } catch (cause) {
        await file.close()
        throw cause
      }
    },
    async write(path, data) {
      const file = await openFile(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC)
      await closing(file, async () => {
        await file.writeFile(data)
        await file.datasync()
      })
    },
    async rename(from, to) {
      await rename(await inside(root, from), await inside(root, to))
    },
    async remove(path) {
      await unlink(await inside(root, path))
    },
    async syncFolder(folder) {
      if (!canSyncFolders) return
      const handle = await open(await inside(root, folder), constants.O_RDONLY)
      await closing(handle, () => handle.sync())
    },
  }
}

function nodeFile(file: FileHandle, sizeAtStart: number): DiskFile {
  let size = sizeAtStart
  return {
    size: () => size,
    async write(data) {
      for (let written = 0; written < data.byteLength; ) written += (await file.write(data, written)).bytesWritten
      size += data.byteLength
    },
    sync: () => file.datasync(),
    async truncate(to) {
      await file.truncate(to)
      size = to
    },
    close: () => file.close(),
  }
}

/** The real path, once every step of it below the root is known not to be a link. */
async function inside(root: string, path: string): Promise<string> {
  if (path === '.') return root
  let at = root
  for (const step of path.split('/')) {
    if (step === '' || step === '.' || step === '..' || step.includes('\\') || step.includes('\0')) {
      throw refusal('EINVAL', path, 'does not stay inside the state directory')
    }
    at = join(at, step)
    const found = await unlessMissing(lstat(at))
    if (found && !found.isFile() && !found.isDirectory()) throw refusal('ELOOP', at, 'is a link or no plain file')
  }
  return at
}

const refusal = (code: string, path: string, why: string) => Object.assign(new Error(`${code}: ${path} ${why}.`), { code })

async function unlessMissing<T>(result: Promise<T>): Promise<T | null> {
  try {
    return await result
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null
    throw cause
  }
}

async function closing<T>(file: FileHandle, use: () => Promise<T>): Promise<T> {
  try {
    return await use()
  } finally {
    await file.close()
  }
}
