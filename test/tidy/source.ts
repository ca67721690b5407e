import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** One source file: its path from the project's root, with `/`, and its text. */
export type Source = { readonly path: string; readonly text: string }

/** Every TypeScript file below these folders. */
export function sourcesIn(...folders: readonly string[]): readonly Source[] {
  return folders.flatMap(folder =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && /\.ts$/.test(entry.name))
      .map(entry => join(entry.parentPath, entry.name))
      .map(file => ({ path: relative(ROOT, file).split(sep).join('/'), text: readFileSync(file, 'utf8') })),
  )
}

/** `isType`: nothing of it is left in the JavaScript. */
export type Import = { readonly specifier: string; readonly isType: boolean }

export function importsOf(text: string): readonly Import[] {
  const code = withoutComments(text)
  const declared = [...code.matchAll(/^[ \t]*(?:import|export)\s+(type\s)?([^'";]*?)from\s*['"]([^'"]+)['"]/gm)].map(
    ([, type, names = '', specifier = '']) => ({
      specifier,
      isType: type !== undefined || areTypes(names),
    }),
  )
  const bare = [...code.matchAll(/^[ \t]*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm)].map(([, one, other]) => ({
    specifier: one ?? other ?? '',
    isType: false,
  }))
  return [...declared, ...bare]
}

/** `{ type A, type B }` */
function areTypes(names: string): boolean {
  const inside = /^\s*\{([\s\S]*)\}\s*$/.exec(names)?.[1]
  if (inside === undefined) return false
  const listed = inside.split(',').map(name => name.trim())
  return listed.every(name => name === '' || name.startsWith('type '))
}

/** The file that an import leads to, from the project's root; null when it is a package or a node: module. */
export function targetOf(path: string, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.normalize(posix.join(dirname(path), specifier)) : null
}

const COMMENT_OR_TEXT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g

export const withoutComments = (text: string): string => text.replace(COMMENT_OR_TEXT, found => (found.startsWith('/') ? '' : found))

/** What runs: no comments, and no texts in quotes. */
export const withoutTexts = (text: string): string => text.replace(COMMENT_OR_TEXT, found => (found.startsWith('/') ? '' : "''"))
