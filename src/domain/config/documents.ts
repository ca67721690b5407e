/** What others read of the schema: OpenClaw's JSON Schema and hints, and the tables of the README. */
import { z } from 'zod'
import type { Json } from '../json.ts'
import { optionsOf, unwrapped } from './problems.ts'
import { configSchema, type OptionNotes, optionNotes } from './schema.ts'

type JsonSchema = { [key: string]: Json | undefined }

export type UiHint = {
  readonly label: string
  readonly help: string
  readonly placeholder?: string
  readonly sensitive?: boolean
  readonly advanced?: boolean
}

type Described = { readonly path: string; readonly notes: OptionNotes }

/** Every option with its dotted path; `*` stands for the keys of a map. */
function walk(schema: z.core.$ZodType, prefix = ''): readonly Described[] {
  const plain = unwrapped(schema)
  if (plain instanceof z.ZodRecord) return walk(plain.valueType, `${prefix}*.`)
  return [...optionsOf(plain)].flatMap(([key, inner]) => {
    const notes = optionNotes.get(inner)
    return [...(notes ? [{ path: prefix + key, notes }] : []), ...walk(inner, `${prefix}${key}.`)]
  })
}

const isObject = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null && !Array.isArray(value)

/** `anyOf [X, null]` as one type `[x, null]`: forms and error texts know what to do with that. */
function flat(node: JsonSchema): JsonSchema {
  const made = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      isObject(value) ? flat(value) : Array.isArray(value) ? value.map(item => (isObject(item) ? flat(item) : item)) : value,
    ]),
  )
  const { anyOf, ...rest } = made
  if (!Array.isArray(anyOf)) return made
  const choices = anyOf.filter(isObject)
  const [first, second] = choices
  if (choices.length !== 2 || first === undefined || second?.type !== 'null') return made
  // A choice between several types: null is one more of them.
  if (Array.isArray(first.anyOf)) return { ...rest, anyOf: [...first.anyOf, second] }
  if (typeof first.type !== 'string') return made
  return { ...first, ...rest, type: [first.type, 'null'], ...(Array.isArray(first.enum) ? { enum: [...first.enum, null] } : {}) }
}

/**
 * What may be written, as JSON Schema draft 7. Every option has a description. Defaults stand at the root only: a host that fills them in
 * would else write them into every account, over what the root says.
 */
export function configJsonSchema(): JsonSchema {
  const made = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      const notes = optionNotes.get(zodSchema)
      if (notes) Object.assign(jsonSchema, { title: notes.label, description: plainText(notes.notes) })
    },
  })
  const schema = flat(JSON.parse(JSON.stringify(made)))
  const withDefaults = Object.entries(isObject(schema.properties) ? schema.properties : {}).map(([name, property]) => {
    const standard = optionNotes.get(configSchema.shape[name as keyof typeof configSchema.shape])?.default
    return [
      name,
      standard === undefined || typeof standard === 'object' || !isObject(property) ? property : { ...property, default: standard },
    ]
  })
  return { ...schema, properties: Object.fromEntries(withDefaults) }
}

const plainText = (markdown: string): string => markdown.replaceAll('`', '')

export type DescribedOption = {
  readonly name: string
  /** One or two sentences. */
  readonly notes: string
  /** What it may be, in words. */
  readonly type: string
  readonly default: OptionNotes['default']
  readonly advanced: boolean
}

/** The options that stand at the root, in the order in which people are shown them; without those of the older plugin. */
export function rootOptions(): readonly DescribedOption[] {
  return [...optionsOf(configSchema)].flatMap(([name, schema]) => {
    const notes = optionNotes.get(schema)
    if (notes === undefined || notes.retired) return []
    return [{ name, notes: plainText(notes.notes), type: plainText(notes.type), default: notes.default, advanced: notes.advanced ?? false }]
  })
}

/** By dotted path; `accounts.*.field` for the fields of an account. */
export function configUiHints(): Record<string, UiHint> {
  return Object.fromEntries(
    walk(configSchema).map(({ path, notes }) => [
      path,
      {
        label: notes.label,
        help: plainText(notes.notes),
        ...(notes.placeholder === undefined ? {} : { placeholder: notes.placeholder }),
        ...(notes.sensitive ? { sensitive: true } : {}),
        ...(notes.advanced ? { advanced: true } : {}),
      },
    ]),
  )
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function row({ path, notes }: Described): string {
  return `| \`${path}\` | ${cell(typeAndDefault(notes))} | ${cell(notes.notes)} |`
}

/** The default after the type, or marked where the type names it already. */
function typeAndDefault({ type, default: standard }: OptionNotes): string {
  if (standard === undefined || (typeof standard === 'object' && !Array.isArray(standard))) return type
  const code = `\`${typeof standard === 'string' ? standard : JSON.stringify(standard)}\``
  return type.includes(code) ? type.replace(code, `${code} (default)`) : `${type}, ${code}`
}

const table = (rows: readonly Described[]): string => ['| option | type, default | notes |', '|---|---|---|', ...rows.map(row)].join('\n')

/** The README's table of options. What an account may say is listed once, at the root. */
export function configTable(): string {
  return table(walk(configSchema).filter(({ path, notes }) => !/^(accounts|limits)\./.test(path) && !notes.retired))
}

/** The names below `limits`, with their defaults. */
export function limitsTable(): string {
  return table(walk(configSchema).filter(({ path }) => path.startsWith('limits.')))
}
