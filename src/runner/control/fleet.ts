/** The commands of the control socket, carried out on a fleet: looked up in Restate's tables, done by its objects. */
import { createUndiciTransport } from '../../adapters/ztm/undici-transport.ts'
import type { Move } from '../../cluster/contracts.ts'
import { createEngine, EngineAway, EngineRefused, ServicesUnknown } from '../../cluster/engine.ts'
import { accountsAt } from '../../cluster/feeder-accounts.ts'
import { keyIn } from '../../cluster/keys.ts'
import { areServicesKnown, chatsOf, feedersOf, livesIn, moveOf, peopleOf, type Stuck, stuckOf } from '../../cluster/look.ts'
import { openTables } from '../../cluster/tables.ts'
import type { ChatId, ReplyKey, UserName } from '../../domain/ids.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import { type Look, lookInto, type Settlement } from '../../runtime/by-hand.ts'
import type { AccountStatus } from '../../runtime/runtime.ts'
import { postsOf } from '../offline-state.ts'
import { counted } from '../output.ts'
import { newestChats, newestOf } from './chats.ts'
import { lettersOf } from './letters.ts'
import { notPaired, pairedOf } from './paired.ts'
import {
  type BotControl,
  type BotRequest,
  type BotResults,
  ControlRefused,
  ControlSilent,
  type Explained,
  type FleetAccountStatus,
  type FleetStatus,
  type KeptChats,
  type KeptLetter,
  type Paired,
  type PairingEnd,
  type Taken,
  type WantedLives,
} from './protocol.ts'
import { findRecipient } from './recipient.ts'
import { unknownCode } from './service.ts'

export type Fleet = {
  readonly admin: string
  readonly ingress: string
  /** That the gate of both asks for; null: there is none. */
  readonly token: string | null
  /** Shared with feeders, which say how their accounts are to whoever has it; null: they are not asked. */
  readonly secret: string | null
  readonly accounts: readonly AccountSettings[]
  /** The account of a send that names none. */
  readonly sender: AccountSettings
}

