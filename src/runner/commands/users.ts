import type { Action, Decision } from '../../domain/decision.ts'
import { parseChat, type UserName } from '../../domain/ids.ts'
import { decide, matchesAllowFrom } from '../../domain/policy.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import { shownName } from '../../domain/shown.ts'
import { askMesh } from '../ask-mesh.ts'
import { atRestOf } from '../at-rest.ts'
import { ask, type BotOptions } from '../control/ask.ts'
import { CHATS_MAX, type KeptChat, type Paired } from '../control/protocol.ts'
import { plain, print, printJson, printRows } from '../output.ts'
import { keptChats, stamp } from './chats.ts'

type User = {
  readonly account: string
  readonly user: UserName
  /** Null: the mesh did not say. */
  readonly online: boolean | null
  readonly action: Action
  readonly detail: string
  /** When their newest message was decided, ms; null when there was none. */
  readonly lastAtMs: number | null
}

/** Who is on the mesh, or was heard of, and who of them is answered. Returns 1 when the mesh could not be asked. */
export async function users(options: BotOptions): Promise<number> {
  const atRest = await atRestOf(options)
  const { result: paired } = await ask(options, { do: 'pairing.approved', account: options.account ?? null })
  const { chats } = await keptChats(options, CHATS_MAX)
  const asked = await Promise.all(
    atRest.accounts.map(async settings => {
      const online = await askMesh(settings, agent => agent.users())
      return { found: usersOf(settings, { online, paired, chats }), isWhole: online !== null }
    }),
  )
  const found = asked.flatMap(each => each.found)
  if (options.json) for (const user of found) printJson(user)
  else show(found)
  return asked.every(each => each.isWhole) ? 0 : 1
}

type Known = { readonly online: readonly UserName[] | null; readonly paired: readonly Paired[]; readonly chats: readonly KeptChat[] }

function usersOf(settings: AccountSettings, { online, paired, chats }: Known): readonly User[] {
  const mine = <T extends { readonly account: string }>(all: readonly T[]) => all.filter(({ account }) => account === settings.id)
  const approved = new Set(mine(paired).map(({ user }) => user))
  const wrote = new Map(
    mine(chats).flatMap(({ chat, lastAtMs }) => {
      const place = parseChat(chat)
      return place.kind === 'peer' ? [[place.peer, lastAtMs] as const] : []
    }),
  )
  const names = new Set([...(online ?? []), ...wrote.keys(), ...approved])
  names.delete(settings.username)
  return [...names].sort().map(user => {
    const { action, detail } = decisionOn(user, settings, approved)
    return { account: settings.id, user, online: online?.includes(user) ?? null, action, detail, lastAtMs: wrote.get(user) ?? null }
  })
}

/** What a direct message of this user would lead to now. */
function decisionOn(sender: UserName, { dmPolicy: policy, allowFrom }: AccountSettings, approved: ReadonlySet<UserName>): Decision {
  const listed = matchesAllowFrom(sender, allowFrom)
  return decide({ gate: null, looping: false, conversation: { kind: 'direct', sender, policy, listed, paired: approved.has(sender) } })
}

const ANSWERED: Readonly<Record<Action, string>> = { process: 'yes', ignore: 'no', pairing: 'after pairing' }

function show(found: readonly User[]): void {
  if (found.length === 0) print('Nobody is known.')
  if (found.length === 0) return
  const hasSeveral = new Set(found.map(({ account }) => account)).size > 1
  const rows = found.map(({ account, user, online, action, detail, lastAtMs }) => [
    shownName(user),
    ...(hasSeveral ? [account] : []),
    online === null ? '?' : online ? 'yes' : 'no',
    ANSWERED[action],
    stamp(lastAtMs),
    plain(detail),
  ])
  printRows(['USER', ...(hasSeveral ? ['ACCOUNT'] : []), 'ONLINE', 'ANSWERED', 'LAST', 'WHY'], rows)
}
