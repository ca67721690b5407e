import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Where a user's state lives when nobody says otherwise. A relative `XDG_STATE_HOME` is invalid by its own rules, and ignored. */
export function defaultStateDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const home = env['XDG_STATE_HOME'] ?? ''
  return join(isAbsolute(home) ? home : join(homedir(), '.local', 'state'), 'ztm-chat')
}
