/** The runtime's log, written through OpenClaw's: one line, the account in front, fields behind. */
import { withoutSecrets } from '../adapters/log/secret-fields.ts'
import { seen } from '../domain/shown.ts'
import type { Log, LogFields } from '../ports/log.ts'
import type { HostLog } from './host.ts'

const LEVELS = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof LEVELS)[number]

/** `ZTM_CHAT_LOG_LEVEL`; it can only silence what OpenClaw's own level would show. Anything else shows all. */
export function levelFrom(environment: Readonly<Record<string, string | undefined>>): Level {
  const wanted = environment.ZTM_CHAT_LOG_LEVEL?.trim().toLowerCase()
  return LEVELS.find(level => level === wanted) ?? 'debug'
}

export function createHostLog(host: HostLog | undefined, level: Level, bound: LogFields): Log {
  const write = (at: Level) => (fields: LogFields, phrase: string) => {
    if (LEVELS.indexOf(at) < LEVELS.indexOf(level)) return
    const { account, ...rest } = { ...bound, ...fields }
    host?.[at]?.(
      [`[${account}] ${phrase}`, ...Object.entries(rest).flatMap(([key, value]) => inWords(key, value, at === 'debug'))].join(' '),
    )
  }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: fields => createHostLog(host, level, { ...bound, ...fields }),
  }
}

/** JSON keeps what a terminal would obey out of the line. */
function inWords(key: string, value: unknown, isDebug: boolean): string[] {
  if (value === undefined) return []
  const shown = { [key]: value instanceof Error ? value.message : value }
  // Of an object, so that the field is known by its name.
  return [`${key}=${seen(JSON.stringify(shown, withoutSecrets(isDebug))).slice(`{${JSON.stringify(key)}:`.length, -1)}`]
}
