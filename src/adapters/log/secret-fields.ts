/** What no log line may hold, by the name of its field; and texts of messages, which are there for those who debug, and shortened. */

export const SECRET_FIELDS = [
  'permit',
  'permitUrl',
  'certificate',
  'privateKey',
  'cert',
  'token',
  'password',
  'secret',
  'authorization',
  'cookie',
] as const
export const REDACTED = '[redacted]'

export const TEXT_FIELDS = ['text', 'rawText', 'body'] as const
const TEXT_CHARACTERS_MAX = 80

/** A text as a log shows it. */
export function loggedText(value: unknown, isDebug: boolean): unknown {
  if (!isDebug) return '[text]'
  return typeof value === 'string' && value.length > TEXT_CHARACTERS_MAX ? `${value.slice(0, TEXT_CHARACTERS_MAX)}…` : value
}

/** For `JSON.stringify` of the fields of a line. `key` alone is a reply's key; in `tls` it is a secret. */
export const withoutSecrets = (isDebug: boolean) =>
  function replace(this: unknown, name: string, value: unknown): unknown {
    if (SECRET_FIELDS.some(secret => secret === name)) return REDACTED
    if (name === 'tls' && typeof value === 'object' && value !== null) return { ...value, key: REDACTED }
    return TEXT_FIELDS.some(text => text === name) ? loggedText(value, isDebug) : value
  }
