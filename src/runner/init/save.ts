import { constants } from 'node:fs'
import { copyFile, rename, rm, writeFile } from 'node:fs/promises'
import { ConfigInvalid } from '../../domain/errors.ts'

/** A permitUrl may hold a token. */
const FILE_MODE = 0o600
const COPIES_MAX = 1_000

/**
 * Writes the file, whole or not at all. With `replaces` one that is there is kept under another name, which is returned;
 * without it one that is there, or has come meanwhile, stays. @throws {ConfigInvalid}
 */
export async function saveConfig(path: string, text: string, { replaces }: { readonly replaces: boolean }): Promise<string | null> {
  try {
    if (!replaces) {
      await writeFile(path, text, { mode: FILE_MODE, flag: 'wx' })
      return null
    }
    const kept = await keepCopy(path)
    const fresh = `${path}.${process.pid}.tmp`
    await writeFile(fresh, text, { mode: FILE_MODE, flag: 'wx' })
    await rename(fresh, path).catch(async cause => {
      await rm(fresh, { force: true })
      throw cause
    })
    return kept
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw new ConfigInvalid([`${path} cannot be written (${REASONS[code] ?? code}); name another file with --config.`])
  }
}

/** `bot.json5.bak`, or `bot.json5.bak2` and so on: no copy of before is lost either. */
async function keepCopy(path: string): Promise<string> {
  for (let count = 1; count <= COPIES_MAX; count++) {
    const copy = `${path}.bak${count === 1 ? '' : count}`
    try {
      await copyFile(path, copy, constants.COPYFILE_EXCL)
      return copy
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
    }
  }
  throw new Error(`there are ${COPIES_MAX} copies of it`)
}

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'it has been made by somebody else meanwhile',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is a file',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the disk is read-only',
  ENOSPC: 'there is no room left on the disk',
}
