import { createPinoLog, LOG_LEVELS, parseLogLevel } from '../adapters/log/pino-log.ts'
import type { Log } from '../ports/log.ts'
import { UsageError } from './usage-error.ts'

/** @throws {UsageError} */
export function openLog(env: Readonly<Record<string, string | undefined>> = process.env): Log {
  const level = parseLogLevel(env['ZTM_CHAT_LOG_LEVEL'])
  if (level === null)
    throw new UsageError(`ZTM_CHAT_LOG_LEVEL is ${JSON.stringify(env['ZTM_CHAT_LOG_LEVEL'])}; expected ${LOG_LEVELS.join(', ')}.`)
  return createPinoLog({ level })
}
