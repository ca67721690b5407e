import type { UserName } from '../domain/ids.ts'
import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'

export type Membership = { readonly membership: 'member' | 'outsider' | 'unknown'; readonly groupName: string }

/** A fresh look for a sender who is not in the list: at most one in this time and group. */
const LOOK_AGAIN_MS = 2_000

/**
 * Who is in a group at present. A removed member is not told and can go on posting, so the list is never trusted for long;
 * while it cannot be learnt, messages are held (the fetch fails and is tried again), and at last decided without it.
 */
export interface Memberships {
  /** @throws MembershipPending while it cannot be learnt and the hold is not over. */
  of(creator: UserName, group: string, sender: UserName, signal?: AbortSignal): Promise<Membership>
}

export class MembershipPending extends Error {
  constructor(creator: UserName, group: string) {
    super(`The member list of group ${creator}/${group} cannot be learnt at present; its messages wait.`)
  }
}

type Known = { members: readonly UserName[]; name: string; atMs: number }

export function createMemberships(agent: ZtmAgent, clock: Clock, limits: Limits): Memberships {
  const known = new Map<string, Known>()
  const heldSinceMs = new Map<string, number>()

  const look = async (creator: UserName, group: string, signal?: AbortSignal): Promise<Known | null> => {
    const info = await agent.group(creator, group, signal).catch(() => null)
    if (!info) return null
    const fresh = { members: info.members, name: info.name, atMs: clock.monotonic() }
    known.set(`${creator}/${group}`, fresh)
    heldSinceMs.delete(`${creator}/${group}`)
    return fresh
  }

  return {
    async of(creator, group, sender, signal) {
      const key = `${creator}/${group}`
      const cached = known.get(key)
      const ageMs = cached ? clock.monotonic() - cached.atMs : Number.POSITIVE_INFINITY
      const isMember = (list: Known) => sender === creator || list.members.includes(sender)
      const enough = cached && ageMs < (isMember(cached) ? limits.membershipFreshMs : LOOK_AGAIN_MS)
      const list = enough ? cached : await look(creator, group, signal)
      if (list) return { membership: isMember(list) ? 'member' : 'outsider', groupName: list.name }
      const sinceMs = heldSinceMs.get(key) ?? clock.monotonic()
      heldSinceMs.set(key, sinceMs)
      if (clock.monotonic() - sinceMs < limits.membershipHoldMs) throw new MembershipPending(creator, group)
      return { membership: sender === creator ? 'member' : 'unknown', groupName: cached?.name ?? group }
    },
  }
}
