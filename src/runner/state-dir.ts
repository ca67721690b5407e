import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, parse } from 'node:path'

/** Where a user's state lives when nobody says otherwise. A relative `XDG_STATE_HOME` is invalid by its own rules, and ignored. */
export function defaultStateDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const home = env['XDG_STATE_HOME'] ?? ''
  return join(isAbsolute(home) ? home : join(homedir(), '.local', 'state'), 'ztm-chat')
}

/** Why no state can be at this path, in one sentence; null when it can, or may once somebody makes it. */
export function stateDirFault(path: string): string | null {
  if (path === '') return '--state-dir is empty; expected the path of a folder.'
  try {
    if (!statSync(path).isDirectory()) return `The state directory ${path} is a file; name a folder with --state-dir.`
    accessSync(path, constants.R_OK | constants.X_OK)
    const folder = realpathSync(path)
    if (folder === parse(folder).root)
      return `The state directory ${path} is the root of the file system; name a folder of its own with --state-dir.`
    return null
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOTDIR') return `The state directory ${path} lies below a file; name a folder with --state-dir.`
    if (code === 'ELOOP') return `The state directory ${path} is a symbolic link that leads back to itself; name a folder with --state-dir.`
    if (code === 'EACCES')
      return `The state directory ${path} is out of this user's reach; run this as its owner, or name another with --state-dir.`
    return null
  }
}
