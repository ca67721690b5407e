import type { MessageId, UserName } from '../domain/ids.ts'
import type { Limits } from '../domain/limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'

export type Membership = 'member' | 'outsider' | 'unknown'

/** A fresh look for a sender who is not in the list, or after one that failed: at most one in this time and group. */
const LOOK_AGAIN_MS = 2_000
/** Messages of one group whose waiting time is kept. */
const HELD_MAX = 1_000

/**
 * Who is in a group at present. A removed member is not told and can go on posting, so the list is never trusted for long;
 * while it cannot be learnt, messages are held (the fetch fails and is tried again), and at last decided without it.
 */
export interface Memberships {
  /** The creator needs no list. @throws MembershipPending while it cannot be learnt and this message has not waited its time. */
  of(creator: UserName, group: string, message: { sender: UserName; id: MessageId }, signal?: AbortSignal): Promise<Membership>
  /** These wait behind one that is held: their time runs, too. */
  hold(creator: UserName, group: string, ids: readonly MessageId[]): void
}

export class MembershipPending extends Error {
  constructor(creator: UserName, group: string) {
    super(`The member list of group ${creator}/${group} cannot be learnt at present; its messages wait.`)
  }
}

type Known = { readonly members: readonly UserName[]; readonly atMs: number }
type Group = { list: Known | null; lookedAtMs: number; readonly heldSinceMs: Map<MessageId, number> }

export function createMemberships(agent: Pick<ZtmAgent, 'group'>, clock: Clock, limits: Limits): Memberships {
  const groups = new Map<string, Group>()

  const groupOf = (creator: UserName, group: string): Group => {
    const key = `${creator}/${group}`
    const known = groups.get(key) ?? { list: null, lookedAtMs: Number.NEGATIVE_INFINITY, heldSinceMs: new Map() }
    groups.set(key, known)
    return known
  }
  const isIn = (sender: UserName, list: Known) => list.members.includes(sender)
  const ageMs = (atMs: number) => clock.monotonic() - atMs

  /** The list, as fresh as this sender needs it; null when it cannot be learnt. */
  const learn = async (creator: UserName, group: string, sender: UserName, signal?: AbortSignal): Promise<Known | null> => {
    const known = groupOf(creator, group)
    const { list } = known
    if (list && ageMs(list.atMs) < (isIn(sender, list) ? limits.membershipFreshMs : LOOK_AGAIN_MS)) return list
    if (ageMs(known.lookedAtMs) < LOOK_AGAIN_MS) return null
    known.lookedAtMs = clock.monotonic()
    const info = await agent.group(creator, group, signal).catch(() => null)
    if (!info) return null
    known.list = { members: info.members, atMs: clock.monotonic() }
    known.lookedAtMs = Number.NEGATIVE_INFINITY
    known.heldSinceMs.clear()
    return known.list
  }

  const hold = (creator: UserName, group: string, ids: readonly MessageId[]) => {
    const { heldSinceMs } = groupOf(creator, group)
    for (const id of ids) if (!heldSinceMs.has(id) && heldSinceMs.size < HELD_MAX) heldSinceMs.set(id, clock.monotonic())
  }

  return {
    async of(creator, group, { sender, id }, signal) {
      if (sender === creator) return 'member'
      const list = await learn(creator, group, sender, signal)
      if (list) return isIn(sender, list) ? 'member' : 'outsider'
      hold(creator, group, [id])
      const { heldSinceMs } = groupOf(creator, group)
      if (ageMs(heldSinceMs.get(id) ?? clock.monotonic()) < limits.membershipHoldMs) throw new MembershipPending(creator, group)
      heldSinceMs.delete(id)
      return 'unknown'
    },
    hold,
  }
}
