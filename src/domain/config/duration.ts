const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A number with a unit, as people write it: `5m`, `5 min`, `1.5 hours`. A bare number in quotes has no unit and is refused. */
export const DURATION = /^(\d+(?:\.\d+)?) *(ms|millisecond|s|sec|second|m|min|minute|h|hr|hour|d|day)s?$/

/** Ms, or null when it is no duration. A number is ms already. */
export function durationMs(value: string | number): number | null {
  if (typeof value === 'number') return value
  const [, amount, unit] = DURATION.exec(value) ?? []
  if (amount === undefined || unit === undefined) return null
  const ms = UNIT_MS[unit.startsWith('mil') ? 'ms' : unit === 'ms' ? unit : unit.charAt(0)]
  return ms === undefined ? null : Math.round(Number(amount) * ms)
}
