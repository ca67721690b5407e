/** One readable line for each event; texts of messages are never part of an event, and so of no line. */
import type { ChatId } from '../domain/ids.ts'
import { shownChat, shownName } from '../domain/shown.ts'
import type { RuntimeEvent } from '../runtime/runtime.ts'
import { colours, plain } from './output.ts'
import { type Place, typed } from './typed.ts'

const time = (atMs: number): string => colours.dim(new Date(atMs).toTimeString().slice(0, 8))
const where = (account: string, chat?: ChatId): string =>
  colours.dim(chat === undefined ? plain(account) : `${plain(account)} ${shownChat(chat)}`)

const ACTIONS = { process: colours.green('process'), ignore: colours.yellow('ignore'), pairing: colours.magenta('pairing') } as const

const STATES: Readonly<Record<string, (text: string) => string>> = {
  live: colours.green,
  degraded: colours.yellow,
  blocked: colours.red,
}

/** Null: not worth a line. */
export function eventLine(event: RuntimeEvent, bot: Place): string | null {
  const said = sentenceOf(event, bot)
  return said === null ? null : `${time(event.atMs)}  ${where(event.account, 'chat' in event ? event.chat : undefined)}  ${said}`
}

function sentenceOf(event: RuntimeEvent, bot: Place): string | null {
  switch (event.event) {
    case 'state': {
      const state = (STATES[event.state] ?? colours.dim)(event.state)
      // A stop keeps the reason of what was before it.
      const isTroubled = event.state === 'degraded' || event.state === 'blocked'
      return isTroubled && event.reason !== null ? `${state}: ${plain(event.reason)}` : state
    }
    case 'live':
      // The state has just been told.
      return null
    case 'decision':
      return `${shownName(event.sender)} wrote ${short(event.id)}: ${ACTIONS[event.action]}, ${event.reason} ${colours.dim(`(${plain(event.detail)})`)}`
    case 'dispatch':
      return `asks the responder about ${short(event.id)}${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`
    case 'posted':
      return `posts reply ${short(event.key)}`
    case 'uncertain':
      return colours.yellow(`nobody can tell whether reply ${short(event.key)} is on the mesh; it is looked for`)
    case 'sent':
      return colours.green(`reply ${short(event.key)} is on the mesh`)
    case 'dead-letter':
      return `${colours.red('dead letter')} ${short(event.id)}: ${plain(event.reason)} ${colours.dim(plain(`(kept: ${typed('deadletter list', bot)})`))}`
    case 'pairing':
      return pairingLine(event, bot)
    default:
      return event satisfies never
  }
}

function pairingLine({ state, user, code }: Extract<RuntimeEvent, { event: 'pairing' }>, bot: Place): string {
  const name = shownName(user)
  if (state !== 'pending') return `pairing of ${name}: ${state}`
  return `${name} asks to be let in: ${colours.bold(plain(typed(`pairing approve ${code}`, bot)))}`
}

/** Ids are 24 digits long; the first eight tell them apart for the eye. */
const short = (id: string): string => {
  const [message = '', part] = plain(id).split('#')
  const name = /^[0-9a-f]{24}$/.test(message) ? message.slice(0, 8) : message
  return part === undefined || part === '0' ? name : `${name}#${part}`
}