/** Accounts that are not enabled are no part of a fleet: such a one is asked about by its name alone. */
export async function withFleet<T>(
  { admin, ingress, token, secret, accounts, sender }: Fleet,
  use: (control: BotControl) => Promise<T>,
): Promise<T> {
  const tables = openTables(admin, token)
  const engine = createEngine(ingress, token)
  const transport = createUndiciTransport()

  const call = async <Out>(...[service, key, handler, input]: readonly [string, string, string, unknown]): Promise<Out> => {
    try {
      return (await engine.call([service, key, handler], input)) as Out
    } catch (error) {
      if (error instanceof EngineAway)
        throw new ControlSilent(`${error.message}; is Restate running, with a service of the fleet, and is that its ingress?`, {
          cause: error,
        })
      if (error instanceof EngineRefused && error.status === 409) throw new Elsewhere(error.reason, { cause: error })
      if (error instanceof EngineRefused) throw new ControlRefused(refusal(error, ingress), { cause: error })
      throw error
    }
  }
  const chosen = (account: string | null): readonly AccountSettings[] =>
    accounts.filter(({ id, enabled }) => (account === null ? enabled : id === account.toLowerCase()))
  /** Each account with some of its chats, one after the other. */
  async function* chats(account: string | null) {
    for (const settings of chosen(account))
      for await (const registry of chatsOf(tables, settings)) yield { id: settings.id, registry, ...lookInto(registry) }
  }
  async function* people(account: string | null): AsyncGenerator<Look & { readonly id: string }> {
    for (const settings of chosen(account))
      for await (const registry of peopleOf(tables, settings)) yield { id: settings.id, ...lookInto(registry) }
  }

  const status = async (account: string | null): Promise<FleetStatus> => {
    const { members, holders } = await feedersOf(tables)
    const stuck = await stuckOf(tables)
    const untold = (await areServicesKnown(tables)) ? [] : [NO_SERVICES]
    const addresses = members.map(({ address }) => address).sort()
    const said = secret === null ? NOTHING_SAID : await accountsAt(addresses, secret, transport)
    const warningsOf = (id: string | null) => stuck.filter(one => one.account === id).map(told)
    const found: FleetAccountStatus[] = []
    for (const { id } of chosen(account)) {
      const sum = { chats: 0, outbox: 0, uncertain: 0, deadLetters: 0, pendingPairings: 0 }
      for await (const { registry, deadLetters } of chats(id)) {
        const posts = postsOf(registry)
        sum.chats += registry.chats.size
        sum.outbox += posts.length
        sum.uncertain += posts.filter(post => post.phase === 'uncertain').length
        sum.deadLetters += deadLetters().length
      }
      for await (const { pairings } of people(id)) sum.pendingPairings += pairings().length
      const { state = null, sinceMs = null, reason = null, warnings = [] } = said.accounts.get(id) ?? {}
      const feeder = holders.get(id)?.address ?? null
      const moved = whereabouts(await moveOf(tables, id))
      found.push({ account: id, ...sum, feeder, state, sinceMs, reason, warnings: [...moved, ...warnings, ...warningsOf(id)] })
    }
    const known = new Set(found.map(one => one.account))
    const others = stuck.filter(one => one.account === null || (account === null && !known.has(one.account)))
    return { fleet: admin, feeders: addresses, warnings: [...untold, ...said.troubles, ...others.map(told)], accounts: found }
  }
  const newest = async (account: string | null, last: number): Promise<KeptChats> => {
    let found: KeptChats = { total: 0, chats: [] }
    for await (const some of chats(account)) found = newestOf([found, await newestChats([some], last)], last)
    return found
  }
  const letters = async (account: string | null): Promise<readonly KeptLetter[]> => {
    const found: KeptLetter[] = []
    for await (const some of chats(account)) found.push(...lettersOf(some))
    return found
  }
  /** In the given order: what is tried again is tried in it. */
  const settle = async (account: string | null, how: Settlement, ids: readonly string[]): Promise<readonly KeptLetter[]> => {
    const kept = Map.groupBy(await letters(account), ({ id }) => id)
    const settled: KeptLetter[] = []
    for (const letter of ids.flatMap(id => kept.get(id) ?? [])) {
      // Somebody else may have dealt with it meanwhile.
      if (await call('chat', keyIn(letter.account, letter.chat), 'settle', { id: letter.id, how })) settled.push(letter)
    }
    return settled
  }
  /** Whom it is about, of each account that has such a one. An account that is elsewhere keeps the word from no other. */
  async function* hearing(account: string | null, handler: 'approve' | 'reject' | 'revoke', word: object): AsyncGenerator<Paired> {
    let isHeard = false
    let elsewhere: Elsewhere | null = null
    for (const { id } of chosen(account)) {
      try {
        const { user } = await call<{ user: UserName | null }>('account', id, handler, word)
        if (user === null) continue
        isHeard = true
        yield { account: id, user }
      } catch (error) {
        if (!(error instanceof Elsewhere)) throw error
        elsewhere ??= error
      }
    }
    if (elsewhere !== null && !isHeard) throw elsewhere
  }
  const end = async (account: string | null, code: string, how: 'approve' | 'reject'): Promise<PairingEnd> => {
    for await (const found of hearing(account, how, { code })) return found
    throw new ControlRefused(unknownCode(code, 'fleet'))
  }
  const approved = async (account: string | null): Promise<readonly Paired[]> => {
    const found: Paired[] = []
    for await (const some of people(account)) found.push(...pairedOf(some))
    return found
  }
  const revoke = async (account: string | null, user: string): Promise<readonly Paired[]> => {
    const revoked: Paired[] = []
    for await (const found of hearing(account, 'revoke', { user })) revoked.push(found)
    if (revoked.length === 0) throw new ControlRefused(notPaired(user))
    return revoked
  }
  const explain = async (account: string | null, wanted: WantedLives): Promise<readonly Explained[]> => {
    const found: Explained[] = []
    for (const settings of chosen(account))
      found.push(...(await livesIn(tables, settings, wanted)).map(life => ({ account: settings.id, ...life })))
    return found
  }
  const send = async ({ chat, text, key, files }: Extract<BotRequest, { do: 'send' }>): Promise<Taken> => {
    if ((await tables.chats(sender.id, [keyIn(sender.id, chat)]).next()).done) {
      const known = new Set<ChatId>()
      const prefix = keyIn(sender.id, '')
      for await (const key of tables.chats(sender.id)) known.add(key.slice(prefix.length) as ChatId)
      await findRecipient(sender, { chats: known, approved: new Set((await approved(sender.id)).map(({ user }) => user)) }, chat)
    }
    const sent = await call<{ keys: readonly ReplyKey[]; repeated: boolean } | { refused: string }>(
      'chat',
      keyIn(sender.id, chat),
      'send',
      {
        text,
        key,
        files,
      },
    )
    if ('refused' in sent) throw new ControlRefused(sent.refused)
    return { account: sender.id, ...sent }
  }
  const carryOut = async (request: BotRequest): Promise<BotResults[BotRequest['do']]> => {
    switch (request.do) {
      case 'status':
        return status(request.account)
      case 'pairing.list': {
        const found: BotResults['pairing.list'][number][] = []
        for await (const { id, pairings } of people(request.account)) found.push(...pairings().map(one => ({ account: id, ...one })))
        return found
      }
      case 'pairing.approve':
        return end(request.account, request.code, 'approve')
      case 'pairing.reject':
        return end(request.account, request.code, 'reject')
      case 'pairing.approved':
        return approved(request.account)
      case 'pairing.revoke':
        return revoke(request.account, request.user)
      case 'chats':
        return newest(request.account, request.last)
      case 'deadletter.list':
        return letters(request.account)
      case 'deadletter.retry':
        return settle(request.account, 'retry', request.ids)
      case 'deadletter.drop':
        return settle(request.account, 'drop', request.ids)
      case 'explain':
        return explain(request.account, request.wanted)
      case 'send':
        return send(request)
      default:
        return request satisfies never
    }
  }
  try {
    return await use(
      async <Name extends BotRequest['do']>(request: Extract<BotRequest, { do: Name }>) => (await carryOut(request)) as BotResults[Name],
    )
  } finally {
    await tables.close()
    await engine.close()
    await transport.close()
  }
}

