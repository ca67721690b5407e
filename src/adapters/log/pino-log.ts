/** Logs as JSON lines with pino; secrets are cut out by the name of their field. */
import { type DestinationStream, destination, type Logger, pino } from 'pino'
import type { Log, LogFields } from '../../ports/log.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Fields that are never written, at the top and up to two levels down (in `settings.tls.key`, for one). */
const SECRET = ['permit', 'permitUrl', 'certificate', 'privateKey', 'cert', 'token', 'password', 'secret', 'authorization', 'cookie']
/** `key` alone is a reply's key. */
const REDACTED = SECRET.flatMap(name => [name, `*.${name}`, `*.*.${name}`]).concat('tls.key', '*.tls.key')

/** Longest text of a message in a log line, at debug; above it there is none. */
const TEXT_CHARACTERS_MAX = 80
const STANDARD_ERROR = 2

export type PinoLogOptions = {
  readonly level: LogLevel
  /** Gets whole lines. Standard error when absent: standard output belongs to the product. */
  readonly to?: DestinationStream
}

export function createPinoLog({ level, to }: PinoLogOptions): Log {
  const isDebug = level === 'debug'
  const text = (value: unknown) => (isDebug ? shortened(value) : '[text]')
  const logger = pino(
    {
      level,
      base: null,
      redact: { paths: REDACTED, censor: '[redacted]' },
      serializers: { err: error => describe(error, isDebug), text, rawText: text, body: text },
    },
    // Written at once: what is logged last before a crash is what one wants to read.
    to ?? destination({ dest: STANDARD_ERROR, sync: true }),
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

const shortened = (value: unknown): unknown =>
  typeof value === 'string' && value.length > TEXT_CHARACTERS_MAX ? `${value.slice(0, TEXT_CHARACTERS_MAX)}…` : value

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
