/** How things are said: times, states, names. */
import type { Json } from '../../domain/json.ts'

export { plain, plainLines, shownName, shownPlace } from '../../domain/shown.ts'

const TIME = new Intl.DateTimeFormat('sv', { timeStyle: 'medium' })
const DAY = new Intl.DateTimeFormat('sv', { dateStyle: 'short' })

/** Of another day than today: with the day. */
export function clock(atMs: number): string {
  const day = DAY.format(atMs)
  return day === DAY.format(Date.now()) ? TIME.format(atMs) : `${day} ${TIME.format(atMs)}`
}
export const clockMs = (atMs: number): string => `${clock(atMs)}.${String(Math.floor(atMs) % 1_000).padStart(3, '0')}`

/** Of all times on the page: `Europe/Berlin, UTC+1`. */
export function zone(): string {
  const { timeZone } = TIME.resolvedOptions()
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'shortOffset' }).formatToParts()
  const offset = parts.find(({ type }) => type === 'timeZoneName')?.value.replace('GMT', 'UTC') ?? ''
  return timeZone === 'UTC' ? timeZone : `${timeZone}, ${offset}`
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  return ms < 86_400_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}

/** How long something lasts: tenths of a second would only flicker. */
export const age = (ms: number): string => (ms < 59_500 ? `${Math.max(0, Math.round(ms / 1_000))} s` : duration(Math.max(60_000, ms)))

export const ago = (atMs: number | null, nowMs: number): string => (atMs === null ? 'never' : `${age(nowMs - atMs)} ago`)

/** `door: deciding · turn: answering › dispatching`. */
export function stateText(value: Json): string {
  if (typeof value === 'string') return value
  if (value === null || typeof value !== 'object') return String(value)
  const parts = Object.entries(value).map(([region, inner]) => ({ region, inner: stateText(inner ?? null) }))
  return parts.length === 1
    ? `${parts[0]?.region} › ${parts[0]?.inner}`
    : parts.map(({ region, inner }) => `${region}: ${inner}`).join(' · ')
}

/** Ids of all states that are active, as the drawings have them. */
export function activeStates(chart: string, value: Json): readonly string[] {
  if (typeof value === 'string') return [`${chart}.${value}`]
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([name, inner]) => [`${chart}.${name}`, ...activeStates(`${chart}.${name}`, inner ?? null)])
}
