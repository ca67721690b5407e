import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { codeOf } from './failures.ts'

const FOLDER_MODE = 0o700

/**
 * Makes the folder and the parents that it lacks, mode 0700. Node's own recursive `mkdir` tries for ever where a file system, such as
 * /proc, lets nobody make anything and says ENOENT for it.
 */
export async function makeFolders(path: string): Promise<void> {
  const folder = resolve(path)
  const parent = dirname(folder)
  try {
    await makeFolder(folder)
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT' || parent === folder) throw cause
    await makeFolders(parent)
    await makeFolder(folder)
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: FOLDER_MODE })
  } catch (cause) {
    const isThere = await stat(folder).then(
      found => found.isDirectory(),
      () => false,
    )
    if (!isThere) throw cause
  }
}
