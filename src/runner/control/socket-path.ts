import { createHash } from 'node:crypto'
import { chmod, lstat, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { makeFolders } from '../../adapters/store/make-folders.ts'
import { StoreUnusable } from '../../domain/errors.ts'

/** Systems take 103 to 107 bytes. */
const PATH_BYTES_MAX = 100

/**
 * The control socket of a state directory: in it, or, where that makes too long a path, in a folder of this user's under the
 * system's temporary one. Both sides find the same place. The state directory must exist.
 */
export async function controlSocketPath(stateDir: string): Promise<string> {
  const folder = resolve(stateDir)
  const path = join(folder, 'control.sock')
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return path
  const short = join(tmpdir(), `ztm-chat-${process.getuid?.() ?? 0}`)
  await makeFolders(short)
  const found = await lstat(short)
  if (!found.isDirectory() || (process.getuid && found.uid !== process.getuid())) {
    throw new StoreUnusable(`${short} does not belong to this user; remove it, or use a --state-dir with a shorter path.`, false)
  }
  await chmod(short, 0o700)
  const name = createHash('sha256')
    .update(await realpath(folder))
    .digest('hex')
    .slice(0, 24)
  return join(short, `${name}.sock`)
}
