import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { accountFolder, openAccountStore } from '../../adapters/store/account-store.ts'
import type { Json } from '../../domain/json.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import { shownName, shownPlace } from '../../domain/shown.ts'
import { type Replayed, replayFrom, type Until } from '../../runtime/replay.ts'
import { atRestOf, type StateOptions } from '../at-rest.ts'
import { chatOf } from '../chat-name.ts'
import { ControlRefused } from '../control/protocol.ts'
import { colours, plain, print, printJson, printRows, warn } from '../output.ts'
import { UsageError } from '../usage-error.ts'

export type ReplayOptions = StateOptions & { readonly until?: string; readonly chat?: string }

/** The journal of state at rest through the charts again, up to a moment. Nothing is sent, and nothing is written. */
export async function replay(options: ReplayOptions): Promise<number> {
  const until = untilOf(options.until)
  const key = options.chat === undefined ? null : `chat:${chatOf('--chat', options.chat)}`
  const { accounts, stateDir } = await atRestOf(options)
  const there = accounts.filter(({ id }) => existsSync(join(stateDir, 'accounts', accountFolder(id))))
  if (there.length === 0)
    throw new ControlRefused(`Nothing ever ran with the state directory ${stateDir}; name another one with --state-dir.`)
  for (const settings of there) {
    const replayed = await replayAccount(settings, stateDir, until)
    for (const problem of replayed.problems) warn(problem)
    const entries = [...replayed.entries].filter(([found]) => key === null || found === key)
    if (options.json) {
      const { firstSeq, lastSeq, atMs } = replayed
      printJson({ account: settings.id, firstSeq, lastSeq, atMs, entries: Object.fromEntries(entries) })
    } else show(settings.id, replayed, entries)
  }
  return 0
}

async function replayAccount({ id, limits }: AccountSettings, stateDir: string, until: Until): Promise<Replayed> {
  const store = await openAccountStore({ root: stateDir, account: id })
  try {
    await store.load()
    return await replayFrom(store, limits, until)
  } finally {
    await store.close()
  }
}

/** As people and JSON write it. JavaScript itself would make a time of nearly anything, such as -1. */
const TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i

/** A time, or the number of a record. */
function untilOf(text: string | undefined): Until {
  if (text === undefined) return {}
  if (/^\d{1,12}$/.test(text)) return { seq: Number(text) }
  const atMs = TIME.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(atMs)) return { atMs }
  throw new UsageError(`--until is ${JSON.stringify(text)}; expected a time, such as 2026-11-27T09:30:00Z, or the number of a record.`)
}

function show(account: string, { firstSeq, lastSeq, atMs }: Replayed, entries: readonly (readonly [string, Json])[]): void {
  const when = atMs === null ? 'nothing was recorded by then' : `as of ${new Date(atMs).toISOString()}, records ${firstSeq} to ${lastSeq}`
  print(`${colours.bold(plain(account))}  ${colours.dim(when)}`)
  const rows = entries
    .filter(([key]) => key !== 'account')
    .map(([key, value]) => {
      const [kind, name] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)]
      return kind === 'pairing'
        ? [`pairing of ${shownName(name)}`, stateOf(value), '']
        : [shownPlace(name), stateOf(field(value, 'chat')), stateOf(field(value, 'outbox'))]
    })
  if (rows.length > 0) printRows(['CHAT', 'STATE', 'OUTBOX'], rows)
}

const field = (value: Json, name: string): Json =>
  typeof value === 'object' && value !== null ? (new Map(Object.entries(value)).get(name) ?? null) : null

/** The states of a chart that was kept, as in `turn: answering.dispatching`. */
function stateOf(chart: Json): string {
  if (chart === null) return 'rests'
  const walk = (value: Json): string =>
    typeof value === 'object' && value !== null
      ? Object.entries(value)
          .map(([name, inner]) => `${name}.${walk(inner ?? null)}`)
          .join(', ')
      : String(value)
  return walk(field(chart, 'value'))
}