/** What was asked about is not in the fleet, or not all of it, as its object says. */
class Elsewhere extends ControlRefused {}

/** Why no feeder gets it. */
function whereabouts(move: Move | null): readonly string[] {
  if (move?.way === 'out' && move.isOver) return ['It was moved out of the fleet into a state directory, and no feeder gets it.']
  if (move === null || move.isOver) return []
  const way = move.way === 'out' ? 'export' : 'import'
  return [`Its ${way} has not come to its end, and no feeder gets it; repeat the same command.`]
}

const NO_SERVICES = 'Restate has been told of no services; start ztm-chat serve with --admin.'

/** Of a service, which knows why; or of whatever listens there. */
function refusal(error: EngineRefused, ingress: string): string {
  const { message, reason } = error
  if (error instanceof ServicesUnknown) return message
  return message === reason
    ? `${message}; is that the ingress of Restate, and the config that of the fleet?`
    : `The fleet at ${ingress} refuses: ${reason}`
}

const NOTHING_SAID = { accounts: new Map<string, AccountStatus>(), troubles: [] }

const told = ({ target, tries, reason }: Stuck): string => `${target} was tried ${counted(tries, 'time')}: ${firstLine(reason)}`

const REASON_CHARACTERS = 300
const firstLine = (text: string): string => (text.split('\n')[0] ?? '').slice(0, REASON_CHARACTERS)
