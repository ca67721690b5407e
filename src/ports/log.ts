export type LogFields = Readonly<Record<string, unknown>>

/** A fixed phrase plus fields. Message text and secrets are never fields above `debug`. */
export interface Log {
  debug(fields: LogFields, phrase: string): void
  info(fields: LogFields, phrase: string): void
  warn(fields: LogFields, phrase: string): void
  error(fields: LogFields, phrase: string): void
  child(fields: LogFields): Log
}
