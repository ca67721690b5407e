import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'

/** Not the package's own command: that is a process in front of it, and does not take it along when it is killed. */
export function engineBinary(): string {
  const require = createRequire(import.meta.url)
  const command = require.resolve('@restatedev/restate-server/package.json')
  return createRequire(command).resolve(`@restatedev/restate-server-${platform()}-${arch()}/bin/restate-server`)
}
