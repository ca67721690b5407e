import { createPinoLog, LOG_LEVELS, parseLogLevel } from '../adapters/log/pino-log.ts'
import type { Log } from '../ports/log.ts'
import { STATE_PHRASE } from '../runtime/runtime.ts'
import { UsageError } from './usage-error.ts'

/** @throws {UsageError} */
export function openLog(env: Readonly<Record<string, string | undefined>> = process.env): Log {
  const level = parseLogLevel(env['ZTM_CHAT_LOG_LEVEL'])
  if (level === null)
    throw new UsageError(`ZTM_CHAT_LOG_LEVEL is ${JSON.stringify(env['ZTM_CHAT_LOG_LEVEL'])}; expected ${LOG_LEVELS.join(', ')}.`)
  return createPinoLog({ level })
}

/** Where events and log end on one terminal: without what an event has told already. */
export const withoutTold = (log: Log): Log => ({
  ...log,
  info: (fields, phrase) => phrase !== STATE_PHRASE && log.info(fields, phrase),
  warn: (fields, phrase) => phrase !== STATE_PHRASE && log.warn(fields, phrase),
  child: fields => withoutTold(log.child(fields)),
})
