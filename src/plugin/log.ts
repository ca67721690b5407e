/** The runtime's log, written through OpenClaw's: one line, the account in front, fields behind. */
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
    host?.[at]?.([`[${account}] ${phrase}`, ...Object.entries(rest).flatMap(([key, value]) => inWords(key, value))].join(' '))
  }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: fields => createHostLog(host, level, { ...bound, ...fields }),
  }
}

/** JSON keeps control characters of names and errors out of the line. */
function inWords(key: string, value: unknown): string[] {
  if (value === undefined) return []
  return [`${key}=${JSON.stringify(value instanceof Error ? value.message : value)}`]
}
