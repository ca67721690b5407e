/** From what zod found to sentences: where, what was found, what is allowed. */
import { distance } from 'fastest-levenshtein'
import { z } from 'zod'
import { ACCOUNT_OPTIONS, configSchema } from './schema.ts'
import { maskUrl } from './url.ts'

export type Path = readonly PropertyKey[]
type Issue = z.core.$ZodIssue

const SHOWN_CHARACTERS = 60
/** Of a key: a whole group fits. */
const KEY_CHARACTERS = 120

/** `channels.ztm-chat.groupPermissions["alice/team"].allowFrom[0]` */
export function nameOf(prefix: string, path: Path): string {
  let name = prefix
  for (const key of path) {
    if (typeof key === 'number') name += `[${key}]`
    else if (/^[\w-]{1,64}$/.test(String(key))) name += name === '' ? String(key) : `.${String(key)}`
    else name += `[${JSON.stringify(shortened(String(key), KEY_CHARACTERS))}]`
  }
  return name === '' ? 'the config' : name
}

/** A found value as an error shows it: short, and without what may be a secret. */
export function shown(value: unknown, path: Path = []): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value !== 'string') return String(value)
  if (path.includes('tls') || value.includes('-----BEGIN')) return value === '' ? '""' : 'a text that is not shown here'
  const masked = value.includes('//') ? maskUrl(value) : value
  return JSON.stringify(shortened(masked, SHOWN_CHARACTERS))
}

const shortened = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max)}…` : text)

export function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined),
    input,
  )
}

export function unwrapped(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? unwrapped(schema.unwrap()) : schema
}

/** The options that an object may have, and what lies one level deeper as `limits.dispatches`. */
export function optionsOf(schema: z.core.$ZodType | undefined): ReadonlyMap<string, z.core.$ZodType> {
  const plain = unwrapped(schema)
  return plain instanceof z.ZodObject ? new Map(Object.entries(plain.shape)) : new Map()
}

function schemaAt(path: Path): z.core.$ZodType | undefined {
  return path.reduce<z.core.$ZodType | undefined>((schema, key) => {
    const plain = unwrapped(schema)
    return plain instanceof z.ZodRecord ? plain.valueType : optionsOf(plain).get(String(key))
  }, configSchema)
}

const folded = (key: string): string => key.toLowerCase().replace(/[^a-z0-9]/g, '')

/** What other channels and older versions call our options. */
const SYNONYMS: Readonly<Record<string, string>> = {
  url: 'agentUrl',
  baseurl: 'agentUrl',
  mesh: 'meshName',
  user: 'username',
  botusername: 'username',
  groups: 'groupPermissions',
  groupallowfrom: 'groupPermissions',
  permitfile: 'permitFilePath',
  timeout: 'apiTimeout',
  certificate: 'tls.cert',
  privatekey: 'tls.key',
}

function nearest(key: string, known: ReadonlyMap<string, z.core.$ZodType>): { readonly option: string; readonly far: boolean } | null {
  const synonym = Object.hasOwn(SYNONYMS, folded(key)) ? SYNONYMS[folded(key)] : undefined
  if (synonym !== undefined && known.has(synonym.split('.')[0] ?? '')) return { option: synonym, far: false }
  const candidates = [...known].flatMap(([name, schema]) => [
    { option: name, last: name },
    // One level deeper only when it is meant beyond doubt: `port` is `inspector.port`, but no `tls.cert`.
    ...[...optionsOf(schema).keys()]
      .filter(inner => folded(inner) === folded(key))
      .map(inner => ({ option: `${name}.${inner}`, last: inner })),
  ])
  const ranked = candidates
    .map(({ option, last }) => ({ option, steps: distance(folded(key), folded(last)) }))
    .sort((one, other) => one.steps - other.steps)
  const best = ranked[0]
  return best === undefined ? null : { option: best.option, far: best.steps > Math.max(1, folded(key).length / 3) }
}

function unknownOption(prefix: string, path: Path, key: string): string {
  const known = optionsOf(schemaAt(path))
  const isInAccount = path.length === 2 && path[0] === 'accounts'
  const name = nameOf(prefix, [...path, key])
  if (isInAccount && optionsOf(configSchema).has(key) && !ACCOUNT_OPTIONS.includes(key)) {
    return `${name} is not an option of an account; set it beside "accounts".`
  }
  // Such as `constructor`: every object of JavaScript has it, and no option is meant by it.
  if (key in {}) return `${name} is not an option; remove it.`
  const found = nearest(key, known)
  if (found === null) return `${name} is not an option.`
  return `${name} is not an option; ${found.far ? `the nearest one is "${found.option}".` : `did you mean "${found.option}"?`}`
}

/** One sentence for each fault of one zod issue; most issues are one fault. */
export function sentencesOf(issue: Issue, input: unknown, prefix: string): readonly string[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => unknownOption(prefix, issue.path, key))
  const name = nameOf(prefix, issue.path)
  if (issue.code === 'invalid_key') return [`${name} is ${issue.issues[0]?.message ?? 'not a key that can be used here'}.`]
  const found = valueAt(input, issue.path)
  const quote = issue.code === 'invalid_type' && issue.expected === 'string' && typeof found === 'number' ? ', in quotes' : ''
  return [`${name} is ${shown(found, issue.path)}; expected ${issue.message}${quote}.`]
}

/** A copy without the values at these paths: what is left is checked further, so that all problems are found at once. */
export function without(input: unknown, paths: readonly Path[]): unknown {
  if (typeof input !== 'object' || input === null || paths.length === 0) return input
  const below = new Map<string, Path[]>()
  for (const [key, ...rest] of paths) below.set(String(key), [...(below.get(String(key)) ?? []), rest])
  // Definitions, not assignments: a key may be called `__proto__`.
  return Object.fromEntries(
    Object.entries(input).flatMap(([key, value]) => {
      const inner = below.get(key) ?? []
      return inner.some(path => path.length === 0) ? [] : [[key, without(value, inner)]]
    }),
  )
}
