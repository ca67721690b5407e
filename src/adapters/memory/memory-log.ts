import type { Log, LogFields } from '../../ports/log.ts'

export type LogLine = { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly phrase: string; readonly fields: LogFields }

/** Keeps the newest `linesMax` lines. */
export function createMemoryLog(linesMax = 10_000): { readonly log: Log; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const bind = (bound: LogFields): Log => {
    const at = (level: LogLine['level']) => (fields: LogFields, phrase: string) => {
      lines.push({ level, phrase, fields: { ...bound, ...fields } })
      if (lines.length > linesMax) lines.shift()
    }
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: more => bind({ ...bound, ...more }) }
  }
  return { log: bind({}), lines }
}
