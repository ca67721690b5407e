import { shownChat, shownName } from '../../domain/shown.ts'
import type { Life, Moment } from '../../runtime/life.ts'
import { chatOf } from '../chat-name.ts'
import { ask, type BotOptions, fleetOf } from '../control/ask.ts'
import { ControlRefused, EXPLAINED_MAX, type Explained, type WantedLives } from '../control/protocol.ts'
import { colours, plain, print, printJson } from '../output.ts'
import { UsageError } from '../usage-error.ts'

export type ExplainOptions = BotOptions & { readonly chat?: string; readonly last: number }

/** Where there is a history. */
export const KEPT = 'decisions are kept for 7 days (limits.historyMs)'

const REMEDIES: Remedies = {
  id: `${KEPT}, and --state-dir says where they are looked for`,
  chat: '"ztm-chat chats" lists the chats that are',
}

const IN_FLEET: Remedies = {
  ...REMEDIES,
  id: 'a fleet keeps the newest decisions of each chat, and --admin says where they are looked for',
}

/** Why a message was answered or not, and what became of it. */
export async function explainMessage(id: string | undefined, options: ExplainOptions): Promise<number> {
  const wanted = wantedOf(id, options)
  const { result } = await ask(options, { do: 'explain', account: options.account ?? null, wanted })
  if (result.length === 0) throw new ControlRefused(nothingFor(wanted, fleetOf(options) === null ? REMEDIES : IN_FLEET))
  showLives(result, options.json)
  return 0
}

export function showLives(found: readonly Explained[], asJson: boolean): void {
  for (const [index, life] of found.entries()) {
    if (asJson) printJson(life)
    else {
      if (index > 0) print('')
      for (const line of describeLife(life)) print(line)
    }
  }
}

export function wantedOf(id: string | undefined, { chat, last }: Pick<ExplainOptions, 'chat' | 'last'>, program = 'ztm-chat'): WantedLives {
  if ((id === undefined) === (chat === undefined)) {
    throw new UsageError(`Say what to explain: "${program} explain MESSAGE-ID", or "${program} explain --chat alice --last 5".`)
  }
  if (chat !== undefined) return { chat: chatOf('--chat', chat), last: Math.min(last, EXPLAINED_MAX) }
  const start = (id ?? '').replace(/#\d+$/, '').toLowerCase()
  if (/^[0-9a-f]{4,24}$/.test(start)) return { id: start }
  throw new UsageError(`${JSON.stringify(id)} is no message id; expected its 24 hex digits, or the first of them, at least 4.`)
}

/** What to do about an id or a chat that is not known: the end of a sentence. */
export type Remedies = { readonly id: string; readonly chat: string }

export const nothingFor = (wanted: WantedLives, { id, chat }: Remedies): string =>
  'id' in wanted
    ? `No message with an id that begins with ${wanted.id} is known; ${id}.`
    : `Nothing is known of ${shownChat(wanted.chat)}; ${chat}.`

const { bold, dim, green, yellow, magenta, red } = colours
const ACTIONS = { process: green, ignore: yellow, pairing: magenta } as const

export function describeLife(life: Explained): readonly string[] {
  const { id, chat, sender, timeMs, text, decision, explanation, moments, account } = life
  const lines = [
    `${bold(id)}  ${dim(`${plain(account)} ${shownChat(chat)}`)}`,
    `  ${bold(sender === '' ? '(no name)' : shownName(sender))}${timeMs === null ? '' : ` at ${stamp(timeMs)} by their clock`}${text === null ? '' : `: ${plain(text)}`}`,
    '',
    `  ${ACTIONS[decision.action](explanation ? plain(explanation.sentence) : `${decision.action}: ${plain(decision.detail)}.`)}`,
    dim(`  ${decision.action} · ${decision.reason} · ${plain(decision.detail)}`),
  ]
  if (explanation) {
    lines.push('', '  What was asked, in this order:')
    for (const { question, answer, decides } of explanation.rules) {
      lines.push(`    ${decides ? '→' : ' '} ${plain(question)} ${decides ? bold(plain(answer)) : dim(plain(answer))}`)
    }
    if (explanation.otherwise.length > 0) {
      const action = explanation.otherwise[0]?.action === 'process' ? 'It would be passed on if' : 'It would not be answered if'
      lines.push('', `  ${action} ${explanation.otherwise.map(({ changes }) => plain(changes.join(' and '))).join(', or if ')}.`)
    }
  }
  lines.push('', '  What became of it:')
  let before: number | null = null
  for (const moment of moments) {
    lines.push(`    ${stamp(moment.atMs)}  ${since(moment.atMs, before).padStart(9)}  ${wordsFor(moment, life)}`)
    before = moment.atMs
  }
  return lines
}

function wordsFor({ what, key, detail }: Moment, { id }: Pick<Life, 'id'>): string {
  const part =
    key === undefined ? '' : key.startsWith(`${id}#`) ? ` (part ${Number(key.slice(key.lastIndexOf('#') + 1)) + 1})` : ` (${plain(key)})`
  const why = detail === undefined ? '' : `: ${plain(detail)}`
  const said = `${WORDS[what]}${part}${why}`
  return what === 'dead letter' ? red(said) : said
}

const WORDS: Readonly<Record<Moment['what'], string>> = {
  accepted: 'decided and recorded; it waits for its turn at the responder',
  held: 'decided and recorded; it is kept until its writer is let in',
  ignored: 'decided and recorded',
  released: 'released',
  dropped: 'dropped',
  adopted: 'taken over by the assistant',
  lost: 'lost by the assistant; it is asked again',
  answered: 'answered by the responder',
  failed: 'the responder failed',
  'dead letter': 'given up, kept as a dead letter',
  'tried again by hand': 'tried again by hand',
  'given up by hand': 'dropped by hand',
  'reply queued': 'reply recorded, to be sent',
  'reply posted': 'reply handed to the ZTM agent',
  'reply posted again': 'reply handed to the ZTM agent once more',
  'reply confirmed': 'reply seen on the mesh',
}

const stamp = (atMs: number): string => new Date(atMs).toISOString().replace('T', ' ').replace('Z', '')
const since = (atMs: number, before: number | null): string => {
  if (before === null) return ''
  const ms = atMs - before
  return ms < 1_000 ? `+${ms} ms` : `+${(ms / 1_000).toFixed(1)} s`
}
