import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Slot = { readonly slot: string; readonly isGiven: boolean; readonly shownBy: string }

/** The table of docs/openclaw.md. */
export function slotTable(): readonly Slot[] {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'openclaw.md'), 'utf8')
  const [, table = ''] = /<!-- slots -->\n([\s\S]*?)<!-- \/slots -->/.exec(text) ?? []
  return [...table.matchAll(/^\| `(\w+)` \| (.*?) \| (.*?) ?\|$/gm)].map(([, slot = '', here = '', shownBy = '']) => ({
    slot,
    isGiven: !/^no\b/.test(here),
    shownBy,
  }))
}
