/** What the documents of this project show: code, command lines, tables. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')

/** A document, by its path from the project's root. */
export const documentAt = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** What stands in the fence behind the language is its name. */
export type Block = { readonly language: string; readonly name: string; readonly code: string }

export const codeBlocks = (text: string): readonly Block[] =>
  [...text.matchAll(/^```(\w+) ?([^\n]*)\n(.*?)^```$/gms)].map(([, language = '', name = '', code = '']) => ({ language, name, code }))

/** What stands outside of code blocks. */
export const withoutBlocks = (text: string): string => text.replaceAll(/^```.*?^```$/gms, '')

/** From this heading of the second level to the next. */
export function section(text: string, heading: string): string {
  const start = text.indexOf(`\n## ${heading}\n`)
  if (start < 0) throw new Error(`The document has no section "${heading}".`)
  const end = text.indexOf('\n## ', start + 4)
  return text.slice(start, end < 0 ? undefined : end)
}

/** Between `<!-- NAME -->` and `<!-- /NAME -->`. */
export function part(text: string, name: string): string {
  const [, found] = text.match(new RegExp(`<!-- ${name} -->\n([^]*?)<!-- /${name} -->`)) ?? []
  if (found === undefined) throw new Error(`The document has no part "${name}".`)
  return found
}

/** The cells of each row of the tables, without their heads. */
export const tableRows = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter((line, at, lines) => line.startsWith('|') && !isRuler(line) && !isRuler(lines[at + 1] ?? ''))
    .map(cellsOf)

const isRuler = (line: string): boolean => /^\|[-:| ]+\|$/.test(line)
const cellsOf = (line: string): readonly string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map(cell => cell.trim())

/** Everything in backquotes. */
export const quoted = (text: string): readonly string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, found = '']) => found)
