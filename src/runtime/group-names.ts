/** What groups are called. A help for who reads it, and no more: nothing is decided by it, and nobody waits long for it. */
import type { Limits } from '../domain/limits.ts'
import { displayName } from '../domain/shown.ts'
import type { Clock } from '../ports/clock.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'

/** The agent of a message that was just read is there, mostly. */
const WAIT_MS_MAX = 1_000
/** Of which names are kept; the group that was asked about longest ago is forgotten. */
const GROUPS_MAX = 1_000

export interface GroupNames {
  /** Printable and short; null when the agent does not tell, or has never told. */
  of(creator: string, group: string): Promise<string | null>
}

type Known = { readonly name: string | null; readonly atMs: number }

export function createGroupNames(
  agent: Pick<ZtmAgent, 'group'>,
  clock: Clock,
  { membershipFreshMs }: Pick<Limits, 'membershipFreshMs'>,
): GroupNames {
  const known = new Map<string, Known>()

  const ask = async (creator: string, group: string): Promise<string | null> => {
    const over = new AbortController()
    const cancel = clock.after(WAIT_MS_MAX, () => over.abort())
    try {
      return displayName((await agent.group(creator, group, over.signal))?.name ?? '')
    } catch {
      return null
    } finally {
      cancel()
    }
  }

  return {
    async of(creator, group) {
      const key = `${creator}/${group}`
      const before = known.get(key)
      if (before && clock.monotonic() - before.atMs < membershipFreshMs) return before.name
      const name = (await ask(creator, group)) ?? before?.name ?? null
      known.delete(key)
      known.set(key, { name, atMs: clock.monotonic() })
      const [oldest] = known.keys()
      if (known.size > GROUPS_MAX && oldest !== undefined) known.delete(oldest)
      return name
    },
  }
}
