/** The options of one account as command-line flags, for whoever sets an account up without a config file at hand. */
import { z } from 'zod'
import { optionsOf, unwrapped } from './problems.ts'
import { accountShape, optionNotes } from './schema.ts'

export type Flag = {
  /** In camel case, as the flag without its dashes: `agentUrl` for `--agent-url`, `tlsCa` for `--tls-ca`. */
  readonly key: string
  /** Where its value goes in the account. */
  readonly path: readonly string[]
  readonly kind: 'string' | 'boolean' | 'integer' | 'string-list' | 'choice' | 'json'
  readonly choices?: readonly string[]
  readonly flags: string
  readonly negatedFlags?: string
  readonly description: string
  readonly sensitive?: boolean
}

/** The control envelope of whoever calls has a flag for it. */
const OF_THE_CALLER = new Set(['enabled', 'name'])

export function accountFlags(): readonly Flag[] {
  return [...optionsOf(z.strictObject(accountShape))].flatMap(([name, schema]) => {
    if (OF_THE_CALLER.has(name) || optionNotes.get(schema)?.retired) return []
    // Few and scalar: a flag each. Many: one flag that takes JSON.
    const inner = [...optionsOf(schema)]
    if (inner.length === 0 || inner.length > 3) return [flagOf([name], schema)]
    return inner.map(([last, innerSchema]) => flagOf([name, last], innerSchema))
  })
}

function flagOf(path: readonly string[], schema: z.core.$ZodType): Flag {
  const key = path.map((part, index) => (index === 0 ? part : part.charAt(0).toUpperCase() + part.slice(1))).join('')
  const long = key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  const { notes = '', sensitive } = optionNotes.get(schema) ?? {}
  const plain = unwrapped(schema)
  const shared = { key, path, description: notes.replaceAll('`', ''), ...(sensitive ? { sensitive } : {}) }
  if (plain instanceof z.ZodBoolean) return { ...shared, kind: 'boolean', flags: `--${long}`, negatedFlags: `--no-${long}` }
  if (plain instanceof z.ZodEnum) return { ...shared, kind: 'choice', choices: plain.options.map(String), flags: `--${long} <choice>` }
  if (plain instanceof z.ZodArray) return { ...shared, kind: 'string-list', flags: `--${long} <list>` }
  if (plain instanceof z.ZodNumber && plain.isInt) return { ...shared, kind: 'integer', flags: `--${long} <number>` }
  if (plain instanceof z.ZodRecord || plain instanceof z.ZodObject || plain instanceof z.ZodNumber) {
    return { ...shared, kind: 'json', flags: `--${long} <${plain instanceof z.ZodNumber ? 'number' : 'json'}>` }
  }
  return { ...shared, kind: 'string', flags: `--${long} <${plain instanceof z.ZodString ? 'text' : 'value'}>` }
}

/** What the flags say, as an account's options. A text of a `json` flag that is no JSON stays a text: the schema then says what was expected. */
export function optionsOfFlags(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  for (const { key, path, kind } of accountFlags()) {
    const value = given[key]
    if (value === undefined) continue
    const [name, last] = path
    const read = kind === 'json' || key === 'firstSync' ? readJson(value) : value
    if (name !== undefined) options[name] = last === undefined ? read : { ...Object(options[name]), [last]: read }
  }
  return options
}

function readJson(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
