import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Of the package; its folder is nearer for the source than for what was built from it. */
export function version(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      if (name === 'openclaw-ztm-chat') return String(version)
    } catch {
      // Not in this folder.
    }
    if (folder === dirname(folder)) return 'unknown'
  }
}
