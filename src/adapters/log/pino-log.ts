/** Logs as JSON lines with pino; secrets are cut out by the name of their field. */
import { type DestinationStream, destination, type Logger, pino } from 'pino'
import { seen } from '../../domain/shown.ts'
import type { Log, LogFields } from '../../ports/log.ts'
import { loggedText, REDACTED, SECRET_FIELDS, TEXT_FIELDS } from './secret-fields.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** At the top and up to two levels down (in `settings.tls.key`, for one); `key` alone is a reply's key. */
const REDACTED_PATHS = SECRET_FIELDS.flatMap(name => [name, `*.${name}`, `*.*.${name}`]).concat('tls.key', '*.tls.key')

const STANDARD_ERROR = 2

export type PinoLogOptions = {
  readonly level: LogLevel
  /** Gets whole lines. Standard error when absent: standard output belongs to the product. */
  readonly to?: DestinationStream
}

export function createPinoLog({ level, to }: PinoLogOptions): Log {
  const isDebug = level === 'debug'
  const text = (value: unknown) => loggedText(value, isDebug)
  // Written at once: what is logged last before a crash is what one wants to read.
  const destinationOfLines = to ?? destination({ dest: STANDARD_ERROR, sync: true })
  const logger = pino(
    {
      level,
      base: null,
      redact: { paths: REDACTED_PATHS, censor: REDACTED },
      serializers: { err: error => describe(error, isDebug), ...Object.fromEntries(TEXT_FIELDS.map(name => [name, text])) },
    },
    { write: line => destinationOfLines.write(seen(line)) },
  )
  return wrap(logger)
}

const wrap = (logger: Logger): Log => ({
  debug: (fields, phrase) => logger.debug(fields, phrase),
  info: (fields, phrase) => logger.info(fields, phrase),
  warn: (fields, phrase) => logger.warn(fields, phrase),
  error: (fields, phrase) => logger.error(fields, phrase),
  child: (fields: LogFields) => wrap(logger.child(fields)),
})

/** The sentence and what caused it; the stack is for those who debug. Other properties of an error may hold anything, and stay out. */
function describe(error: unknown, withStack: boolean): unknown {
  if (!(error instanceof Error)) return error
  return {
    type: error.name,
    message: error.message,
    ...('code' in error && { code: error.code }),
    ...(error.cause instanceof Error && { cause: error.cause.message }),
    ...(withStack && { stack: error.stack }),
  }
}

/** `ZTM_CHAT_LOG_LEVEL`, or null when it is set to something else. */
export function parseLogLevel(text: string | undefined): LogLevel | null {
  if (text === undefined || text === '') return 'warn'
  return LOG_LEVELS.find(level => level === text) ?? null
}
